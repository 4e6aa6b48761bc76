"""The order in which the messages of a session were said, where it is another than that in which they came.

Callers may say when a message was said, and import old talk into a session that has newer messages. The newest messages
are those that were said last, and of those said at one time the last to come. In most sessions both orders are one:
`sessions.last_said_at` says so, and nothing is kept. When a message comes that was said before another, the table
`said_order` gets all messages of the session, and from then on every new one.
"""

from __future__ import annotations

from collections.abc import Iterable

from omoide.store.column_rules import FIRST_SAID, sound
from omoide.store.database import Connection

JITTER = 10_000_000
"""Microseconds by which the time of a message that the server stamps may lie before that of the one before it, and the
order be the same: those who write at once wait for one another, and clocks are set."""


def came_at(last_said_at: int | None, now: int) -> int:
    """When a message that comes now and does not tell when it was said counts as said."""
    if last_said_at is not None and now < last_said_at <= now + JITTER:
        return last_said_at
    return now


def after(last_said_at: int | None, times: Iterable[int]) -> int | None:
    """`last_said_at` of a session after messages that were said at these times have come to it."""
    for time in times:
        if last_said_at is None or time < last_said_at:
            return None
        last_said_at = time
    return last_said_at


def keep(db: Connection, session: int, first: int, before: int | None, last_said_at: int | None) -> None:
    """Note the order of stored messages from the position `first` on; `before` is `last_said_at` without them."""
    if before != last_said_at:
        db.execute("UPDATE sessions SET last_said_at = ? WHERE pk = ?", (last_said_at, session))
    if last_said_at is None:
        db.execute(
            """INSERT INTO said_order SELECT session, created_at, seq FROM messages
               WHERE session = ? AND seq >= ?""",
            (session, first if before is None else 1),
        )


def note(db: Connection, session: int, first: int) -> None:
    """As `keep`, for messages whose times are in the database only."""
    (before,) = db.execute("SELECT last_said_at FROM sessions WHERE pk = ?", (session,)).fetchone()
    found = db.execute("SELECT created_at FROM messages WHERE session = ? AND seq >= ? ORDER BY seq", (session, first))
    times = (sound("messages.created_at", time) for (time,) in found)
    keep(db, session, first, before, after(sound("sessions.last_said_at", before), times))


def newest(db: Connection, session: int) -> int:
    """The position of the message that was said last, in a session whose order is kept; 0 if that is damaged."""
    query = """SELECT seq FROM said_order WHERE session = ? AND typeof(seq) = 'integer'
        ORDER BY created_at DESC, seq DESC LIMIT 1"""
    row = db.execute(query, (session,)).fetchone()
    return int(row[0]) if row else 0


def derive(db: Connection, session: int) -> None:
    """Note the order of all messages of a session once more, whatever was noted before."""
    db.execute("DELETE FROM said_order WHERE session = ?", (session,))
    db.execute("UPDATE sessions SET last_said_at = ? WHERE pk = ?", (FIRST_SAID, session))
    note(db, session, 1)
