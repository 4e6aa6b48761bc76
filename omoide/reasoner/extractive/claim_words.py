"""Words of `claims`."""

from __future__ import annotations

import re

from omoide.reasoner.extractive.slot_words import ONE_RELATION, RELATIONS, SPECIES
from omoide.reasoner.extractive.word_lists import word_lists

_LISTS = word_lists("claims")


def _classes(name: str) -> dict[str, str]:
    """Words by the first word of their line."""
    return {word: line.split()[0] for line in _LISTS.lines(name) for word in line.split()}


COUNTED = _classes("counted")
"""Things of which a person has a number for long, with one form for each."""
DEVICES = _classes("devices")

UNIQUE = dict.fromkeys(_LISTS.phrases("states"), "state") | dict.fromkeys(_LISTS.words("events"), "event")
"""Attributes with one value at a time. Of events there may be several, so only a stated change replaces one."""

BARE_VERBS = _LISTS.words("bare_verbs")
VAGUE_VERBS = _LISTS.words("vague_verbs")
WORDED = _LISTS.phrases("worded")
"""Attributes whose value may be a word that is no name."""
MANY_KIN = _LISTS.words("many_kin")
PLAIN_ADJECTIVES = _LISTS.words("plain_adjectives")
VISITING = _LISTS.words("visiting")
GETTING = _LISTS.words("getting")
PETS = SPECIES | {"puppy", "kitten"}
KIN = RELATIONS | SPECIES | _LISTS.words("further_kin")
ONE_KIN = ONE_RELATION | _LISTS.words("one_kin")

CONDITIONS = re.compile(rf"\b{_LISTS.any_of('conditions')}\b")
"""Words of statements that hold under conditions."""
MOMENTS = re.compile(rf"\b{_LISTS.any_of('moments')}\b")
"""Words of statements that hold for a moment."""
FURTHER = re.compile(rf"\b{_LISTS.any_of('further')}\b")
"""Words of statements about something in addition to what is known."""
LONG_AGO = re.compile(rf"\b(?:{_LISTS.any_of('past')}|in (?:19|20)\d\d|in the (?:nineties|eighties|seventies|\d0s))\b")
LIMITS = re.compile(f"{CONDITIONS.pattern}|{MOMENTS.pattern}|{FURTHER.pattern}|{LONG_AGO.pattern}")
"""Any of these."""
SLOT_STARTS = _LISTS.words("slot_starts")
DWELLINGS = _LISTS.any_of("dwellings")
OPENER = re.compile(
    rf"{_LISTS.any_of('openers')}(?:[,.!:…]+ *(?:[-–—] )?| (?:[-–—] )?(?=(?:i|we|my|our)\b))", re.IGNORECASE
)
BAD, GOOD = (re.compile(rf"\b{_LISTS.any_of(name)}\b") for name in ("bad", "good"))
FINISHING, CHANGING = _LISTS.any_of("finishing"), _LISTS.any_of("changing")
CHANGING_WORDS = _LISTS.text("changing").replace("_", " ")
KIN_ADJECTIVES = _LISTS.any_of("kin_adjectives")
