"""Scopes: named sets of sessions, each with a hidden peer that observes all their peers.

A scope is a row of `peers` with the kind `scope` and an id that no ordinary peer can have; a session is in the scope
while that peer is a member of it. `scope_backfill` handles sessions that had messages before they were added.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from omoide.core import identifiers
from omoide.core.clock import new_id, valid
from omoide.core.errors import Conflict, NotFound
from omoide.core.records import Backfill, Json, Page, PageRequest, Scope, Session
from omoide.storage import membership_intervals, rows, scope_backfill, workspaces
from omoide.storage.base import Transaction
from omoide.storage.dialect import insert_row
from omoide.storage.engine import secure_delete
from omoide.storage.large_values import after, stored_object

CONFIGURATION = '{"observe_me":false}'
"""Configuration of the hidden peer: no conclusions are drawn about it."""

_COLUMNS = f"p.pk, p.id, {stored_object('p.metadata')}, p.created_at"
_FROM = """
    FROM peers p
    JOIN workspaces w ON w.pk = p.workspace
    WHERE w.id = ? AND w.deleted_at IS NULL AND p.kind = 'scope'"""
_MEMBERS = """
    FROM members m
    JOIN sessions s ON s.pk = m.session
    JOIN workspaces w ON w.pk = s.workspace
    WHERE m.left_at IS NULL AND s.deleted_at IS NULL AND m.peer"""


def _made(row: rows.Row) -> Scope:
    pk, peer_id, metadata, created_at = row
    return Scope(
        pk,
        identifiers.scope_of_peer(peer_id),
        rows.object_of(metadata, "peers", "metadata", "pk", pk),
        valid(created_at),
    )


_record = rows.reader(["", "peers.id", "peers.metadata", "peers.created_at"], _made)


def find(db: Transaction, workspace_id: str, scope_id: str) -> Scope | None:
    query = f"SELECT {_COLUMNS} {_FROM} AND p.id = ?"
    row = db.execute(query, (workspace_id, identifiers.peer_of_scope(scope_id))).fetchone()
    return _record(row) if row else None


def get(db: Transaction, workspace_id: str, scope_id: str) -> Scope:
    """The scope. Raises NotFound if there is none."""
    if found := find(db, workspace_id, scope_id):
        return found
    raise NotFound(f"Scope {scope_id} not found in workspace {workspace_id}")


def settled(db: Transaction, workspace_id: str, scope_id: str, metadata: Json | None) -> Scope | None:
    """The scope if it exists with this metadata (None: any), so that nothing needs to be written; else None."""
    found = find(db, workspace_id, scope_id)
    if found is None or metadata is None:
        return found
    return found if after(db, found.metadata, metadata) is found.metadata else None


def get_or_create(
    db: Transaction, workspace_id: str, scope_id: str, metadata: Json | None, now: int
) -> tuple[Scope, bool]:
    """Get or create the scope and its workspace, and replace its metadata; returns it and whether it was created.

    The id must be valid for `identifiers.scope_name_error`. Raises Conflict if an ordinary peer has the id of the
    hidden peer.
    """
    old = find(db, workspace_id, scope_id)
    if old is None:
        return _create(db, workspaces.ensure(db, workspace_id, now), workspace_id, scope_id, metadata or {}, now), True
    if metadata is None or after(db, old.metadata, metadata) is old.metadata:
        return old, False
    db.execute("UPDATE peers SET metadata = ? WHERE pk = ?", (rows.to_text(metadata), old.pk))
    secure_delete.enqueue(db, now)
    return Scope(old.pk, old.id, metadata, old.created_at), False


def _create(db: Transaction, workspace: int, workspace_id: str, scope_id: str, metadata: Json, now: int) -> Scope:
    peer_id = identifiers.peer_of_scope(scope_id)
    if db.execute("SELECT 1 FROM peers WHERE workspace = ? AND id = ?", (workspace, peer_id)).fetchone():
        raise Conflict(
            f"A peer named '{peer_id}' already exists in workspace {workspace_id} but is not a scope. "
            "Rename or delete that peer before creating this scope."
        )
    pk = insert_row(
        db,
        """INSERT INTO peers (workspace, id, uid, metadata, configuration, created_at, kind)
           VALUES (?, ?, ?, ?, ?, ?, 'scope')""",
        (workspace, peer_id, new_id(now), rows.to_text(metadata), CONFIGURATION, now),
    )
    return Scope(pk, scope_id, metadata, now)


def page(db: Transaction, workspace_id: str, request: PageRequest) -> Page[Scope]:
    """The workspace's scopes, oldest first; none if there is no such workspace."""
    order = ("p.created_at", "p.pk")
    return rows.page(db, rows.Listing(_COLUMNS, _FROM, (workspace_id,), order, _record), request)


