"""Patterns of `claims`, for predicates such as "plays the guitar" and possessions such as "own rent is 900 euros"."""

from __future__ import annotations

import re

from omoide.reasoner.extractive.lexicon import verb as finite_verb

_N = r"(?:\d{1,4}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve"
NUMBERS = {word: str(n) for n, word in enumerate(_NUMBERS.split())} | {"a": "1", "an": "1"}
DETERMINERS = frozenset(["a", "an", "the", "own", "my", "some"])

LEADING_ADVERBS = re.compile(
    r"(?:(?:also|now|currently|really|actually|just|recently|finally|still|already|officially|sadly|has|have) )+"
    r"(?=[a-z])(?!(?:a|an|the|no|two|three|four|five|been|one|\d+) )"
)
TRAILING = re.compile(
    r"(?:(?:^|[\s,]+)(?:any ?more|any longer|now|after all|again|already|recently|lately|finally|too|as well"
    r"|at all|altogether"
    r"|completely|for good|these days|nowadays|at last|instead|yesterday|tomorrow|soon|someday|one day"
    r"|very much|a lot|so much"
    r"|(?:last|next|this) (?:\w+)|in (?:January|February|March|April|May|June|July|August|September|October|November"
    r"|December|spring|summer|autumn|fall|winter|the (?:spring|summer|autumn|fall|winter)|(?:19"
    r"|20)\d\d)(?: (?:19|20)\d\d)?"
    r"|(?:around |about )?(?:a few|a couple of|\w+) (?:day|week|month|year)s? ago|since (?:\w+ )?\w+"
    r"|for (?:\w+) (?:years|months|weeks)"
    r"|on (?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)))$"
)
NOTHING_MORE = re.compile(
    r"\s*(?:$|[.,;!]|(?:last|this|yesterday|today|in|on|because|since|after|from|and|now|\w+ \w+ ago)\b)"
)
STARTS_WITH_VERB = re.compile(
    r"(?:now |also |then |just |still )?(?:is|has|does|was|lives?|works?|likes?|loves?|hates?|enjoys?|prefers?"
    r"|plays?|moved"
    r"|plans?|wants?|uses?|drives?|owns?|speaks?|eats?|drinks?|studies|studied|got|quit|stopped|started|bought"
    r"|sold|left"
    r"|adopted|teaches|runs?|goes|went|became|dislikes|adores|needs?|keeps?|switched|gave)\b"
)

