"""Corrections of what was just said: "no, I meant Braga", "12, not 11", "*Porto". Pure, English.

A correction names the right value, and perhaps the wrong one. It applies to the last statement that has the wrong
value, or, without one, to the last statement if exactly one value in it is of the same form: a name or a number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MOST_BACK = 4
"""How many statements a correction looks back."""

_LEAD = (
    r"(?:(?:no|nope|sorry|oops|wait|ah|oh|correction|actually|my mistake|typo|i misspoke|scratch that|hm+|um+)\b"
    r"[\s,.!:;…–—-]*)"
)
_WORDS = "one two three four five six seven eight nine ten eleven twelve"
_SPELLED = rf"(?:{'|'.join(_WORDS.split())})"
_VALUE = rf"(?:{_SPELLED}\b|[A-Z\d][\w'’.:/-]*(?: (?:of|de|da|la|van|von|the|and|[A-Z\d][\w'’.:/-]*))*)"
_PREPOSITION = r"(?:(?:in|at|to|on|for|from|with|a|an|the|called|named) )*"
_MEANT = re.compile(
    rf"{_LEAD}*(?:i meant|i mean|i meant to (?:say|write|type)|make (?:that|it)|it should be|should be|that should be"
    rf"|it's actually|it is actually)(?: to say)? {_PREPOSITION}(?-i:(?P<right>{_VALUE}))"
    rf"(?:,? (?:and )?not {_PREPOSITION}(?-i:(?P<wrong>{_VALUE})))?[\s.!)]*$",
    re.IGNORECASE,
)
_NOT = re.compile(
    rf"{_LEAD}+(?:it's |it is |that's )?{_PREPOSITION}(?-i:(?P<right>{_VALUE})),? (?:and )?not {_PREPOSITION}"
    rf"(?-i:(?P<wrong>{_VALUE}))[\s.!)]*$",
    re.IGNORECASE,
)
_NOT_BUT = re.compile(
    rf"{_LEAD}*not {_PREPOSITION}(?-i:(?P<wrong>{_VALUE}))[,;:–—-]*\s*(?:but |rather )?{_PREPOSITION}"
    rf"(?-i:(?P<right>{_VALUE}))[\s.!)]*$",
    re.IGNORECASE,
)
_STARRED = re.compile(rf"\*\s?(?P<right>{_VALUE})[\s.!]*$|(?P<starred>{_VALUE})\*[\s.!]*$")
_NAME = re.compile(r"(?<![\w'’])[A-Z][\w'’-]*(?: [A-Z][\w'’-]*)*")
_NUMBER = re.compile(rf"(?<![\w.:-])(?:\d+(?:[.,:]\d+)*|{_SPELLED})(?![\w-])")
_DATES = re.compile(r" \([^()]*\d{4}[^()]*\)")


def corrected(sentence: str, earlier: Sequence[str], peer_id: str) -> tuple[str, str] | None:
    """Return the statement that the sentence corrects, and the right one; None if it corrects none of them.

    `earlier` are the contents of the peer's statements, oldest first.
    """
    values = _values(sentence.strip())
    if values is None:
        return None
    right, wrong = values
    for content in [*earlier[-MOST_BACK:]][::-1]:
        about = content.replace(peer_id, "\0")
        if wrong is not None:
            if len(re.findall(rf"(?<!\w){re.escape(wrong)}(?!\w)", about)) == 1:
                return content, _replaced(about, wrong, right, peer_id)
            continue
        pattern = _NUMBER if _NUMBER.fullmatch(right) else _NAME
        found = {match[0] for match in pattern.finditer(_DATES.sub("", about))} - {"I"}
        if len(found) == 1 and right not in found:
            return content, _replaced(about, found.pop(), right, peer_id)
        return None
    return None


def _replaced(about: str, wrong: str, right: str, peer_id: str) -> str:
    return re.sub(rf"(?<!\w){re.escape(wrong)}(?!\w)", lambda _: right, about, count=1).replace("\0", peer_id)


def _values(sentence: str) -> tuple[str, str | None] | None:
    """The right value, and the wrong one if it is named."""
    for pattern in (_MEANT, _NOT, _NOT_BUT, _STARRED):
        if match := pattern.match(sentence):
            right = match["right"] or match.groupdict().get("starred")
            wrong = match.groupdict().get("wrong")
            if right and right not in {"I", "No", "The"}:
                return right.rstrip("."), wrong.rstrip(".") if wrong else None
    return None
