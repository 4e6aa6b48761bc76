"""The form of a peer card's lines that a reasoner writes. Pure.

What the API's callers write into a card is theirs and not held against these rules (public description of the API).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

IDENTITY, ATTRIBUTE, RELATIONSHIP, INSTRUCTION = "IDENTITY: ", "ATTRIBUTE: ", "RELATIONSHIP: ", "INSTRUCTION: "
PREFIXES = (IDENTITY, ATTRIBUTE, RELATIONSHIP, INSTRUCTION)
MAX_LINE_LENGTH = 200
MAX_LINES = 40


class Admitted(NamedTuple):
    accepted: list[str]
    refused: list[str]
    """Those without a prefix, with nothing after it, or too long, and those beyond the most that a card takes."""


def admitted(lines: Iterable[str], most: int = MAX_LINES) -> Admitted:
    """The lines that may stand on a card, trimmed, each once: of those that differ in case and white space the first.

    A repeated line is neither accepted nor refused.
    """
    accepted: dict[str, str] = {}
    refused = []
    for line in lines:
        trimmed = line.strip()
        if folded(trimmed) in accepted:
            continue
        if _is_well_formed(trimmed) and len(accepted) < most:
            accepted[folded(trimmed)] = trimmed
        else:
            refused.append(line)
    return Admitted(list(accepted.values()), refused)


def folded(line: str) -> str:
    """What two lines have in common that differ only in case and white space."""
    return " ".join(line.split()).casefold()


def section(line: str) -> str | None:
    """The prefix that the line begins with."""
    return next((prefix for prefix in PREFIXES if line.startswith(prefix)), None)


def _is_well_formed(line: str) -> bool:
    prefix = section(line)
    return prefix is not None and bool(line[len(prefix) :].strip()) and len(line) <= MAX_LINE_LENGTH
