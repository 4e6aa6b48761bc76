"""Parse a value (name, place, thing, date) at the start of a text, and find its end. Pure.

Each function takes the text after the words that introduce the value ("lives in "), and returns the value and the
text after it, or None if the end of the value is uncertain.
"""

from __future__ import annotations

import re
from datetime import date

from omoide.reasoner.extractive.slot_words import MONTHS, NOT_PLACES

# Longer runs of words are not a name or a thing, but a sentence.
MAX_NAME_WORDS = 6
MAX_THING_WORDS = 8

Cut = tuple[str, str]
"""A value, and the text after it."""

_JOINERS = frozenset(["of", "de", "da", "do", "dos", "das", "del", "di", "la", "le", "van", "von", "der", "upon", "du"])
_ABBREVIATION = re.compile(r"(?:St|Mt|Ft|Dr|Mr|Ms|Mrs)\.$|(?:[A-Z]\.)+$")
_SHORT_PLACES = frozenset(["UK", "US", "USA", "UAE", "LA", "DC", "NYC"])
_STOPS = ",.;:!?)"

# Text that may follow a value without changing it.
_HARMLESS = re.compile(
    r"""\s*(?:$|[.;!)(]|(?:,\s*)?(?:
        (?:and|but|with|since|because|now|where|which|who|working|although|though|together|alone|currently|recently|lately|yesterday
        |today|already|too|these\ days|full[- ]time|part[- ]time|for\ now|(?:a|an|\w+)\ (?:day|week|month|year)s?\ ago
        |(?:last|this)\ (?:week|month|year|spring|summer|autumn|fall|winter|january|february|march|april|may|june|july
        |august|september|october|november|december)
        |for\ (?:(?:about|over|almost|nearly)\ )?[\w-]+\ (?:days?|weeks?|months?|years?)(?:\ now)?
        |for\ (?:work|love|good|a\ (?:new\ )?job))\b
        |from\ [A-Z] | in\ (?:[A-Z][a-z]+\ )?\d{4}\b | on\ \d
    ))""",
    re.VERBOSE | re.IGNORECASE,
)
_AND_NAME = re.compile(r"\s*(?:,\s*)?(?:and|&|/)\s+[^\W\d_a-z]")
_CLAUSE_END = re.compile(
    r"\s*[.;!(]|,?\s+(?:because|but|since|so|although|though|whereas|due to|even)\b|,\s*(?:and|especially|which)\b"
)
_TRAILING = re.compile(
    r"\s+(?:very much|so much|a lot|at all|the most|as well|a bit|now|too|anymore|any more"
    r"|lol|haha|tbh|btw|tho|though|honestly)$"
)
_ADVERB = re.compile(r"^(?:(?:also|really|especially|particularly|mostly|just|still) )+(?=\w)")
_UNFINISHED = frozenset({"to", "of", "for", "with", "a", "an", "the", "and"})
_PASSING = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|moment|this (?:week|weekend|month|year|morning|afternoon|evening|time)|"
    r"right now|last|less|if|when|while|or|not|without|until|unless|that|how|what|who|whom|whose|except|"
    r"i|he|she|they|it|we|you|me|him|them|us|his|their|its|my|our|your|yours|mine|ours|theirs|this|these|those)\b",
    re.IGNORECASE,
)
_VAGUE_START = re.compile(
    r"(?:her|one|ones|nothing|nobody|none|no|neither|both|all|everything|everyone|someone|something|anything|"
    r"each|such|about|most|more|same|other|another|some|any|few|little|best|better|when|where|why|as|to be|only"
    r"|up|down|out|still|by|back)\b",
    re.IGNORECASE,
)
# Things of which there is only one, so that "the" is specific.
_KNOWN_THE = re.compile(
    r"the (?:(?:sea|ocean|beach|mountains|outdoors|countryside|rain|snow|sun|theatre|theater|opera)\b|[A-Z])"
)


def proper(text: str) -> Cut | None:
    """Parse a run of capitalised words, optionally joined by `of`, `de` and the like, or preceded by `the`. Words of
    scripts without case count as capitalised."""
    words: list[str] = []
    tokens = list(re.finditer(r"\S+", text))
    end = 0
    for number, token in enumerate(tokens):
        word = token[0]
        bare = word if _ABBREVIATION.match(word) else word.rstrip(_STOPS)
        joins = bare == word and bool(words) and word in _JOINERS and _next_is_capital(tokens, number)
        opens = number == 0 and word.lower() == "the" and _next_is_capital(tokens, number)
        if not (_is_capital(bare) or joins or opens):
            break
        words.append(bare)
        end = token.start() + len(bare)
        if bare != word:
            break
    if not words or len(words) > MAX_NAME_WORDS or re.search(r"['’]s?$", words[-1]):
        return None
    return " ".join(words), text[end:]


def name(text: str) -> Cut | None:
    """Parse a proper name; None if its end is uncertain."""
    cut = proper(text)
    return cut if cut and ends(cut[1]) else None


