"""The life of a peer in memory: what it said, what was learned about it, and what of that was replaced."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from omoide.core.clock import FIRST, LAST
from omoide.core.errors import FieldError, InvalidFields, NotFound
from omoide.core.records import Conclusion, Ending, Message, Peer
from omoide.storage import Transaction, messages, peers, timeline_conclusions, timeline_messages
from omoide.storage.timeline_messages import Bound, Span

TimelineKind = Literal["said", "learned", "superseded", "corrected", "merged"]
_KINDS: dict[Ending, TimelineKind] = {"superseded": "superseded", "invalid": "corrected", "merged": "merged"}

SAID, LEARNED, ENDED = range(3)
"""The order of what happened at the same instant."""
MOST_ROW = 2**63 - 1


class TimelineParts(NamedTuple):
    """What to read: an interval in microseconds (None: from the beginning, to the end), counted in so many equally long
    buckets, and a page of its events."""

    since: int | None
    until: int | None
    buckets: int
    limit: int
    before: str | None
    """The cursor of the page before."""


class Point(NamedTuple):
    """Where an event is in the order of all events of a peer; `pk` is the row of a message or conclusion."""

    at: int
    rank: int
    pk: int

    def bound(self, rank: int) -> Bound:
        """What comes before this point, of the events of a rank."""
        return Bound(self.at, self.pk if rank == self.rank else MOST_ROW if rank < self.rank else -1)

    @property
    def cursor(self) -> str:
        return f"{self.at}.{self.rank}.{self.pk}"


class TimelineEvent(NamedTuple):
    """What happened; `subject` is what was said, learned, or has ended."""

    kind: TimelineKind
    at: int
    subject: Message | Conclusion


class TimelineBucket(NamedTuple):
    """A part of the interval from `at` on, with the number of events of each kind in it."""

    at: int
    counts: dict[TimelineKind, int]


class Timeline(NamedTuple):
    """`is_cut`: only the newest events were counted. `interval` is None if nothing ever happened."""

    interval: tuple[int, int] | None
    buckets: Sequence[TimelineBucket]
    events: Sequence[TimelineEvent]
    following: str | None
    """The cursor of the next page."""
    is_cut: bool


_cursor = re.compile(r"(-?[0-9]{1,18})\.([0-2])\.([0-9]{1,18})", re.ASCII).fullmatch


def read(db: Transaction, workspace_id: str, peer_id: str, observer_id: str, asked: TimelineParts) -> Timeline:
    """Read a part of a peer's life. Takes more than a millisecond.

    Raises NotFound, and InvalidFields for an interval that ends before it begins, or a cursor of no page.
    """
    start = _start(asked.before)
    peer, observer = (_peer(db, workspace_id, id) for id in (peer_id, observer_id))
    pair = (observer.pk, peer.pk)
    spans, is_cut = timeline_messages.spans(db, peer.pk)
    interval = _interval(asked, spans, timeline_conclusions.life(db, pair))
    if interval is None:
        return Timeline(None, (), (), None, is_cut)
    buckets, is_uncounted = _buckets(db, pair, spans, interval, asked.buckets)
    points = _points(db, pair, spans, interval, start, asked.limit + 1) if asked.limit else []
    shown = points[: asked.limit]
    following = shown[-1].cursor if len(points) > len(shown) else None
    return Timeline(interval, buckets, _events(db, workspace_id, shown), following, is_cut or is_uncounted)


def _start(cursor: str | None) -> Point | None:
    if cursor is None:
        return None
    if (found := _cursor(cursor)) is None:
        raise InvalidFields([FieldError(("query", "before"), "Value error, not `next` of a page")])
    return Point(*map(int, found.groups()))


def _peer(db: Transaction, workspace_id: str, peer_id: str) -> Peer:
    if (found := peers.find(db, workspace_id, peer_id)) is None:
        raise NotFound(f"Peer {peer_id} not found in workspace {workspace_id}")
    return found


def _interval(asked: TimelineParts, spans: Sequence[Span], life: tuple[int, int] | None) -> tuple[int, int] | None:
    """The interval that was asked for; what is missing is the beginning or the end of the peer's life."""
    since, until = asked.since, asked.until
    if since is not None and until is not None:
        if since >= until:
            raise InvalidFields([FieldError(("query", "since"), "Value error, since must be before until")])
        return since, until
    known = [*(life or ()), *(span.first_at for span in spans), *(span.last_at for span in spans)]
    if not known:
        return None
    if until is None:
        until = min(max(*known, since or FIRST) + 1, LAST)
    return (max(min(*known, until - 1), FIRST) if since is None else since), until


def _buckets(
    db: Transaction, pair: tuple[int, int], spans: Sequence[Span], interval: tuple[int, int], most: int
) -> tuple[list[TimelineBucket], bool]:
    since, until = interval
    if not most or since >= until:
        return [], False
    width = -(-(until - since) // most)
    said, is_cut = timeline_messages.counts(db, pair[1], spans, interval, width)
    changes, is_cut_too = timeline_conclusions.counts(db, pair, interval, width)
    buckets = []
    for number in range(-(-(until - since) // width)):
        ended = {kind: changes[ending, number] for ending, kind in _KINDS.items()}
        counts: dict[TimelineKind, int] = {"said": said[number], "learned": changes["learned", number], **ended}
        buckets.append(TimelineBucket(since + number * width, counts))
    return buckets, is_cut or is_cut_too


def _points(
    db: Transaction,
    pair: timeline_conclusions.Pair,
    spans: Sequence[Span],
    interval: tuple[int, int],
    start: Point | None,
    limit: int,
) -> list[Point]:
    """The newest events of an interval that come before `start`, newest first."""
    since, until = interval
    said_before, learned_before, ended_before = (
        min(Bound(until), start.bound(rank)) if start else Bound(until) for rank in (SAID, LEARNED, ENDED)
    )
    said = timeline_messages.newest(db, pair[1], spans, since, said_before, limit)
    learned = timeline_conclusions.learned(db, pair, since, learned_before, limit)
    ended = timeline_conclusions.endings(db, pair, since, ended_before, limit)
    points = [
        *(Point(at, SAID, pk) for at, pk in said),
        *(Point(at, LEARNED, pk) for at, pk in learned),
        *(Point(at, ENDED, pk) for at, pk in ended),
    ]
    return sorted(points, reverse=True)[:limit]


def _events(db: Transaction, workspace_id: str, points: Sequence[Point]) -> list[TimelineEvent]:
    said = messages.by_pks(db, [pk for _, rank, pk in points if rank == SAID])
    known = timeline_conclusions.read(db, workspace_id, [pk for _, rank, pk in points if rank != SAID])
    events = []
    for at, rank, pk in points:
        subject = (said if rank == SAID else known).get(pk)
        if isinstance(subject, Message):
            events.append(TimelineEvent("said", at, subject))
        elif subject is not None:
            ended_as = subject.ended_as if rank == ENDED else None
            events.append(TimelineEvent("learned" if ended_as is None else _KINDS[ended_as], at, subject))
    return events
