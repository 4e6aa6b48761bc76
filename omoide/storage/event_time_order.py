"""The order in which the messages of a session were said, if it differs from the order of arrival.

Callers may give the time at which a message was said, and import old messages into a session that has newer ones. The
newest messages are those with the latest time, and among equal times the last to arrive. In most sessions both orders
are the same: then `sessions.last_said_at` is set, and nothing is stored here. When a message arrives out of order, all
messages of the session are added to the table `said_order`, and from then on every new one.
"""

from __future__ import annotations

from collections.abc import Iterable

from omoide.core.clock import FIRST, SECOND
from omoide.storage.base import Transaction
from omoide.storage.column_validation import sound
from omoide.storage.dialect import is_integer

JITTER = 10 * SECOND
"""Microseconds by which the server's time for a message may be earlier than that of the previous message without
changing the order: concurrent writers wait for each other, and clocks are adjusted."""


def came_at(last_said_at: int | None, now: int) -> int:
    """The time assigned to a message that arrives now without one."""
    if last_said_at is not None and now < last_said_at <= now + JITTER:
        return last_said_at
    return now


def after(last_said_at: int | None, times: Iterable[int]) -> int | None:
    """The new `last_said_at` of a session after messages with these times have arrived."""
    for time in times:
        if last_said_at is None or time < last_said_at:
            return None
        last_said_at = time
    return last_said_at


def keep(db: Transaction, session: int, first: int, before: int | None, last_said_at: int | None) -> None:
    """Record the order of stored messages from the position `first` on; `before` is `last_said_at` without them."""
    if before != last_said_at:
        db.execute("UPDATE sessions SET last_said_at = ? WHERE pk = ?", (last_said_at, session))
    if last_said_at is None:
        db.execute(
            """INSERT INTO said_order (session, created_at, seq) SELECT session, created_at, seq FROM messages
               WHERE session = ? AND seq >= ?""",
            (session, first if before is None else 1),
        )


def note(db: Transaction, session: int, first: int) -> None:
    """As `keep`, but reads the times of the messages from the database."""
    (before,) = db.execute("SELECT last_said_at FROM sessions WHERE pk = ?", (session,)).fetchone()
    found = db.execute("SELECT created_at FROM messages WHERE session = ? AND seq >= ? ORDER BY seq", (session, first))
    times = (sound("messages.created_at", time) for (time,) in found)
    keep(db, session, first, before, after(sound("sessions.last_said_at", before), times))


def newest(db: Transaction, session: int) -> int:
    """The position of the message that was said last, in a session with rows in `said_order`; 0 if they are damaged."""
    query = f"""SELECT seq FROM said_order WHERE session = ? AND {is_integer("seq")}
        ORDER BY created_at DESC, seq DESC LIMIT 1"""
    row = db.execute(query, (session,)).fetchone()
    return int(row[0]) if row else 0


def derive(db: Transaction, session: int) -> None:
    """Rebuild the order of all messages of a session."""
    db.execute("DELETE FROM said_order WHERE session = ?", (session,))
    db.execute("UPDATE sessions SET last_said_at = ? WHERE pk = ?", (FIRST, session))
    note(db, session, 1)