def place(text: str) -> Cut | None:
    """Parse a town or country, optionally with the larger area after a comma ("Lisbon, Portugal")."""
    cut = proper(text)
    if cut is None:
        return None
    value, tail = cut
    wider = proper(tail[1:].lstrip()) if tail.startswith(",") else None
    if wider and ends(wider[1]):
        value, tail = f"{value}, {wider[0]}", wider[1]
    return (value, tail) if ends(tail) and not is_no_place(value) else None


def ends(tail: str) -> bool:
    """Whether the text after a value does not change it."""
    return _HARMLESS.match(tail) is not None and _AND_NAME.match(tail) is None


def thing(text: str) -> str | None:
    """Parse a thing that is liked, avoided or owned, up to the end of the clause; None if vague, temporary or long."""
    end = _CLAUSE_END.search(text)
    value = (text[: end.start()] if end else text).strip().rstrip(".!")
    while value != (shorter := _TRAILING.sub("", value)):
        value = shorter
    value = _ADVERB.sub("", value)
    words = value.split()
    if not words or words[-1] in _UNFINISHED or len(words) > MAX_THING_WORDS or re.search(r"[,:;?\"“”…\n]", value):
        return None
    if _PASSING.search(value) or _VAGUE_START.match(value) or _is_vague_the(value) or _goes_on_after_and(value):
        return None
    return value


def day(text: str) -> Cut | None:
    """Parse a date ("May 3rd, 1990", "1990-05-03", "tomorrow (2026-05-03)") into "3 May" or "3 May 1990"."""
    for pattern, has_year in _DAYS:
        if match := pattern.match(text):
            value = _written(match, has_year)
            return (value, text[match.end() :]) if value else None
    return None


def names(text: str) -> list[str]:
    """Parse one or several names: "Rex", "Tom and Jerry", "Tom, Jerry and Rex". Empty if the first is uncertain."""
    listed = re.match(r"[^.;!(]+", text)
    parts = re.split(r",\s*(?:and\s+)?|\s+and\s+", listed[0].strip()) if listed else []
    cuts = [proper(each) for each in parts]
    if not all(cut and not cut[1].strip() for cut in cuts):
        first = name(text)
        return [first[0]] if first else []
    return [cut[0] for cut in cuts if cut]


_MONTH = "|".join(MONTHS)
_DAYS = (
    (re.compile(r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)\b"), True),
    (
        re.compile(rf"(?:the )?(?P<d>\d\d?)(?:st|nd|rd|th)? (?:of )?(?P<m>{_MONTH})\b(?:,? (?P<y>\d{{4}})\b)?", re.I),
        True,
    ),
    (re.compile(rf"(?P<m>{_MONTH}) (?:the )?(?P<d>\d\d?)(?:st|nd|rd|th)?\b(?:,? (?P<y>\d{{4}})\b)?", re.I), True),
    (
        re.compile(
            r"(?:today|tomorrow|yesterday|(?:(?:next|this|last|on) )?(?:mon|tues|wednes|thurs|fri|satur|sun)day) "
            r"\((?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)\)",
            re.I,
        ),
        False,
    ),
)


def _written(match: re.Match[str], has_year: bool) -> str | None:
    """Format the date; None if it is not a valid one."""
    month_text = match["m"]
    month = int(month_text) if month_text.isdigit() else 1 + [each.lower() for each in MONTHS].index(month_text.lower())
    year = int(match["y"]) if match["y"] and has_year else None
    try:
        date(year or 2000, month, int(match["d"]))  # the year 2000 has a 29 February
    except ValueError:
        return None
    return f"{int(match['d'])} {MONTHS[month - 1]}" + (f" {year}" if year else "")


def _is_capital(word: str) -> bool:
    return bool(word) and word[0].isalpha() and not word[0].islower() and not re.search(r"[@/\\_\"“”]", word)


def _next_is_capital(tokens: list[re.Match[str]], number: int) -> bool:
    """Whether a capitalised word follows, at most one joiner later."""
    for token in tokens[number + 1 : number + 3]:
        if _is_capital(token[0].rstrip(_STOPS)):
            return True
        if token[0] not in _JOINERS:
            return False
    return False


def is_no_place(value: str) -> bool:
    """Whether the value is something else that one moves to, or is spelled like a product (VSCode, K8s, AWS)."""
    words = value.replace(",", "").split()
    return any(
        word.lower() in NOT_PLACES
        or any(letter.isdigit() for letter in word)
        or (word.isupper() and len(word) > 1 and "." not in word and word not in _SHORT_PLACES)
        or re.search(r"[a-z][A-Z]", word) is not None
        for word in words
    )


def _is_vague_the(value: str) -> bool:
    return value.lower().startswith("the ") and _KNOWN_THE.match(value) is None


def _goes_on_after_and(value: str) -> bool:
    """Whether several words follow `and`: "tea and plays chess" may contain another statement."""
    after = re.search(r"\s(?:and|&)\s(.*)$", value)
    return after is not None and len(after[1].split()) > 1
