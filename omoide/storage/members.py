"""Session membership and the members' configuration.

A member that leaves keeps its row (`left_at`) and thereby its configuration. `joined_at` is the last time it joined;
`membership_intervals` records which messages came while it was in the session. The number of observers, that is active
members with `observe_others`, is limited per session; the session is locked while they are counted.

The hidden peers behind scopes are members too, but this module neither counts, lists nor changes them: see `scopes`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache

from omoide.core.errors import BadRequest
from omoide.core.records import Observation, Page, PageRequest, Peer, Session, SessionChange
from omoide.storage import membership_intervals, peers, rows, visits
from omoide.storage.base import Transaction
from omoide.storage.dialect import ORDERED_JOIN

Flag = int | None
SCOPES_COME_OTHERWISE = (
    "Scope membership is managed via the scopes routes (/v3/workspaces/{workspace_id}/scopes/{scope_id}/sessions) or "
    "the `scopes` field at session creation."
)
SCOPES_ARE_NOT_CONFIGURED = "Scope membership is managed via the scopes routes."

_FROM = """
    FROM members m
    JOIN sessions s ON s.pk = m.session
    JOIN workspaces w ON w.pk = s.workspace
    JOIN peers p ON p.pk = m.peer
    WHERE w.id = ? AND w.deleted_at IS NULL AND s.id = ? AND s.deleted_at IS NULL"""


_joined_at = rows.mender("members.joined_at")


def is_active(db: Transaction, workspace_id: str, session_id: str, peer_id: str) -> bool:
    """Whether the peer is in the session now."""
    query = f"SELECT 1 {_FROM} AND p.id = ? AND m.left_at IS NULL"
    return db.execute(query, (workspace_id, session_id, peer_id)).fetchone() is not None


def unchanged(db: Transaction, session: int, given: Mapping[str, Observation]) -> bool:
    """Whether adding these peers would change nothing: all are in the session with the given flags."""
    for peer_id, observation in given.items():
        row = db.execute(
            """SELECT m.observe_me, m.observe_others FROM members m JOIN peers p ON p.pk = m.peer
               WHERE m.session = ? AND p.id = ? AND p.kind = 'peer' AND m.left_at IS NULL""",
            (session, peer_id),
        ).fetchone()
        if row is None or _merged(row, observation) != tuple(row):
            return False
    return True


def add(
    db: Transaction, workspace: int, session: Session, change: SessionChange, now: int, *, is_new: bool = False
) -> None:
    """Add the peers of the change to the session, creating missing ones. Flags that are None keep their current value.

    A peer that had left gets exactly the given flags. `is_new`: this transaction created the session, so it has no
    members to look for. Raises BadRequest beyond the observer limit, Unprocessable for scopes and for peer ids that
    cannot be created.
    """
    given = change.peers
    peers.refuse_scopes(db, workspace, given, SCOPES_COME_OTHERWISE)
    known = peers.ensure(db, workspace, given, now)
    db.lock("sessions", session.pk)
    joining: dict[int, tuple[Flag, Flag]] = {}
    for peer_id, observation in given.items():
        peer = known[peer_id]
        flags = None if is_new else _active_flags(db, session.pk, peer)
        if flags is None:
            joining[peer] = _merged((None, None), observation)
        else:
            _set(db, session.pk, peer, _merged(flags, observation))
    _join(db, session.pk, joining, now, is_new=is_new)
    if any(observation.observe_others for observation in given.values()):
        _check_observers(db, session, change.max_observers)


def _active_flags(db: Transaction, session: int, peer: int) -> tuple[Flag, Flag] | None:
    """The flags of a peer that is in the session now; None for any other."""
    query = "SELECT observe_me, observe_others FROM members WHERE session = ? AND peer = ? AND left_at IS NULL"
    row = db.execute(query, (session, peer)).fetchone()
    return None if row is None else (row[0], row[1])


def authors(
    db: Transaction, workspace: int, session: int, peer_ids: Collection[str], now: int, *, max_observers: int
) -> tuple[dict[str, int], int]:
    """The rows of the authors of messages, by id, and a time at which all of them are in the session.

    Missing peers are created, and all join. The time is `now`, or later if one of them joined when the clock was ahead.
    Raises Unprocessable for scopes and for peer ids that cannot be created.
    """
    found: dict[str, int] = {}
    there = now
    ids = [*peer_ids]
    for start in range(0, len(ids), rows.FEW_ROWS):
        some = ids[start : start + rows.FEW_ROWS]
        for peer_id, peer, joined_at in db.execute(_members_named(len(some)), (session, workspace, *some)).fetchall():
            found[peer_id] = peer
            there = max(there, _joined_at(joined_at))
    if joining := [peer_id for peer_id in peer_ids if peer_id not in found]:
        peers.refuse_scopes(db, workspace, joining, "Scope peers cannot author messages.")
        known = peers.ensure(db, workspace, joining, now)
        join_as_authors(db, session, known.values(), now, max_observers=max_observers)
        found |= known
    return {peer_id: found[peer_id] for peer_id in ids}, there


@cache
def _members_named(count: int) -> str:
    return f"""SELECT p.id, p.pk, m.joined_at FROM peers p {ORDERED_JOIN} members m ON m.session = ? AND m.peer = p.pk
        WHERE p.workspace = ? AND p.id IN ({", ".join("?" * count)}) AND p.kind = 'peer' AND m.left_at IS NULL"""


def join_as_authors(db: Transaction, session: int, joining: Collection[int], now: int, *, max_observers: int) -> None:
    """Make the authors of messages members; one that had left gets its previous configuration back.

    If that would exceed the observer limit, it joins without `observe_others`: a message is never refused for it.
    """
    for peer in joining:
        joined = db.execute(
            """INSERT INTO members (session, peer, joined_at) VALUES (?, ?, ?)
               ON CONFLICT (session, peer) DO UPDATE SET left_at = NULL, joined_at = excluded.joined_at
               WHERE members.left_at IS NOT NULL""",
            (session, peer, now),
        )
        if joined.rowcount:
            membership_intervals.begin(db, session, [peer])
            visits.begin(db, session, [peer], now)
        if joined.rowcount and _observers(db, session) > max_observers:
            db.execute("UPDATE members SET observe_others = NULL WHERE session = ? AND peer = ?", (session, peer))


def replace(
    db: Transaction, workspace: int, session: Session, given: Mapping[str, Observation], now: int, *, max_observers: int
) -> None:
    """Make these peers the only members, with exactly the given flags. Raises as `add` does."""
    peers.refuse_scopes(db, workspace, given, SCOPES_COME_OTHERWISE)
    known = peers.ensure(db, workspace, given, now)
    db.lock("sessions", session.pk)
    kept = set(known.values())
    active = db.execute(
        """SELECT m.peer FROM members m JOIN peers p ON p.pk = m.peer
           WHERE m.session = ? AND m.left_at IS NULL AND p.kind = 'peer'""",
        (session.pk,),
    ).fetchall()
    leaving = [(now, session.pk, peer) for (peer,) in active if peer not in kept]
    db.executemany("UPDATE members SET left_at = ? WHERE session = ? AND peer = ?", leaving)
    for _, _, peer in leaving:
        membership_intervals.end(db, session.pk, peer)
        visits.end(db, session.pk, peer, now)
    present = {peer for (peer,) in active}
    flags = {known[peer_id]: _merged((None, None), observation) for peer_id, observation in given.items()}
    for peer in flags.keys() & present:
        _set(db, session.pk, peer, flags[peer])
    _join(db, session.pk, {peer: of_peer for peer, of_peer in flags.items() if peer not in present}, now)
    _check_observers(db, session, max_observers)


def remove(db: Transaction, workspace: int, session: int, peer_ids: Collection[str], now: int) -> None:
    """Remove these peers from the session; non-members are ignored. Raises Unprocessable for scopes."""
    peers.refuse_scopes(db, workspace, peer_ids, SCOPES_COME_OTHERWISE)
    db.lock("sessions", session)
    for peer_id in set(peer_ids):
        left = db.execute(
            """UPDATE members SET left_at = ? WHERE session = ? AND left_at IS NULL AND peer =
               (SELECT pk FROM peers WHERE workspace = ? AND id = ?) RETURNING peer""",
            (now, session, workspace, peer_id),
        ).fetchone()
        if left:
            membership_intervals.end(db, session, left[0])
            visits.end(db, session, left[0], now)


def configuration(db: Transaction, workspace_id: str, session_id: str, peer_id: str) -> Observation | None:
    """The peer's flags in the session, also after it has left; None if it was never a member."""
    query = f"SELECT m.observe_me, m.observe_others {_FROM} AND p.id = ?"
    row = db.execute(query, (workspace_id, session_id, peer_id)).fetchone()
    return Observation(_flag(row[0]), _flag(row[1])) if row else None


