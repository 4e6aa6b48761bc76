"""Choose the connection to close for a new one when the limit is reached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from itertools import takewhile
from operator import attrgetter, itemgetter
from typing import Protocol

WRITE_TIMEOUT_SECONDS = 2.0
"""A connection whose response was not read for this long may be closed."""

TIME_TO_SPEAK = 0.25
"""The time in seconds that a reserve connection has to send its request before it may be closed."""

LOOKS = 32
"""A ranking is reused for `1 / LOOKS` of the connections,"""

VALID_SECONDS = 0.1
"""for at most this long."""

_network, _rank = attrgetter("network"), itemgetter(0)


class Candidate(Protocol):
    """The attributes of a connection used here; `since` and `unread_since` are in event loop time."""

    network: str
    since: float
    unread_since: float
    unread: int
    in_body: bool
    is_refused: bool

    @property
    def is_answering(self) -> bool: ...

    @property
    def is_closing(self) -> bool: ...


class EvictionPolicy:
    """Chooses the connection to close for a new one.

    It ranks all connections for several new ones at a time: otherwise a flood of connections would saturate the CPU.
    """

    def __init__(self) -> None:
        self._next: list[Candidate] = []
        self._until = 0.0

    def of(self, connections: Collection[Candidate], new: Candidate, now: float) -> Candidate | None:
        """The connection to close for `new`, usually the first of `ranked`; None if there is none."""
        while self._next and now < self._until:
            each = self._next.pop()
            if _is_idle(each) and not each.is_closing:
                return each
        candidates = ranked(connections, new, now)
        idle = takewhile(_is_idle, candidates[: max(1, len(connections) // LOOKS)])
        self._next, self._until = [*idle][:0:-1], now + VALID_SECONDS
        return candidates[0] if candidates else None


def ranked(connections: Collection[Candidate], new: Candidate, now: float) -> list[Candidate]:
    """The connections that may be closed for `new`, best first: only those that wait for their client.

    The order is: refused ones; those of the address with most connections; idle ones and unfinished headers before
    unfinished bodies and unread responses; the oldest. Connections with an unfinished body or unread response may be
    closed only if their address has at least as many connections as the new one's.
    """
    held = Counter(map(_network, connections))
    least = held[new.network]
    candidates = []
    for each in connections:
        is_idle = _is_idle(each)
        may_close = is_idle or (_is_unfinished(each, now) and held[each.network] >= least)
        if may_close and each is not new and not each.is_closing:
            candidates.append(((not each.is_refused, -held[each.network], not is_idle, each.since), each))
    candidates.sort(key=_rank)
    return [each for _, each in candidates]


def is_evictable_in_reserve(reserve: Collection[Candidate], new: Candidate, now: float) -> Candidate | None:
    """The reserve connection to close for `new`: a refused one, or one that sent no request in time."""
    silent = [
        each for each in reserve if each.is_refused or (not each.is_answering and now - each.since > TIME_TO_SPEAK)
    ]
    return min(silent, key=lambda each: (not each.is_refused, each.since), default=None)


def _is_idle(connection: Candidate) -> bool:
    """Whether no request is in progress: none was received completely, or it was refused."""
    return connection.is_refused or not (connection.in_body or connection.is_answering or connection.unread)


def _is_unfinished(connection: Candidate, now: float) -> bool:
    return connection.in_body or (connection.unread > 0 and now - connection.unread_since > WRITE_TIMEOUT_SECONDS)
