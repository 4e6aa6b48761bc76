"""Read the lines of a card as models write them: with other marks around the label, or too long. Pure."""

from __future__ import annotations

import re

from omoide.reasoner.agentic.formatting import single
from omoide.reasoner.card_format import MAX_LINE_LENGTH, PREFIXES

_LABELS = {prefix.removesuffix(": "): prefix for prefix in PREFIXES}
_PLURALS = {"IDENTITIES": "IDENTITY", **{f"{label}S": label for label in _LABELS}}
_LINE = re.compile(
    r"[\s>#]*(?:[-*+\u2022\u2013\u2014\u25aa]\s+|\(?\d{1,3}[.):]\s+|\[[ xX]?\]\s*)*"  # of a list
    r"[\s*_`'\"\[(<{#\u201c]*(?P<label>[A-Za-z]+)[\s*_`'\"\])>}\u201d]*"
    r"(?:[:\uff1a]|\s[-\u2013\u2014=|]|->|\u2192)[\s*_`:]*(?P<text>.*)"
)
_CLAUSE_ENDS = re.compile(r"[.;!?\u3002]\s|[,;]\s|\s[-\u2013\u2014(]")
LEAST_CLAUSE = 0.6
"""Share of the room that a line has at least if it is cut at the end of a clause instead of at a word."""
DOTS = "\u2026"


def normalized(line: str) -> str:
    """The line with its label in the form of a card, and cut to the longest that a card may have.

    Unchanged if it has no label of a card, or nothing to cut it at.
    """
    line = single(line)
    match = _LINE.fullmatch(line)
    label = match["label"].upper() if match else ""
    prefix = _LABELS.get(_PLURALS.get(label, label))
    if match is None or prefix is None:
        return line
    text = match["text"].strip().strip("*_`").strip()
    return prefix + _cut(text, MAX_LINE_LENGTH - len(prefix))


def _cut(text: str, most: int) -> str:
    """Cut a text at the end of a clause, else between two words."""
    if len(text) <= most:
        return text
    room = most - len(DOTS)
    clauses = [match.start() for match in _CLAUSE_ENDS.finditer(text, 0, room)]
    if clauses and clauses[-1] >= LEAST_CLAUSE * most:
        return text[: clauses[-1]].rstrip()
    word = text.rfind(" ", 0, room + 1)
    return text if word < LEAST_CLAUSE * most else text[:word].rstrip(" ,;:-") + DOTS