def has_all(db: Transaction, session: int, scope_ids: Collection[str]) -> bool:
    """Whether the session is in all these scopes already."""
    query = """SELECT 1 FROM members m JOIN peers p ON p.pk = m.peer
        WHERE m.session = ? AND m.left_at IS NULL AND p.kind = 'scope' AND p.id = ?"""
    return all(db.execute(query, (session, identifiers.peer_of_scope(scope_id))).fetchone() for scope_id in scope_ids)


def join(db: Transaction, workspace_id: str, session: int, scope_ids: Collection[str], now: int) -> None:
    """Add one session to these scopes, which are created if missing. Raises Conflict as `get_or_create` does."""
    for scope_id in dict.fromkeys(scope_ids):
        scope, _ = get_or_create(db, workspace_id, scope_id, None, now)
        _enter(db, scope.pk, session, now)


def add_sessions(db: Transaction, workspace_id: str, scope_id: str, session_ids: Collection[str], now: int) -> None:
    """Add these sessions to the scope, all or none; those in it already keep their position in the order.

    Raises NotFound for the scope, or listing the sessions that do not exist.
    """
    scope = get(db, workspace_id, scope_id)
    found = {session_id: _session(db, workspace_id, session_id) for session_id in session_ids}
    if missing := sorted(identifiers.truncate(session_id) for session_id, pk in found.items() if pk is None):
        raise NotFound(f"Session(s) {missing} not found in workspace {workspace_id}")
    for pk in found.values():
        if pk is not None:
            _enter(db, scope.pk, pk, now)


def remove_session(db: Transaction, workspace_id: str, scope_id: str, session_id: str, now: int) -> None:
    """Remove the session from the scope, if it is in it. Raises NotFound if either does not exist."""
    scope = get(db, workspace_id, scope_id)
    session = _session(db, workspace_id, session_id)
    if session is None:
        raise NotFound(f"Session {session_id} not found in workspace {workspace_id}")
    db.lock("sessions", session)
    left = db.execute(
        "UPDATE members SET left_at = ? WHERE session = ? AND peer = ? AND left_at IS NULL", (now, session, scope.pk)
    )
    if left.rowcount:
        membership_intervals.end(db, session, scope.pk)
        scope_backfill.undo(db, scope.pk, session, now)


def sessions(db: Transaction, workspace_id: str, scope_id: str, request: PageRequest) -> Page[Session]:
    """The active sessions in the scope, oldest membership first. Raises NotFound if there is no such scope."""
    scope = get(db, workspace_id, scope_id)
    order = ("m.joined_at", "s.pk")
    source = f"{_MEMBERS} = ?"
    return rows.page(db, rows.Listing(rows.SESSION, source, (scope.pk,), order, rows.session), request)


def status(db: Transaction, workspace_id: str, scope_id: str) -> dict[str, Backfill]:
    """Session id → backfill state, for sessions that had messages. Raises NotFound for the scope."""
    return scope_backfill.status(db, get(db, workspace_id, scope_id).pk)


def session_ids(db: Transaction, workspace_id: str, scope_ids: Sequence[str]) -> list[str]:
    """The distinct ids of the active sessions in any of the scopes. Raises NotFound for unknown scopes."""
    scopes = [get(db, workspace_id, scope_id).pk for scope_id in dict.fromkeys(scope_ids)]
    if not scopes:
        return []
    marks = ", ".join("?" * len(scopes))
    found = db.execute(f"SELECT DISTINCT s.id, s.pk {_MEMBERS} IN ({marks}) ORDER BY s.pk", scopes)
    return [rows.mended(["sessions.id"], row[:1])[0] for row in found]


def _session(db: Transaction, workspace_id: str, session_id: str) -> int | None:
    row = db.execute(
        """SELECT s.pk FROM sessions s JOIN workspaces w ON w.pk = s.workspace
           WHERE w.id = ? AND w.deleted_at IS NULL AND s.id = ? AND s.deleted_at IS NULL""",
        (workspace_id, session_id),
    ).fetchone()
    return row[0] if row else None


def _enter(db: Transaction, scope: int, session: int, now: int) -> None:
    db.lock("sessions", session)
    joined = db.execute(
        """INSERT INTO members (session, peer, joined_at, observe_me, observe_others) VALUES (?, ?, ?, 0, 1)
           ON CONFLICT (session, peer) DO UPDATE SET joined_at = excluded.joined_at, left_at = NULL
           WHERE members.left_at IS NOT NULL""",
        (session, scope, now),
    )
    if joined.rowcount:
        membership_intervals.begin(db, session, [scope])
        scope_backfill.begin(db, scope, session, now)
