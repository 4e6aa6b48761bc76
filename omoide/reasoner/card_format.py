"""Validate the peer card lines that a reasoner writes. Pure.

Lines written by API callers are not validated (public description of the API).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

IDENTITY, ATTRIBUTE, RELATIONSHIP, INSTRUCTION = "IDENTITY: ", "ATTRIBUTE: ", "RELATIONSHIP: ", "INSTRUCTION: "
PREFIXES = (IDENTITY, ATTRIBUTE, RELATIONSHIP, INSTRUCTION)
MAX_LINE_LENGTH = 200
MAX_LINES = 40
LEAST_OWN = 10
"""Lines of the reasoner for which there is room whatever callers wrote."""


class AcceptedLines(NamedTuple):
    accepted: list[str]
    refused: list[str]
    """Lines without a prefix, with nothing after it, too long, or beyond the maximum number of lines."""


def accept_lines(lines: Iterable[str], most: int = MAX_LINES) -> AcceptedLines:
    """Split lines into valid ones, trimmed and at most `most`, and refused ones.

    Lines that differ only in case and white space are repetitions: the first is kept, the others are dropped silently.
    """
    accepted: dict[str, str] = {}
    refused = []
    for line in lines:
        trimmed = line.strip()
        if folded(trimmed) in accepted:
            continue
        if is_well_formed(trimmed) and len(accepted) < most:
            accepted[folded(trimmed)] = trimmed
        else:
            refused.append(line)
    return AcceptedLines(list(accepted.values()), refused)


def own_lines(given: int) -> int:
    """Return the maximum number of lines of the reasoner on a card with this many lines that callers wrote.

    A card that callers filled is longer by `LEAST_OWN` lines, so that what is said later reaches it.
    """
    return max(LEAST_OWN, MAX_LINES - given)


def folded(line: str) -> str:
    """Return the comparison key of a line: casefolded, with single spaces."""
    return " ".join(line.split()).casefold()


def section(line: str) -> str | None:
    """Return the prefix of the line, None if it has none."""
    return next((prefix for prefix in PREFIXES if line.startswith(prefix)), None)


def is_well_formed(line: str) -> bool:
    prefix = section(line)
    return prefix is not None and bool(line[len(prefix) :].strip()) and len(line) <= MAX_LINE_LENGTH
