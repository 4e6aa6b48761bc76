"""Patterns that extract slots from a predicate. Pure.

Each consists of a regular expression for the words that introduce a value, and a reader for the value after them. They
match at the start of a predicate, so negated, past and planned ones ("does not live", "lived", "wants to move") match
none. `slots` identifies the subject and rejects doubtful statements beforehand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from omoide.reasoner.extractive.slot_kinds import (
    AGE,
    ALLERGY,
    BIRTHDAY,
    BIRTHPLACE,
    BORN,
    CALL_ME,
    DIET,
    DISLIKES,
    EMPLOYER,
    FAVOURITE,
    HOME,
    LIKES,
    NAME,
    ORIGIN,
    PET,
    PREFERS,
    PRONOUNS,
    RELATION,
    WORK,
)
from omoide.reasoner.extractive.slot_values import day, ends, name, names, place, proper, thing
from omoide.reasoner.extractive.slot_words import (
    NOT_AT_WORK,
    NOT_NAMES,
    OCCUPATIONS,
    PLURAL_SPECIES,
    RELATIONS,
    SPECIES,
)

# Plausible range of ages; without "years old" a smaller number may be something else.
LEAST_BARE_AGE, MOST_AGE = 13, 120

Filled = list[tuple[str, str]]
"""Pairs of kind and value."""
Reader = Callable[[re.Match[str], str], Filled]
Readers = Sequence[tuple[re.Pattern[str], Reader]]

_GROWN = {"puppy": "dog", "kitten": "cat"}
_FOR_A_WHILE = re.compile(r"\bfor [\w -]*\b(?:days?|weeks?|months?|years?)\b|\bfor now\b")
_TEMPORARY = re.compile(
    r"\b(?:back|returned|left|again|then|later|temporarily|weekends?|weekdays|part of|half|sometimes|mostly|usually"
    r"|until|before|and to|for (?:the|a|an|\w+) (?:summer|winter|days?|weeks?|months?|semester|term)|not)\b"
)


def of_predicate(text: str) -> Filled:
    """Return the slots of a predicate such as "lives in Lisbon"."""
    return _read(_PREDICATES, text)


def of_possession(text: str) -> Filled:
    """Return the slots of a possession such as "name is Alice"."""
    return _read(_POSSESSIVES, text)


def _read(readers: Readers, text: str) -> Filled:
    """Return the result of the first matching pattern."""
    for pattern, reader in readers:
        if match := pattern.match(text):
            return reader(match, text[match.end() :])
    return []


def kin_kind(noun: str) -> str | None:
    """Return the slot kind of a noun for a pet or relative: `pet:dog`, `relation:wife`; None for other nouns."""
    if noun in SPECIES:
        return PET + _GROWN.get(noun, noun)
    return RELATION + noun if noun in RELATIONS else None


def _home(match: re.Match[str], text: str) -> Filled:
    cut = place(text)
    if cut is None or _TEMPORARY.search(cut[1]):
        return []
    if "ed to " in match[0].replace(" back", "") and _FOR_A_WHILE.search(cut[1]):
        return []
    if match[0].startswith("has ") and "moved" not in match[0] and not re.match(r" (?:since|for)\b", cut[1]):
        return []
    return [(HOME, cut[0])]


def _named(kind: str) -> Reader:
    def read(_: re.Match[str], text: str) -> Filled:
        cut = name(text)
        return [(kind, cut[0])] if cut and not is_no_name(cut[0]) else []

    return read


def _somewhere(kind: str) -> Reader:
    def read(_: re.Match[str], text: str) -> Filled:
        cut = place(text)
        return [(kind, cut[0])] if cut else []

    return read


def _something(kind: str) -> Reader:
    def read(_: re.Match[str], text: str) -> Filled:
        value = thing(text)
        return [(kind, value)] if value else []

    return read


def _born(_: re.Match[str], text: str) -> Filled:
    if year := re.match(r"in ((?:19|20)\d\d)\b", text):
        return [(BORN, year[1])] if ends(text[year.end() :]) else []
    if text.startswith("in "):
        return _somewhere(BIRTHPLACE)(_, text[3:])
    return _birthday(_, text.removeprefix("on "))


def _birthday(_: re.Match[str], text: str) -> Filled:
    cut = day(text)
    return [(BIRTHDAY, cut[0])] if cut and _ends_or_where(cut[1]) else []


def _age(match: re.Match[str], text: str) -> Filled:
    years = int(match["age"])
    least = 1 if match.groupdict().get("old") else LEAST_BARE_AGE
    if not least <= years <= MOST_AGE or not re.match(
        r"\s*(?:$|[.;!(,]|(?:today|yesterday|now|(?:last|this) (?:week|month)|and|but)\b)", text
    ):
        return []
    return [(AGE, str(years))]


def _aged(match: re.Match[str], text: str) -> Filled:
    return [(AGE, str(int(match["age"]))), *_job(text.lstrip(), any_job=False)]


_JOB = re.compile(
    r"(?P<job>[^\W\d_][\w-]*(?: (?!(?:at|for|in|and|with|who|by|from|on|to|but|or|as|now|since|because|of)\b)"
    r"[^\W\d_][\w-]*){0,3}(?: of [a-z]+)?)"
)


def _job(text: str, *, any_job: bool) -> Filled:
    """Parse "nurse", "software engineer at Siemens". Without `any_job`, the noun has to be a known occupation."""
    match = _JOB.match(text)
    if not match:
        return []
    job, tail = match["job"], text[match.end() :]
    parts = job.lower().split(" of ")[0].split()
    if NOT_AT_WORK & {*parts} or not (any_job or parts[-1] in OCCUPATIONS):
        return []
    if at := re.match(r" (?:at|for) ", tail):
        cut = proper(tail[at.end() :])
        return [(WORK, job), (EMPLOYER, cut[0])] if cut and _ends_or_where(cut[1]) else []
    return [(WORK, job)] if _ends_or_where(tail) else []


def _ends_or_where(tail: str) -> bool:
    return ends(tail) or re.match(r" (?:in|near) [A-Z]", tail) is not None


def _employer(_: re.Match[str], text: str) -> Filled:
    cut = proper(text)
    if cut is None or is_no_name(cut[0]):
        return []
    if as_a := re.match(r",? as an? ", cut[1]):
        job = _job(cut[1][as_a.end() :], any_job=True)
        return [(EMPLOYER, cut[0]), *job] if job else []
    return [(EMPLOYER, cut[0])] if _ends_or_where(cut[1]) else []


def _pets(match: re.Match[str], text: str) -> Filled:
    species = PLURAL_SPECIES.get(match["species"], match["species"])
    return [(PET + _GROWN.get(species, species), each) for each in names(text) if not is_no_name(each)]


def _relative(match: re.Match[str], text: str) -> Filled:
    kind = kin_kind(match["who"])
    return _named(kind)(match, text) if kind else []


def _favourite(match: re.Match[str], text: str) -> Filled:
    return _something(FAVOURITE + match["what"])(match, text)


def _diet(match: re.Match[str], text: str) -> Filled:
    return [(DIET, match["diet"])] if ends(text) else []


def _is_a(match: re.Match[str], text: str) -> Filled:
    return _job(text, any_job=match[0].startswith("works"))


def _pronouns(match: re.Match[str], text: str) -> Filled:
    return [(PRONOUNS, match["pronouns"])] if ends(text) else []


def is_no_name(value: str) -> bool:
    """Whether a capitalised value is an attribute or a time, not a name."""
    return any(word.lower() in NOT_NAMES or word == "I" for word in value.split())


_SPECIES = "|".join(sorted(SPECIES))
_KIN = "|".join(sorted(SPECIES | RELATIONS, key=len, reverse=True))

_PREDICATES: Readers = [
    (re.compile(pattern), reader)
    for pattern, reader in (
        (r"(?:lives|is living)(?: (?:now|currently|alone|together))?(?: with [^,;.]{1,40}?)? in ", _home),
        (r"has (?:lived|been living) in ", _home),
        (r"(?:has )?(?:just |recently )?(?:moved|relocated)(?: back)? to ", _home),
        (r"is (?:originally )?from |comes from ", _somewhere(ORIGIN)),
        (r"was born ", _born),
        (r"works (?:part-time |full-time |remotely )?(?:at|for) ", _employer),
        (r"works (?:part-time |full-time |remotely |freelance )?as an? ", _is_a),
        (r"is an? (?P<age>\d{1,3})[- ]years?[- ]old\b", _aged),
        (r"is (?P<age>\d{1,3})(?P<old> years? old)?\b", _age),
        (r"(?:has )?turned (?P<age>\d{1,3})\b", _age),
        (r"is (?:an? )?(?:strict )?(?P<diet>vegetarian|vegan|pescatarian|pescetarian)\b(?! \w+er\b)", _diet),
        (r"is (?:severely |very )?allergic to ", _something(ALLERGY)),
        (r"is not an? (?:big |huge |great )?fan of ", _something(DISLIKES)),
        (r"is an? (?:big |huge |great )?fan of ", _something(LIKES)),
        (r"(?:goes by|prefers to be called|wants to be called|likes to be called) ", _named(CALL_ME)),
        (r"is an? ", _is_a),
        (r"(?:likes|loves|enjoys|adores) ", _something(LIKES)),
        (r"prefers ", _something(PREFERS)),
        (
            r"(?:dislikes|hates|detests|does(?: not|n['’]t) (?:really )?(?:like|enjoy)|can(?:not|['’]t) stand) ",
            _something(DISLIKES),
        ),
        (
            rf"has (?:an?|two|three|four|\d) (?:[a-z]+ ){{0,2}}(?P<species>(?:{_SPECIES})s?|puppies)"
            r"(?:,)?(?: (?:named|called))? (?=[^\W\d_a-z])",
            _pets,
        ),
        (rf"has an? (?:[a-z]+ )?(?P<who>{_KIN}) (?:named|called) ", _relative),
    )
]
_POSSESSIVES: Readers = [
    (re.compile(pattern), reader)
    for pattern, reader in (
        (r"(?:full |real |first )?name is ", _named(NAME)),
        (r"birthday (?:is|was|falls)(?: on)? ", _birthday),
        (r"age is (?P<age>\d{1,3})(?P<old>)\b", _age),
        (r"pronouns are (?P<pronouns>[a-z]+/[a-z]+(?:/[a-z]+)?)\b", _pronouns),
        (r"favou?rite (?P<what>[a-z]+(?: [a-z]+)?) is ", _favourite),
        (rf"(?P<who>{_KIN})(?:['’]s name)? is (?:named |called )?", _relative),
    )
]