def configure(
    db: Transaction, session: Session, peer: int, observation: Observation, now: int, *, max_observers: int
) -> None:
    """Set the given flags. A peer that was never in the session joins it; one that has left stays out.

    Raises BadRequest beyond the observer limit.
    """
    db.lock("sessions", session.pk)
    row = db.execute(
        "SELECT observe_me, observe_others FROM members WHERE session = ? AND peer = ?", (session.pk, peer)
    ).fetchone()
    flags = _merged(row or (None, None), observation)
    if row is None:
        _join(db, session.pk, {peer: flags}, now)
    else:
        _set(db, session.pk, peer, flags)
    if observation.observe_others and not (row and row[1]):
        _check_observers(db, session, max_observers)


def page(db: Transaction, workspace_id: str, session_id: str, request: PageRequest, former: bool = False) -> Page[Peer]:
    """The members of the session, ordered by the time they joined last: the current ones, or also the `former`."""
    source = f"{_FROM} AND p.kind = 'peer' {'' if former else 'AND m.left_at IS NULL'}"
    order = ("m.joined_at", "m.peer")
    return rows.page(db, rows.Listing(rows.PEER, source, (workspace_id, session_id), order, rows.peer), request)


def first(db: Transaction, session: int, limit: int) -> tuple[dict[str, Observation], int]:
    """The flags of the peers that are in the session now, by id, of the `limit` that joined first; and how many are."""
    source = (
        "FROM members m JOIN peers p ON p.pk = m.peer WHERE m.session = ? AND m.left_at IS NULL AND p.kind = 'peer'"
    )
    query = f"SELECT p.id, m.observe_me, m.observe_others {source} ORDER BY m.joined_at, m.peer LIMIT ?"
    found = db.execute(query, (session, limit)).fetchall()
    (total,) = db.execute(f"SELECT count(*) {source}", (session,)).fetchone()
    return {id: Observation(_flag(me), _flag(others)) for id, me, others in found}, total


