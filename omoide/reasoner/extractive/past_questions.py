"""Recognize questions about the past, and turn their clauses into questions about now that ask for the same slot. Pure.

Clauses are normalized as in `questions`: `@` stands for the peers in question.
"""

from __future__ import annotations

import re

_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_FORMER = r"(?:old|first|prior|past|last|earlier|previous|former|original|ex)"
_WHEN = (
    r"(?:before(?: (?:that|then|now|this)| (?:@ )?(?:mov|chang|switch|start|quit|mar|gett)\w*\b.*)?|previously|formerly"
    r"|earlier(?! today)|originally|at first|initially|back then|in those days|in the past|over the years"
    r"|(?:back )?in (?:19|20)\d\d)"
)
_PAST = re.compile(
    rf"\b{_WHEN}(?=[ ?.!,]*(?:$|and\b))|\b(?:previous|former|formerly|previously|used? to|in the past|back then"
    rf"|originally)\b|@'s {_FORMER}\b|\bwas @ (?:living|working)\b|\bdid @ (?:live|work|like|use|own)\b"
    r"|\b(?:no longer|any ?more|any longer)\b"
)
_ALL_TIMES = re.compile(
    r"\b(?:has|have) @ (?:ever |all )?(?:lived|worked|liked|used|owned|been(?! \w+ing)|had|done|driven|played)\b"
    rf"|\bwas @'s (?!{_FORMER}\b)(?!.*\bbefore\b)|\bover the years\b"
)
_TAIL = re.compile(rf",? {_WHEN}$")
_AUXILIARY = re.compile(
    r"\b(?:did|has|have|had|was|were) @ (?:(?:ever|previously|formerly|originally|all|first) )*(?:used? to )?"
    r"(?P<verb>\w+)"
)
_USED_TO = re.compile(r"(?<=@ )used? to ")
_VERBS = {"lived": "live", "living": "live", "worked": "work", "working": "work", "had": "have", "liked": "like"}
_SEVERAL = {
    "cities": "city", "towns": "town", "countries": "country", "places": "place", "companies": "company",
    "employers": "employer", "jobs": "job", "homes": "home", "occupations": "occupation",
}  # fmt: skip


def asks_past(bare: str) -> bool:
    """Whether a question is about the past, or about past and present."""
    return _PAST.search(bare) is not None or asks_all_times(bare) or bool(years(bare))


def asks_all_times(bare: str) -> bool:
    """Whether a question is about the past and the present: "where has she lived?"."""
    return _ALL_TIMES.search(bare) is not None


def years(bare: str) -> tuple[int, ...]:
    """Return the years that a question names."""
    return tuple(int(year) for year in _YEAR.findall(bare))


def as_present(clause: str) -> str:
    """Return the clause as a question about now: "where did @ use to live" becomes "where does @ live"."""
    if not asks_past(clause):
        return clause
    text = re.sub(r"\bwas (?=@'s )", "is ", _TAIL.sub("", clause))
    text = re.sub(rf"(?<=@'s ){_FORMER}[- ]", "", text)
    text = _USED_TO.sub("", _AUXILIARY.sub(_now, text))
    return re.sub(r"\w+", lambda match: _SEVERAL.get(match[0], match[0]), text)


def _now(match: re.Match[str]) -> str:
    verb = match["verb"]
    return f"does @ {_VERBS.get(verb, verb)}" if match[0].startswith(("did", "ha")) or verb in _VERBS else match[0]
