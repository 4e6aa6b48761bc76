"""Words of `claims`."""

from __future__ import annotations

import re

_COUNTED = """
kid kids child children; son sons; daughter daughters; brother brothers; sister sisters; sibling siblings
grandchild grandchildren grandkid grandkids; cat cats; dog dogs; rabbit rabbits; horse horses; hamster hamsters
parrot parrots; chicken chickens; goat goats; pet pets; car cars; employee employees; roommate roommates
flatmate flatmates; cow cows; bird birds; fish fishes; tortoise tortoises
"""
COUNTED = {
    word: group.split()[0]
    for line in _COUNTED.strip().splitlines()
    for group in line.split(";")
    for word in group.split()
} | {"kids": "child", "kid": "child", "children": "child", "child": "child", "grandkids": "grandchild"}
"""Things of which a person has a number for long, with one form for each."""

_STATES = """
phone number|number|mobile number|cell number|email|email address|e-mail|address|home address|postal address|zip code
postcode|rent|salary|income|weight|height|job title|title|major|minor|degree|username|handle|password|wifi password
bank|doctor|dentist|therapist|landlord|landlady|manager|supervisor|teacher|coach|trainer|gym|time zone|timezone
last name|surname|nickname|shoe size|dress size|budget|thesis topic|blood pressure|visa status|status|best time|best
personal best|record|personal record|pb|high score|best score|editor|operating system|phone|laptop|dosage|dose|ranking
rating|level|commute|work schedule|schedule|team|position|role|office number|shift|mortgage|debt|savings
"""
_EVENTS = "flight appointment meeting deadline wedding exam interview surgery operation trip move"
UNIQUE = {each: "state" for line in _STATES.strip().splitlines() for each in line.split("|")} | dict.fromkeys(
    _EVENTS.split(), "event"
)
"""Attributes with one value at a time. Of events there may be several, so only a stated change replaces one."""

_BARE = "smoke drink gamble vape meditate cook jog swim exercise dance drive commute volunteer"
BARE_VERBS = frozenset(_BARE.split())
"""Verbs that state a habit without an object."""

_VAGUE = """
feel need see hear think know understand remember mean guess hope say tell look seem appear sound try keep get make
take put let come go do be become start begin want wish wonder ask agree care mind suppose expect notice find
"""
VAGUE_VERBS = frozenset(_VAGUE.split())
"""Verbs whose present tense states no lasting fact."""

MOMENTARY = re.compile(
    r"\b(?:today|tonight|right now|at the moment|this (?:morning|afternoon|evening|week|weekend|time)"
    r"|for (?:a while|now)"
    r"|temporarily|yet|sometimes|usually|often|on weekends|when|while|until|unless|whenever|as long as|so far)\b"
)
"""Words of statements that hold for a moment, or under conditions."""