def copy(db: Transaction, source: int, target: int, through: int, now: int) -> None:
    """Copy the active members of one session to another, including scopes, with their configuration.

    Their stays are copied for the messages up to the position `through`.
    """
    db.execute(
        """INSERT INTO members (session, peer, joined_at, observe_me, observe_others)
           SELECT ?, peer, ?, observe_me, observe_others FROM members
           WHERE session = ? AND left_at IS NULL AND EXISTS (SELECT 1 FROM peers p WHERE p.pk = members.peer)
           ORDER BY joined_at, peer""",
        (target, now, source),
    )
    membership_intervals.copy(db, source, target, through)
    visits.copy(db, target)


_AGAIN = """ON CONFLICT (session, peer) DO UPDATE SET joined_at = excluded.joined_at, left_at = NULL,
    observe_me = excluded.observe_me, observe_others = excluded.observe_others"""


def _join(
    db: Transaction, session: int, joining: Mapping[int, tuple[Flag, Flag]], now: int, *, is_new: bool = False
) -> None:
    """Add peers (their rows), each with these flags."""
    plain = [(session, peer, now) for peer, flags in joining.items() if flags == (None, None)]
    rows.insert_all(db, "members (session, peer, joined_at)", plain, _AGAIN)
    if len(plain) < len(joining):
        flagged = [(session, peer, now, *flags) for peer, flags in joining.items() if flags != (None, None)]
        rows.insert_all(db, "members (session, peer, joined_at, observe_me, observe_others)", flagged, _AGAIN)
    membership_intervals.begin(db, session, [*joining], first=1 if is_new else None)
    visits.begin(db, session, [*joining], now)


def _set(db: Transaction, session: int, peer: int, flags: tuple[Flag, Flag]) -> None:
    query = "UPDATE members SET observe_me = ?, observe_others = ? WHERE session = ? AND peer = ?"
    db.execute(query, (*flags, session, peer))


def _observers(db: Transaction, session: int) -> int:
    query = """SELECT count(*) FROM members m JOIN peers p ON p.pk = m.peer
        WHERE m.session = ? AND m.left_at IS NULL AND m.observe_others = 1 AND p.kind = 'peer'"""
    return int(db.execute(query, (session,)).fetchone()[0])


def _check_observers(db: Transaction, session: Session, limit: int | None) -> None:
    if limit is not None and (count := _observers(db, session.pk)) > limit:
        raise BadRequest(
            f"Cannot create session {session.id} with {count} observers. Maximum allowed is {limit} observers per "
            "session. Observers are peers with 'observe_others' set to true."
        )


def _merged(stored: tuple[Flag, Flag], given: Observation) -> tuple[Flag, Flag]:
    me = stored[0] if given.observe_me is None else int(given.observe_me)
    others = stored[1] if given.observe_others is None else int(given.observe_others)
    return me, others


def _flag(value: Flag) -> bool | None:
    return None if value is None else bool(value)
