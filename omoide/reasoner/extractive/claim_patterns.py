"""Patterns of `claim_readers`, for predicates such as "plays the guitar" and possessions as "own rent is 900 euros"."""

from __future__ import annotations

import re

from omoide.reasoner.extractive.claim_words import CHANGING, DEVICES, FINISHING, ONE_KIN
from omoide.reasoner.extractive.lexicon import verb as finite_verb

_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve"
NUMBERS = {word: str(n) for n, word in enumerate(_NUMBERS.split())} | {"a": "1", "an": "1"}
_SPELLED = "|".join(_NUMBERS.split()[1:])
_FIGURE = rf"(?:\d[\d.,:]*\d|\d|{_SPELLED})"
_N = rf"(?:\d{{1,4}}|an?|{_SPELLED})"
DETERMINERS = frozenset(["a", "an", "the", "own", "my", "some", "any", "self", "anything", "anyone"])
_QUANTITIES = (
    r"(?:(?:about|around|over|almost|only|at least) )?(?:a lot of|lots of|a bit of|a little|much|many|plenty of|no more"
    rf"|{_FIGURE} (?:cups?|glasses|pints|packs?|bottles) of)"
)
QUANTITY = re.compile(rf"{_QUANTITIES} ")
PREPOSITIONS = frozenset(
    [
        "in",
        "on",
        "at",
        "for",
        "with",
        "from",
        "to",
        "of",
        "about",
        "by",
        "as",
        "during",
        "after",
        "before",
        "over",
        "under",
        "into",
        "near",
        "around",
        "without",
        "every",
        "when",
        "than",
        "through",
    ]
)
_DAY = r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?"
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_SEASON = r"(?:the )?(?:spring|summer|autumn|fall|winter|end|morning|evening|afternoon|(?:19|20)\d\d)"

LEADING_ADVERBS = re.compile(
    r"(?:(?:also|now|currently|really|actually|just|recently|finally|still|already|officially|sadly|honestly|basically"
    r"|only) )+(?=[a-z])"
)
TRAILING = re.compile(
    r"(?:(?:^|[\s,]+)(?:any ?more|any longer|now|after all|again|already|recently|lately|finally|too|as well"
    r"|at all|altogether|completely|for good|these days|nowadays|at last|instead|yesterday|tomorrow|soon|someday"
    r"|one day|at some point|very much|a lot|so much|today|tonight|right now|at the moment|either|myself|for everything"
    r"|every (?:single )?(?:\w+ )?(?:day|morning|night|evening|week|weekend|month|year)|all the time|daily"
    rf"|(?:last|next|this|every|all|the other) (?:\w+)|in {_MONTH}(?: (?:19|20)\d\d)?|in {_SEASON}|so far"
    r"|(?:around |about )?(?:a few|a couple of|\w+) (?:day|week|month|year)s? ago|since (?:\w+"
    r" ){0,3}\w+|as far as self knows|before (?:the|own) \w+"
    r"|for (?:\w+) (?:years|months|weeks)(?: now)?|back in (?:19|20)\d\d"
    rf"|(?:on )?{_DAY}(?: (?:morning|afternoon|evening|night)s?)?))$"
)
NOTHING_MORE = re.compile(
    r"\s*(?:$|[.,;!]|(?:last|this|yesterday|today|in|on|because|since|after|from|and|now|\w+ \w+ ago)\b)"
)

