"""Which connection is closed for a new one when there are too many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Protocol

STALLED_SECONDS = 2.0
"""An answer of which nothing was read for so long holds no room that others need."""

TIME_TO_SPEAK = 0.25
"""For so many seconds a connection in reserve is left to send its request."""


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


def gives_way(connections: Collection[Candidate], new: Candidate, now: float) -> Candidate | None:
    """The connection to close for `new`: one that waits for its client, of the address that holds most connections.

    Of these first one that was refused, then idle ones and unfinished heads, the oldest first, then unfinished bodies
    and answers that are not read, these only if their address holds no fewer connections than the new one's.
    """
    held = Counter(each.network for each in connections)
    least = held[new.network]
    waiting = [
        each
        for each in connections
        if each is not new
        and not each.is_closing
        and (_is_idle(each) or (_is_unfinished(each, now) and held[each.network] >= least))
    ]
    return min(
        waiting,
        key=lambda each: (not each.is_refused, -held[each.network], not _is_idle(each), each.since),
        default=None,
    )


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
