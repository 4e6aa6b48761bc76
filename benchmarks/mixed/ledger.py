"""The results of the clients: latencies, errors, and the messages that must or may be stored."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

Place = tuple[str, str]
"""(workspace, session)"""


@dataclass
class Ledger:
    """The combined results of all connections."""

    latencies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Operation → seconds of each response with an expected status."""
    errors: Counter[str] = field(default_factory=Counter)
    """Operation and error → count."""
    acknowledged: dict[Place, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The contents of acknowledged messages; all are distinct."""
    uncertain: dict[Place, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The contents of messages in failed requests: each may be stored once."""
    seconds: float = 0.0


@dataclass(frozen=True)
class Difference:
    """Numbers of messages that are missing, duplicated, or were never sent."""

    lost: int = 0
    doubled: int = 0
    unexpected: int = 0

    def __add__(self, other: Difference) -> Difference:
        return Difference(self.lost + other.lost, self.doubled + other.doubled, self.unexpected + other.unexpected)


def compare(acknowledged: Iterable[str], uncertain: Iterable[str], stored: Iterable[str]) -> Difference:
    """Compare the stored messages of a session with the clients' records."""
    expected, possible, present = set(acknowledged), set(uncertain), Counter(stored)
    return Difference(
        lost=len(expected - present.keys()),
        doubled=sum(1 for count in present.values() if count > 1),
        unexpected=len(present.keys() - expected - possible),
    )