JOB_OVER = re.compile(
    r"(?:quit|left|lost|resigned from|got fired from|was fired from|got laid off from"
    r"|was laid off from) own (?:\w+ )?job\b"
    r"|(?:got|was|been|has been) (?:fired|laid off|let go|made redundant)\b|(?:has )?(?:retired|resigned)\b"
    r"|is (?:now )?(?:unemployed|retired|between jobs|out of work|jobless)\b"
)
LEFT_EMPLOYER = re.compile(
    r"(?:(?:got|was|been) (?:fired|laid off|let go|made redundant) (?:from|by|at)|(?:quit"
    r"|left)(?: own job at)?|resigned from"
    r"|handed in own notice at) (?P<name>[A-Z][\w&.-]*(?: [A-Z][\w&.-]*)*)(?=$|[.,;!]| (?:last"
    r"|this|yesterday|today|on|after|because|to|for|and|by|recently)\b)"
)
IDLE = re.compile(
    r"is (?:unemployed|between jobs|out of work|jobless|job[- ]hunting|looking for (?:a )?(?:new )?(?:job|work))\b"
)
HIRED = re.compile(
    r"(?:found|got|landed|has|started|took|accepted|signed)(?: up)? (?:a|an|own)(?: new|"
    r" full-time| part-time| proper)* (?:job|position)\b"
    r"|got hired\b|works (?:at|for|as)\b|was hired\b"
)
STATUSES = {
    "single": "single", "dating": "dating", "seeing": "dating", "engaged": "engaged", "married": "married",
    "divorced": "divorced", "separated": "separated", "widowed": "widowed", "broke": "apart", "broken": "apart",
    "split": "apart",
}  # fmt: skip
PARTNERS = ("girlfriend", "boyfriend", "partner", "fiancé", "fiancée", "fiance", "fiancee")
PARTNER = re.compile(
    rf"(?:has|got) an? (?:new )?(?:{'|'.join(PARTNERS)})(?=$|[.,;!]| (?:now|named|called|[A-Z]\w+|who"
    r"|since|for|from|and)\b)"
)
STATUS = re.compile(
    r"(?:is (?:now )?(?:happily |newly )?|got (?:re)?)(?P<status>single|engaged|married|divorced|separated|widowed"
    r"|dating(?= (?:[A-Z]|someone|a (?:guy|girl|man|woman|lady) called))"
    r"|seeing(?= (?:[A-Z]\w+|someone(?: new)?|(?:someone|a (?:guy|girl|man|woman|lady)) called [A-Z]\w+)"
    r"(?:$|[.,;!]| (?:now|again|since|and|these|for (?:a|two|three|four|some|\d))\b)))"
    r"(?=$|[.,;!]| (?:[A-Z]\w*|to(?! own (?:job|work)\b)|with|now|again|since|for|and|but|last|this|on|a|at last"
    r"|finally|two|three"
    r"|someone|yesterday|recently|man|woman|person|mum|mom|dad|in (?:\d+|the|[A-Z]\w*))\b)"
)
SEPARATED_FROM = re.compile(
    r"(?P<status>broke up|broken up|split up)(?=$|[.,;!]| (?:with (?:[A-Z]\w*|own|self)|last|this|yesterday|in|after|on"
    r"|recently|a|two|three|over|because|again|for good|and)\b)"
)
MEASURE = re.compile(
    r"(?P<what>[a-z]+)(?: about| around)?(?: now)? (?P<value>\d[\d.,]*) ?(?P<unit>kgs?|kilos?"
    r"|pounds|lbs?|stone|km|k|miles|mg|hours|minutes|words)\b"
)
DOWN_TO = re.compile(
    rf"is (?:back |now )?(?:back|up|down) (?:up |down )?(?:to|at) (?P<value>{_FIGURE}) (?P<what>[^,;.]+)"
)
AMOUNT = re.compile(
    rf"(?:can (?:now )?do|does|has|hit|reached|has hit|is at|works|read|watched|visited|saved)"
    rf"(?: now| only)? (?:(?:about|around|over|almost|only|now) )?(?P<value>{_FIGURE}) (?P<what>[^,;.]+)"
)
DOSE = re.compile(
    rf"(?:is on|takes) (?P<value>{_FIGURE} ?(?:mg|mcg|ml|grams?|units|pills|tablets)) of (?P<what>[a-z-]+)\b"
)
COUNT = re.compile(
    rf"(?:only )?(?:has|have)(?: now| only)?(?: got)? (?P<count>{_N}) (?:(?:little|older|younger|small"
    rf"|beautiful) )?(?P<noun>[a-z]+)\b"
)
PAY = re.compile(
    r"(?:makes|earns|is making|is earning|is on) (?:about |around"
    r" )?(?P<value>[$€£]?\d[\d.,]*k?) ?(?:euros|dollars|pounds|bucks)? ?(?:a|per) (?P<per>year"
    r"|month|week|hour)\b"
)
BEST = re.compile(r"\b(?:pbs?|prs?|personal best|personal record|best time|record|best)\b", re.IGNORECASE)
BEATEN = re.compile(
    r"(?:(?:just )?(?:beat|beaten|broke|broken|improved|set|smashed|ran|run|got|hit|crushed"
    r"|swam|cycled|lifted|shaved)) (?:[^,;.]*? )?(?:a new |own |new )"
)
BEST_VALUE = re.compile(
    r"(?:\bto |\bwith |\bin |\bof |: |, |\bnow |\bis |\bat )(?:an? |it's |now"
    r" )?(?P<value>\d+(?:[:.h]\d+)+|\d+ (?:kg|kilos|minutes|seconds|points|metres|meters))"
)
DISTANCE = re.compile(
    r"\b(?:\d+ ?(?:k|km|m|miles?)|half[- ]marathon|half|marathon|parkrun|triathlon|ironman"
    r"|mile|deadlift|squat|bench(?: press)?|freestyle|breaststroke|tetris|chess)\b",
    re.IGNORECASE,
)
TIME = re.compile(
    rf"\b(?:{_DAY}|{_MONTH}|\d[\d:.]*(?:st|nd|rd|th| ?[ap]m)|\d+[:.]\d\d|next|tomorrow|today"
    r"|noon|midnight|spring|summer|autumn|fall"
    rf"|winter)\b|^(?:at |on |the |around )*(?:\d|(?:{_SPELLED})\b)"
)
CHANGED_ATTRIBUTE = re.compile(
    rf"(?:has )?{CHANGING} (?:own|the|self) (?P<what>[a-z-]+(?: (?:to )?[\w-]+){{0,3}}?)(?:"
    r" (?:up|down|back|forward))?(?: from [^,;.]+?)? to (?=\S)"
)
ATTRIBUTE = re.compile(
    r"(?:own|the) (?P<what>[^.,;!?]{2,50}?) (?:is now|are now|is called|is named|is down to|is"
    r" up to|is|are|went (?:up|down) to|rose to|dropped to"
    r"|increased to|fell to|came down to|has gone (?:up|down) to"
    r"|changed to|has changed to|has been (?:moved|changed|postponed|rescheduled|pushed)(?: back)? to"
    r"|(?:was|got) (?:moved|changed|postponed|rescheduled|pushed|delayed)(?: back| forward)? (?:to|until|till)|moved to"
    r"|(?:leaves|departs|starts|begins|takes place|happens)(?: at| on)?) "
)
NEW_ONE = re.compile(
    rf"(?:has|got) a new (?P<who>{'|'.join(ONE_KIN)}|doctor|dentist|therapist|coach|teacher|trainer|supervisor)\b"
)
MAJOR = re.compile(r"(?:is majoring|majors|is a major) in (?P<what>[^,;.]+)")
MARRYING = re.compile(r"is getting married(?: (?:to|with) (?P<who>[A-Z]\w+))?(?: (?P<when>(?:in|on|this|next) .+))?$")
PLAN_OVER = re.compile(
    r"(?:(?:has )?decided (?:not to|against)|(?:is )?no longer (?:plans?|planning|wants?|going|intends?) to"
    r"|(?:does not|doesn't) (?:plan|want|intend) to|(?:has )?changed own mind about|(?:is not|isn't) going to"
    r"|(?:has )?decided self (?:will not|won't)|will not be|won't be|is not (?=\w+ing\b)) "
)
CANCELLED = re.compile(r"(?:had to )?(?:cancelled|canceled|called off|scrapped|cancel|call off) (?=\S)")
TRIP = re.compile(
    r"(?:own |the |a )?(?:trip|holiday|vacation|visit|travels|honeymoon) to (?P<where>[^,;.]+)"
    r"|(?:own |the )?(?P<place>[A-Z][\w' ]+?) (?:trip|holiday|vacation|visit)\b"
)
PLAN = re.compile(
    r"(?:still )?(?:plans|is planning|wants|is going|hopes|is hoping|intends|would (?:like"
    r"|love)|is about|has decided|needs"
    r"|has|is supposed|aims|decided|got) to (?=[a-z])(?!(?:be|have|admit|say)\b)"
    r"|(?:is thinking (?:of|about)|is considering|is planning on|is toying with the idea of|is"
    r" looking into) (?=\w+ing\b)|should (?=[a-z])"
)
PLANNED_TRIP = re.compile(
    r"(?:is planning|plans|has planned|has booked|is organising|is organizing|booked)"
    r" (?=(?:own |the |a )?(?:trip|holiday|vacation|visit|honeymoon) to )"
)
NEVER = re.compile(r"(?:has )?never (?P<verb>been to|[a-z]+(?:ed|en|ne|wn|un|ad|id)) (?P<what>[^,;.]+)")
GOAL = re.compile(r"is (?:training|preparing|studying|practising|practicing|revising|saving(?: up)?|rehearsing) for ")
GONE = re.compile(
    r"(?:sold|lost|gave away|got rid of|scrapped|donated|returned|gave up|traded in|gave) (?=(?:own|the|both|all) )"
)
OFF = re.compile(r"(?:got|had) (?:own|the) (?P<what>[a-z]+) (?:off|removed|out|taken off|taken out)\b")
RECOVERED = re.compile(
    r"(?:recovered from|got over|beat|is over|shook off|is free of|is done with|outgrew|overcame) (?:own |the )?(?=\w)"
)
SWITCHED = re.compile(
    r"(?:switched|changed|moved|migrated|went|upgraded|transferred)(?: (?:all )?(?:own|the)"
    r" [a-z]+)?(?: over)? from (?P<old>[^,.;]+?) to (?P<new>[^,.;]+)"
)
SWITCHED_BACKWARDS = re.compile(r"(?:switched|migrated|moved)(?: over)? to (?P<new>[^,.;]+?) from (?P<old>[^,.;]+)")
REPLACED = re.compile(
    r"(?:replaced|swapped|ditched|dropped|traded) (?:own |the )?(?P<old>[^,.;]+?) (?:with|for"
    r"|in favou?r of) (?P<new>[^,.;]+)"
)
UNSUBSCRIBED = re.compile(
    r"(?:cancelled|canceled|unsubscribed from|deleted|quit|left|uninstalled|ditched)(?: own)?"
    r" (?P<what>[A-Z][\w+]*(?: [A-Z][\w+]*)*)(?: subscription| account| membership| app)?(?=$"
    r"|[,.;!]| (?:last|this|yesterday|today|in|on|because|for good)\b)"
)
_DEVICE = "|".join(sorted(DEVICES, key=len, reverse=True))
UPGRADED = re.compile(
    r"(?:upgraded|switched|moved|changed) (?:own phone )?to (?P<what>(?:an? |the )?(?:new"
    rf" )?(?:[A-Z]\w+ )?(?P<device>{_DEVICE})\b[^,;.]*)",
    re.IGNORECASE,
)
NEW_DEVICE = re.compile(
    r"(?:got|bought|has got|has bought) (?:self )?an? (?:brand[- ])?new (?P<what>phone|laptop"
    r"|computer|tablet)(?=$|[.,;!]| (?:today|yesterday|last|this|from|for|on|in|at|and|now|so|because|finally)\b)"
)
HAS_DEVICE = re.compile(
    rf"(?:has|uses|owns|has got) an? (?P<what>(?:old |new )?(?:[A-Z]\w+ )?(?P<device>{_DEVICE})\b[^,;.]*)",
    re.IGNORECASE,
)
TOOL = re.compile(
    r"(?:(?:takes? notes|writes?|codes?|programs?|works?|keeps? (?:notes|own notes|everything)"
    r"|plans?) (?:in|with)|uses|is subscribed to|subscribes to|banks? with|is with|is on|runs"
    r"|prefers) (?P<what>[A-Z][\w+.]*(?: [A-Z][\w+.]*)*)(?= for\b|$| at work| as )"
)
STOPPED = re.compile(
    r"(?:has )?(?:had to )?(?:stopped|quit|gave up|given up|left|stop|give up|quit doing|given"
    r" up on|gave up on|retired from) (?P<verb>[a-z]+ing)\b ?"
)
STOPPED_THING = re.compile(
    rf"(?:has )?(?:{FINISHING}|is done with|is through with|is finished with|finished with"
    r"|given up(?: on)?|gave up) (?P<done>(?:reading|watching|writing|building|doing|knitting"
    r"|painting|renovating) )?(?=\S)"
)
NEGATED = re.compile(
    r"(?:does not|doesn't|do not|don't|no longer|never)(?: really| even| actually)? (?=[a-z]+)(?!is\b|has been\b)"
)
HAS_NO = re.compile(r"has (?:no|zero) (?=[a-z])")
PROGRESS = re.compile(
    r"is (?P<not>not |no longer )?(?:(?:now|still|currently|also|just|busy) )*(?P<verb>[a-z]+ing) (?!to\b)"
)
BEING = re.compile(r"(?:is|am) (?P<not>not |no longer )?(?:currently |now |still )?(?=[a-z]|[A-Z])")
ISNT = re.compile(r"(?:isn't|is not|is no longer) ")
NOT_ANOTHER = re.compile(r",? (?:and )?not (?:in |at |to )?[A-Z][\w' ]*$")
"""The end of a correction: "lives in Porto, not Madrid"."""
BIRTH = re.compile(
    r"(?:gave birth|had (?:a|own|the|self) (?:baby|miscarriage|first baby|second baby|third"
    r" baby))\b|own (?:\w+ )?(?:daughter|son|baby|twins?|child) (?:was|were|is|got) born\b"
    r"|became (?:a )?(?:mum|mom|dad|parents?|mother|father)\b"
)
THIRD_PARTY_END = re.compile(
    r"(?:own (?:\w+ )?\w+ )?(?P<name>[A-Z]\w+)(?: has| just)? (?:died|passed away|ran away|was put down|is dead)\b"
)
CONDITION = re.compile(
    r"own (?P<what>[a-z-]+(?: [a-z-]+)?? ?)(?:'s )?(?P<state>(?:is|are|has|have|was|hurts?"
    r"|aches?|keeps?|broke|still|been|finally|really)\b.+|hurts?$|broken? .*|killing .*)"
)
TIME_OF_DAY = re.compile(
    r"(?:(?P<up>gets|wakes|is getting|is waking) up|(?P<bed>goes|is going|gets) to (?:bed"
    r"|sleep))(?: (?:at|around|about|before|by|early))* (?P<value>(?:\d[\d:.]*|midnight|noon"
    r"|(?:half|quarter) (?:past |to )?\w+|" + _SPELLED + r")(?: ?[ap]\.?m\.?)?)(?=$|[ ,.;])"
)
COMMUTE = re.compile(
    r"(?:(?:takes|catches|rides|gets) the (?P<what>bus|train|tram|metro|subway|tube|ferry"
    r"|underground|car|bike) to (?:work|school|uni|campus|the office)"
    r"|(?P<how>drives|cycles|walks|bikes|runs|commutes by \w+) to (?:work|school|uni|campus|the office))\b"
)
SCHOOL = re.compile(
    r"(?:goes to|attends|is in|started|starts|has started|is at|moved up to|began)"
    r" (?P<value>kindergarten|nursery|preschool|primary|elementary|middle school|secondary"
    r"|high school|college|university|uni)\b"
)
YEAR = re.compile(
    r"(?:is in|started|is starting|entered|has started|is a) own (?P<value>first|second|third"
    r"|fourth|fifth|final|last) year\b"
)
LEARNED = re.compile(
    r"(?:(?:has )?(?:learned|learnt) (?:how )?to|can (?:now|finally)|has (?:learned|learnt)"
    r" (?:how )?to) (?P<verb>[a-z]+)(?P<what>[^,;.]*)"
)
CANNOT = re.compile(r"(?:can't|cannot|does not know how to|doesn't know how to) (?P<verb>[a-z]+)(?P<what>[^,;.]*)")
TASTE_TURN = re.compile(
    r"(?P<good>(?:has )?(?:come round to|came round to|come around to|grew to love|grown to"
    r" love|grew to like|fell in love with|learned to love|started liking|got into|warmed up"
    r" to))"
    r"|(?:has )?(?:went off|gone off|fallen out of love with|got sick of|got tired of|is sick"
    r" of|is tired of|is over|grew tired of|is fed up with|is done with|lost interest in|got"
    r" bored of) "
)
MOVED_OUT = re.compile(
    r"(?:moved out of own parents|(?:has )?moved into (?:a|own) (?:\w+ )?(?:flat|apartment"
    r"|house|place|studio)|(?:has|got) (?:a place of )?own (?:own )?(?:place|flat|apartment)\b"
    r"|moved in with own (?:partner|boyfriend|girlfriend))"
)
KIN_DIED = re.compile(
    rf"own (?:late )?(?P<who>{'|'.join(ONE_KIN)})(?: [A-Z]\w+)?(?: has| just| sadly)* (?:died|passed away|is dead)\b"
)
EATING_AGAIN = re.compile(
    r"eats (?:meat|fish|chicken|steak|dairy) (?:now|again)\b|(?:(?:has )?started|(?:is|has"
    r" gone) back to|began|is) eating (?:meat|fish|chicken|steak|dairy)(?: again)?\b"
)
LICENCE = re.compile(r"passed own driving test\b|got own (?:driv\w+ )?licen[cs]e\b")
VERB = re.compile(
    r"(?!own\b|(?:has|have|had|was|were|is|am|will|shall|did|does|can|could|should|must)"
    r" (?:been|to|got)\b)(?P<verb>[a-z]+)(?: |$)"
)
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
