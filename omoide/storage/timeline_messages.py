"""What a peer said, by time: found through the sessions that it is or was in.

No index holds the messages of a peer in order of time. A session's messages are in that order unless `last_said_at` is
NULL (see `event_time_order`), so that a part of them by time is found by bisection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from omoide.storage import rows
from omoide.storage.base import Transaction
from omoide.storage.dialect import ORDERED_JOIN, array_of_rows, count_or_zero, unnest_rows

MOST_SESSIONS = 20_000
MOST_READ = 100_000
"""Messages of sessions that are read to count those of a peer; takes a fifth of a second."""


class Bound(NamedTuple):
    """Only what is before this instant, or at this instant and of a lower row."""

    at: int
    pk: int = -1


class Span(NamedTuple):
    """A session (row) with a peer: its last position, whether its messages are in order of time, and when the first and
    the last of them were said."""

    session: int
    last: int
    is_in_order: bool
    first_at: int
    last_at: int


class _Part(NamedTuple):
    """A part of a session (row), from one position to another, both included."""

    session: int
    first: int
    last: int


_FIRST = """CASE WHEN s.last_said_at IS NULL THEN (SELECT min(o.created_at) FROM said_order o WHERE o.session = s.pk)
    ELSE (SELECT m.created_at FROM messages m WHERE m.session = s.pk ORDER BY m.seq LIMIT 1) END"""
_LAST = "coalesce(s.last_said_at, (SELECT max(o.created_at) FROM said_order o WHERE o.session = s.pk))"
_TIMES = ["", "", "", "messages.created_at?", "messages.created_at?"]


def spans(db: Transaction, peer: int) -> tuple[list[Span], bool]:
    """The sessions with messages that a peer (row) is or was in, those that ended last first, and whether there are
    more than `MOST_SESSIONS`."""
    found = db.execute(
        f"""SELECT s.pk, {count_or_zero("s.message_count")}, s.last_said_at IS NOT NULL, {_FIRST}, {_LAST}
            FROM members x JOIN sessions s ON s.pk = x.session
            WHERE x.peer = ? AND s.deleted_at IS NULL ORDER BY x.session DESC LIMIT ?""",
        (peer, MOST_SESSIONS + 1),
    )
    stored = [rows.mended(_TIMES, row) for row in found]
    known = [Span(row[0], row[1], bool(row[2]), row[3], row[4]) for row in stored[:MOST_SESSIONS] if row[3] is not None]
    known.sort(key=lambda span: span.last_at, reverse=True)
    return known, len(stored) > MOST_SESSIONS


def counts(
    db: Transaction, peer: int, spans: Iterable[Span], interval: tuple[int, int], width: int
) -> tuple[Counter[int], bool]:
    """Number of a part of the interval → messages that the peer said in it; parts are `width` microseconds long.

    Also returns whether there are more messages than are read: then those of the last sessions are counted.
    """
    since, until = interval
    parts, is_cut = _parts(db, spans, since, Bound(until))
    found = db.execute(
        f"""SELECT (m.created_at - ?) / ?, count(*) FROM {unnest_rows("part", "session", "first", "last")}
            {ORDERED_JOIN} messages m ON m.session = part.session AND m.seq BETWEEN part.first AND part.last
            WHERE m.peer = ? AND m.created_at >= ? AND m.created_at < ? GROUP BY 1""",
        (since, width, array_of_rows(parts), peer, since, until),
    )
    return Counter(dict(found.fetchall())), is_cut


def _parts(db: Transaction, spans: Iterable[Span], since: int, before: Bound) -> tuple[list[_Part], bool]:
    parts: list[_Part] = []
    left = MOST_READ
    for span in spans:
        if (part := _part(db, span, since, before)) is None:
            continue
        if left == 0:
            return parts, True
        kept = part._replace(first=max(part.first, part.last - left + 1))
        parts.append(kept)
        left -= kept.last - kept.first + 1
        if kept != part:
            return parts, True
    return parts, False


def _part(db: Transaction, span: Span, since: int, before: Bound) -> _Part | None:
    """The part of a session that may have been said in an interval; None if it is empty."""
    if span.last_at < since or span.first_at > before.at:
        return None
    first, last = 1, span.last
    if span.is_in_order and span.first_at < since:
        first = _through(db, span, since - 1) + 1
    if span.is_in_order and span.last_at > before.at:
        last = _through(db, span, before.at)
    return _Part(span.session, first, last) if first <= last else None


def _through(db: Transaction, span: Span, at: int) -> int:
    """The last position in a session in order of time whose message was said no later than at this instant."""
    low, high = 0, span.last
    query = "SELECT created_at FROM messages WHERE session = ? AND seq <= ? ORDER BY seq DESC LIMIT 1"
    while low < high:
        middle = (low + high + 1) // 2
        row = db.execute(query, (span.session, middle)).fetchone()
        if row is None or rows.mended(["messages.created_at"], row)[0] <= at:
            low = middle
        else:
            high = middle - 1
    return low


_NEWEST = """SELECT m.created_at, m.pk FROM messages m
    WHERE m.session = ? AND m.seq BETWEEN ? AND ? AND m.peer = ? AND m.created_at >= ?
    AND (m.created_at, m.pk) < (?, ?) ORDER BY m.seq DESC LIMIT ?"""
_NEWEST_BY_TIME = f"""SELECT m.created_at, m.pk FROM said_order o
    {ORDERED_JOIN} messages m ON m.session = o.session AND m.seq = o.seq
    WHERE o.session = ? AND o.created_at <= ? AND m.peer = ? AND m.created_at >= ?
    AND (m.created_at, m.pk) < (?, ?) ORDER BY o.created_at DESC, o.seq DESC LIMIT ?"""


def newest(
    db: Transaction, peer: int, spans: Sequence[Span], since: int, before: Bound, limit: int
) -> list[tuple[int, int]]:
    """Time and row of the last messages that the peer said in an interval, newest first. `spans` as from `spans`."""
    found: list[tuple[int, int]] = []
    for span in spans:
        if span.last_at < since or (len(found) == limit and span.last_at < found[-1][0]):
            break
        if (part := _part(db, span, since, before)) is None:
            continue
        if span.is_in_order:
            rows_found = db.execute(_NEWEST, (*part, peer, since, *before, limit))
        else:
            rows_found = db.execute(_NEWEST_BY_TIME, (span.session, before.at, peer, since, *before, limit))
        found = sorted([*found, *rows_found], reverse=True)[:limit]
    return found
