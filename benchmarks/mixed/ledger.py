"""What the clients were told: latencies, errors, and which messages must be, or may be, in which session."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

Place = tuple[str, str]
"""Workspace and session."""


@dataclass
class Ledger:
    """Of all connections together."""

    latencies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Operation → seconds of each answer with an expected status."""
    errors: Counter[str] = field(default_factory=Counter)
    """Operation and what went wrong."""
    acknowledged: dict[Place, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The contents of messages that the server said it had stored; all are different."""
    uncertain: dict[Place, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The same of requests that failed: each may be there once."""
    seconds: float = 0.0


@dataclass(frozen=True)
class Difference:
    """How many messages are missing, are there more than once, or were never sent."""

    lost: int = 0
    doubled: int = 0
    unexpected: int = 0

    def __add__(self, other: Difference) -> Difference:
        return Difference(self.lost + other.lost, self.doubled + other.doubled, self.unexpected + other.unexpected)


def compare(acknowledged: Iterable[str], uncertain: Iterable[str], stored: Iterable[str]) -> Difference:
    """What differs between the messages of a session and what the clients know about them."""
    expected, possible, present = set(acknowledged), set(uncertain), Counter(stored)
    return Difference(
        lost=len(expected - present.keys()),
        doubled=sum(1 for count in present.values() if count > 1),
        unexpected=len(present.keys() - expected - possible),
    )
