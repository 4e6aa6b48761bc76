"""Which connection is closed for a new one when there are too many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from itertools import takewhile
from operator import attrgetter, itemgetter
from typing import Protocol

STALLED_SECONDS = 2.0
"""An answer of which nothing was read for so long holds no room that others need."""

TIME_TO_SPEAK = 0.25
"""For so many seconds a connection in reserve is left to send its request."""

LOOKS = 32
"""As many times all are looked at until all are closed,"""

VALID_SECONDS = 0.1
"""and again after so long."""

_network, _rank = attrgetter("network"), itemgetter(0)


class Candidate(Protocol):
    """What is needed of a connection; `since` and `unread_since` by the clock of the event loop."""

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


class GivingWay:
    """Finds which connection to close for a new one.

    It looks at all of them for several new ones at a time: otherwise a flood of connections would take the processor.
    """

    def __init__(self) -> None:
        self._next: list[Candidate] = []
        self._until = 0.0

    def of(self, connections: Collection[Candidate], new: Candidate, now: float) -> Candidate | None:
        """The connection to close for `new`, the first of `ranked`; None if there is none."""
        while self._next and now < self._until:
            each = self._next.pop()
            if _is_idle(each) and not each.is_closing:
                return each
        found = ranked(connections, new, now)
        idle = takewhile(_is_idle, found[: max(1, len(connections) // LOOKS)])
        self._next, self._until = [*idle][:0:-1], now + VALID_SECONDS
        return found[0] if found else None


def ranked(connections: Collection[Candidate], new: Candidate, now: float) -> list[Candidate]:
    """The connections that may be closed for `new`: those that wait for their client, of the address that holds most.

    Of these first those that were refused, then idle ones and unfinished heads, the oldest first, then unfinished
    bodies and answers that are not read, these only if their address holds no fewer connections than the new one's.
    """
    held = Counter(map(_network, connections))
    least = held[new.network]
    found = []
    for each in connections:
        is_idle = _is_idle(each)
        may_close = is_idle or (_is_unfinished(each, now) and held[each.network] >= least)
        if may_close and each is not new and not each.is_closing:
            found.append(((not each.is_refused, -held[each.network], not is_idle, each.since), each))
    found.sort(key=_rank)
    return [each for _, each in found]


def gives_way_in_reserve(reserve: Collection[Candidate], new: Candidate, now: float) -> Candidate | None:
    """The connection in reserve to close for `new`: a refused one, or one that had the time to send its request."""
    silent = [
        each for each in reserve if each.is_refused or (not each.is_answering and now - each.since > TIME_TO_SPEAK)
    ]
    return min(silent, key=lambda each: (not each.is_refused, each.since), default=None)


def _is_idle(connection: Candidate) -> bool:
    """Whether nothing is in progress: no request has come, or it was refused."""
    return connection.is_refused or not (connection.in_body or connection.is_answering or connection.unread)


def _is_unfinished(connection: Candidate, now: float) -> bool:
    return connection.in_body or (connection.unread > 0 and now - connection.unread_since > STALLED_SECONDS)