JOB_OVER = re.compile(
    r"(?:quit|left|lost|resigned from|got fired from|was fired from|got laid off from"
    r"|was laid off from) own (?:\w+ )?job\b"
    r"|(?:got|was|has been) (?:fired|laid off|let go|made redundant)\b|(?:has )?(?:retired|resigned)\b"
    r"|is (?:now )?(?:unemployed|retired|between jobs|out of work|jobless)\b"
)
STATUSES = {
    "single": "single", "dating": "dating", "engaged": "engaged", "married": "married", "divorced": "divorced",
    "separated": "separated", "widowed": "widowed", "broke": "apart", "broken": "apart", "split": "apart",
}  # fmt: skip
PARTNERS = ("girlfriend", "boyfriend", "partner", "fiancé", "fiancée", "fiance", "fiancee")
STATUS = re.compile(
    r"(?:is (?:now )?(?:happily |newly )?|got (?:re)?)(?P<status>single|engaged|married|divorced|separated|widowed"
    r"|dating(?= (?:[A-Z]|someone)))(?=$|[.,;!]| )"
)
SEPARATED_FROM = re.compile(
    r"(?:[A-Z]\w+ and I |own \w+ and I )?(?:(?:has|have|just) )*(?P<status>broke up|broken up|split up)\b"
)
MEASURE = re.compile(r"(?P<what>weighs)(?: now)? (?P<value>\d[\d.,]* ?(?:kg|kilos?|pounds|lbs?|stone))\b")
COUNT = re.compile(
    rf"(?:only )?(?:has|have)(?: now| only)? (?P<count>{_N}) (?:(?:little|older|younger|small"
    rf"|beautiful) )?(?P<noun>[a-z]+)\b"
)
BEATEN = re.compile(
    r"(?:beat|broke|improved|set) (?:a new |own )(?P<what>(?:best time|personal best|best|record|pb)(?: (?:in"
    r"|for|on|at) [^,.;]+?)?)"
    r"(?:,| to| with|: ).*?(?P<value>\d[\d:.,]*\d)"
)
CHANGED_ATTRIBUTE = re.compile(r"(?:changed|switched|updated) own (?P<what>[a-z]+(?: [a-z]+){0,2}) to ")
ATTRIBUTE = re.compile(
    r"own (?P<what>[^.,;!?]{2,50}?) (?:is now|are now|is|are|went (?:up|down) to|rose to|dropped to"
    r"|increased to|fell to"
    r"|changed to|has changed to|was (?:moved|changed|postponed|rescheduled) to|moved to|got moved to) "
)
PLAN_OVER = re.compile(
    r"(?:(?:has )?decided (?:not to|against)|(?:is )?no longer (?:plans?|planning|wants?|going|intends?) to"
    r"|gave up on"
    r"|(?:does not|doesn't) (?:plan|want|intend) to|changed own mind about|is not going to|isn't going to"
    r"|cancelled|canceled) "
)
PLAN = re.compile(
    r"(?:plans|is planning|wants|is going|hopes|is hoping|intends|would like|is about|has decided"
    r"|decided) to (?!be\b|have\b)"
)
GOAL = re.compile(r"is (?:training|preparing|studying|practising|practicing) for ")
GONE = re.compile(r"(?:sold|lost|gave away|got rid of|scrapped|donated|returned|gave up) (?=(?:own|the|both|all) )")
SWITCHED = re.compile(r"(?:switched|changed|moved|migrated|went) from (?P<old>[^,.;]+?) to (?P<new>[^,.;]+)")
SWITCHED_BACKWARDS = re.compile(r"(?:switched|migrated) to (?P<new>[^,.;]+?) from (?P<old>[^,.;]+)")
STOPPED = re.compile(r"(?:has )?(?:stopped|quit|gave up|given up) (?=\w+ing\b)")
NEGATED = re.compile(
    r"(?:does not|doesn't|do not|don't|no longer|never)(?: really| even)? (?=[a-z]+)(?!is\b|has been\b)"
)
PROGRESS = re.compile(
    r"is (?:now |still )?(?P<verb>(?:learn|study|teach|writ|build|play|train|renovat|restor|raise)ing) "
)
BEING = re.compile(
    r"(?:is|am) (?P<not>not |no longer )?(?=(?:an? |the |allergic |afraid |into |lactose|vegan|vegetarian"
    r"|religious|pregnant"
    r"|left-handed|right-handed|colou?r-?blind))"
)
NOT_ANOTHER = re.compile(r",? (?:and )?not (?:in |at |to )?[A-Z][\w' ]*$")
"""The end of a correction: "lives in Porto, not Madrid"."""
BIRTH = re.compile(r"(?:gave birth|had (?:a|own|the) (?:baby|miscarriage))\b")
THIRD_PARTY_END = re.compile(
    r"(?:own \w+ )?(?P<name>[A-Z]\w+)(?: has| just)? (?:died|passed away|ran away|was put down|is dead)\b"
)
VERB = re.compile(
    r"(?!own\b|(?:has|have|had|was|were|is|am|will|shall|did|does) (?:been|to|got)\b)(?P<verb>[a-z]+)(?: |$)"
)
COMPLETED = frozenset(["finish", "complete", "run", "pass"])
VAGUE_OBJECT = re.compile(
    r"\b(?:it|that|this|these|those|them|him|her|you|to|so|how|what|where|why|if|whether|been|which|who|because"
    r"|there)\b"
    r"|^(?:a (?:bit|lot|situation|problem|question|point|plan|idea|feeling|reason|moment|minute)|up|down|off|out)\b",
    re.IGNORECASE,
)


def is_present(word: str) -> bool:
    """Whether the word is a verb in the third person of the present ("plays"), or its base form."""
    known = finite_verb(word)
    if word.endswith("s") and not word.endswith("ss"):
        return True
    return known is not None and known.tense == "present"
