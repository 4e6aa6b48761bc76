"""Stays: the intervals of messages during which a peer was in a session.

A stay begins with the next message after the peer joined (`first`) and ends with the last one before it left (`last`,
NULL while the peer is in the session). Positions of messages (`messages.seq`) are exact, unlike clocks: messages and
joins lock their session, so a message comes either before a join or after it, regardless of the processes' clocks. No
two stays of a peer begin with the same message, so a peer has at most one more stay than the session has messages.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Literal, TypeAlias

from omoide.core.clock import LAST_OF_IDS, created_at_of_id
from omoide.storage import rows
from omoide.storage.base import Transaction
from omoide.storage.column_validation import sound
from omoide.storage.dialect import ORDERED_JOIN, use_index

Member: TypeAlias = tuple[int, int]
"""Session and peer, by their rows."""

DERIVED_AT_A_TIME = 500
"""Members processed by `derive` per write."""

# The end of the latest stay that began at or before the message `m`; the message's own position if it is open.
_END_OF_STAY = """(SELECT coalesce(x.last, m.seq) FROM stays x
    WHERE x.session = m.session AND x.peer = {peer} AND x.first <= m.seq ORDER BY x.first DESC LIMIT 1)"""


def seen(peer: str, before_the_first: Literal["seen", "unseen"]) -> str:
    """SQL condition: the message `m` came during a stay of the peer, whose row is given as an SQL expression.

    `before_the_first` decides for messages that came before the peer first joined.
    """
    otherwise = "m.seq" if before_the_first == "seen" else "0"
    return f"m.seq <= coalesce({_END_OF_STAY.format(peer=peer)}, {otherwise})"


def has_left_any(db: Transaction, peer: int) -> bool:
    """Whether the peer has ever left a session."""
    query = f"SELECT 1 FROM stays {use_index('stays_ended')} WHERE peer = ? AND last IS NOT NULL LIMIT 1"
    return db.execute(query, (peer,)).fetchone() is not None


def begin(db: Transaction, session: int, peers: Sequence[int], first: int | None = None) -> None:
    """Begin a stay of each peer with the session's next message, `first` if known. The peers must be members already.

    On conflict, the previous stay ended without any message, and is reopened.
    """
    if first is not None:
        values = [(session, peer, first) for peer in peers]
        rows.insert_all(db, "stays (session, peer, first)", values, _REOPENED)
        return
    db.executemany(
        f"""INSERT INTO stays (session, peer, first) SELECT pk, ?, message_count + 1 FROM sessions WHERE pk = ?
            {_REOPENED}""",
        [(peer, session) for peer in peers],
    )


_REOPENED = "ON CONFLICT (session, peer, first) DO UPDATE SET last = NULL"


def end(db: Transaction, session: int, peer: int) -> None:
    """End the peer's open stay, if any, with the session's last message."""
    db.execute(
        """UPDATE stays SET last = (SELECT message_count FROM sessions WHERE pk = stays.session)
           WHERE session = ? AND peer = ? AND last IS NULL""",
        (session, peer),
    )


def copy(db: Transaction, source: int, target: int, through: int) -> None:
    """Copy the stays of a session's members to its copy, up to the position `through` of the original.

    The last stay of each is open, because each is in the copy now.
    """
    db.execute(
        """INSERT INTO stays (session, peer, first, last)
           SELECT m.session, m.peer, CASE WHEN x.first <= :through THEN x.first ELSE :through + 1 END,
               CASE WHEN x.last > :through THEN :through ELSE x.last END
           FROM members m JOIN stays x ON x.session = :source AND x.peer = m.peer
           WHERE m.session = :target AND (x.first <= :through OR x.last IS NULL)""",
        {"source": source, "target": target, "through": through},
    )


def derive(db: Transaction, after: Member = (0, 0), workspace: int | None = None) -> Member | None:
    """Derive a stay for members that have none, from the times at which they joined and left.

    For data from before stays were stored: only the latest stay of each member was recorded then, by time. Processes
    `DERIVED_AT_A_TIME` members after `after`, each in logarithmic time in the session's messages, and returns the last
    one, or None when done. Deleted sessions are skipped.
    """
    within = "" if workspace is None else "AND s.workspace = ?"
    found = db.execute(
        f"""SELECT m.session, m.peer, m.joined_at, m.left_at, s.message_count,
               (SELECT sum(CASE WHEN x.last IS NULL THEN 1 ELSE 0 END) FROM stays x
                WHERE x.session = m.session AND x.peer = m.peer HAVING count(*) > 0)
           FROM members m {ORDERED_JOIN} sessions s ON s.pk = m.session
           WHERE (m.session, m.peer) > (?, ?) {within} AND s.deleted_at IS NULL
           ORDER BY m.session, m.peer LIMIT ?""",
        (*after, *(() if workspace is None else (workspace,)), DERIVED_AT_A_TIME),
    ).fetchall()
    arrivals: _Arrivals | None = None
    for session, peer, joined, left, counted, going_on in found:
        joined_at, left_at = sound("members.joined_at", joined), sound("members.left_at", left)
        if arrivals is None or arrivals.session != session:
            arrivals = _Arrivals(db, session, sound("sessions.message_count", counted))
        if going_on is None:
            before = arrivals.before(joined_at // 1_000)
            last = None if left_at is None else max(before, arrivals.before(left_at // 1_000 + 1))
            add(db, session, peer, before + 1, last)
        elif left_at is None and not going_on:
            begin(db, session, peer)
    return (found[-1][0], found[-1][1]) if found else None


def add(db: Transaction, session: int, peer: int, first: int, last: int | None) -> None:
    """Insert a stay of a member."""
    db.execute("INSERT INTO stays (session, peer, first, last) VALUES (?, ?, ?, ?)", (session, peer, first, last))


class _Arrivals:
    """The arrival times of one session's messages, in milliseconds since 1970, read lazily from their ids."""

    def __init__(self, db: Transaction, session: int, count: int) -> None:
        self.session = session
        self._db = db
        self._count = count
        self._known: dict[int, int] = {}

    def before(self, instant: int) -> int:
        """The number of messages that arrived before `instant`, in milliseconds since 1970.

        A binary search, which assumes that ids are in the order of positions: true unless a clock was set back.
        """
        return bisect_left(range(1, self._count + 1), instant, key=self._at)

    def _at(self, seq: int) -> int:
        if seq not in self._known:
            query = "SELECT id FROM messages WHERE session = ? AND seq = ?"
            row = self._db.execute(query, (self.session, seq)).fetchone()
            # A damaged session may count more messages than it has.
            self._known[seq] = created_at_of_id(sound("messages.id", row[0])) if row else LAST_OF_IDS // 1_000
        return self._known[seq]
