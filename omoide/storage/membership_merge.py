"""Give the memberships of one peer to another: its stays by position and by time, and its configuration where the
other has none.

In a session that both were in, a stay lasts as long as either was there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from omoide.storage import membership_intervals
from omoide.storage.base import Transaction

Stay = tuple[int, int | None]
"""First and last message; the last is None while the peer is in the session."""


def move(db: Transaction, old: int, into: int) -> None:
    """Make the peer `into` a member of all sessions of `old` (rows of peers), which is left without any."""
    db.execute("UPDATE visits SET peer = ? WHERE peer = ?", (into, old))
    shared = db.execute(
        "SELECT m.session FROM members m JOIN members t ON t.session = m.session AND t.peer = ? WHERE m.peer = ?",
        (into, old),
    ).fetchall()
    for (session,) in shared:
        _join(db, session, old, into)
    # Their members are still those of `old`; stays refer to members.
    db.execute(
        """INSERT INTO members (session, peer, joined_at, left_at, observe_me, observe_others)
           SELECT session, ?, joined_at, left_at, observe_me, observe_others FROM members WHERE peer = ?""",
        (into, old),
    )
    db.execute(
        "UPDATE stays SET peer = ? WHERE peer = ? AND session IN (SELECT session FROM members WHERE peer = ?)",
        (into, old, old),
    )
    db.execute("DELETE FROM members WHERE peer = ?", (old,))


def _join(db: Transaction, session: int, old: int, into: int) -> None:
    query = "SELECT joined_at, left_at, observe_me, observe_others FROM members WHERE session = ? AND peer = ?"
    theirs, own = (db.execute(query, (session, peer)).fetchone() for peer in (old, into))
    stays = "SELECT first, last FROM stays WHERE session = ? AND peer IN (?, ?) ORDER BY first"
    joined = [*united(db.execute(stays, (session, old, into)).fetchall())]
    db.execute("DELETE FROM stays WHERE session = ? AND peer IN (?, ?)", (session, old, into))
    db.execute("DELETE FROM members WHERE session = ? AND peer = ?", (session, old))
    joined_at, left_at = _times([own[:2], theirs[:2]])
    flags = (yours if mine is None else mine for mine, yours in zip(own[2:], theirs[2:], strict=True))
    db.execute(
        """UPDATE members SET joined_at = ?, left_at = ?, observe_me = ?, observe_others = ?
           WHERE session = ? AND peer = ?""",
        (joined_at, left_at, *flags, session, into),
    )
    for first, last in joined:
        membership_intervals.add(db, session, into, first, last)


def _times(both: Sequence[tuple[int, int | None]]) -> tuple[int, int | None]:
    """When the united member joined last, and when it left: the earliest of those that are there, else the last."""
    there = [joined for joined, left in both if left is None]
    return (min(there), None) if there else max(both, key=lambda each: each[1] or 0)


def united(stays: Iterable[Stay]) -> Iterator[Stay]:
    """Unite overlapping and adjoining stays, given in the order in which they began. Pure."""
    held: Stay | None = None
    for first, last in stays:
        if held is not None and (held[1] is None or first <= held[1] + 1):
            ends = None if held[1] is None or last is None else max(held[1], last)
            held = (held[0], ends)
            continue
        if held is not None:
            yield held
        held = (first, last)
    if held is not None:
        yield held
