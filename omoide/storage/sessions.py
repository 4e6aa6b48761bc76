"""Store and list sessions: created on first use, hidden when deleted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from omoide.core import config_merge, identifiers
from omoide.core.clock import new_id
from omoide.core.errors import NotFound, Unauthorized
from omoide.core.records import (
    ANYTHING,
    Change,
    Grant,
    Json,
    Observation,
    Page,
    PageRequest,
    Peer,
    Session,
    SessionChange,
)
from omoide.storage import changes, members, peers, rows, scopes, workspaces
from omoide.storage.base import Transaction
from omoide.storage.column_validation import MOST
from omoide.storage.dialect import for_update, insert_row, is_integer
from omoide.storage.filters import SESSION_FIELDS
from omoide.storage.large_values import after, merged, settings_in

_FROM = "FROM sessions s JOIN workspaces w ON w.pk = s.workspace WHERE w.id = ? AND w.deleted_at IS NULL"


_FIND = f"SELECT {rows.SESSION} {_FROM} AND s.id = ? AND s.deleted_at IS NULL"
_FIND_TO_CHANGE = f"{_FIND} {for_update('s')}"


def find(db: Transaction, workspace_id: str, session_id: str, *, to_change: bool = False) -> Session | None:
    """The session; `to_change`: other writes that read it this way wait for the end of this one."""
    row = db.execute(_FIND_TO_CHANGE if to_change else _FIND, (workspace_id, session_id)).fetchone()
    return rows.session(row) if row else None


def get(db: Transaction, workspace_id: str, session_id: str, *, to_change: bool = False) -> Session:
    """The session, as `find`. Raises NotFound if it does not exist or was deleted."""
    if found := find(db, workspace_id, session_id, to_change=to_change):
        return found
    raise NotFound(f"Session {session_id} not found in workspace {workspace_id}")


def settled(db: Transaction, workspace_id: str, session_id: str, change: SessionChange) -> Session | None:
    """The session if it exists and the change would have no effect, so that nothing needs to be written; else None."""
    found = find(db, workspace_id, session_id)
    if found is None or change.is_empty:
        return found
    if _after(db, found, change) != (found.metadata, found.configuration):
        return None
    if not members.unchanged(db, found.pk, change.peers) or not scopes.has_all(db, found.pk, change.scopes):
        return None
    return found


def get_or_create(
    db: Transaction,
    workspace_id: str,
    session_id: str,
    change: SessionChange,
    now: int,
    *,
    grant: Grant = ANYTHING,
) -> Session:
    """Get or create the session and change it: metadata replaced, configuration patched, peers and scopes added.

    Missing peers and scopes are created as well. Raises Unauthorized if the grant does not permit the write,
    Unprocessable for ids that cannot be created or a contradictory configuration, BadRequest beyond the observer limit,
    Conflict if an ordinary peer has the id of a scope's hidden peer. Then nothing is stored.
    """
    if grant.change is False and (found := settled(db, workspace_id, session_id, change)):
        return found
    old = find(db, workspace_id, session_id, to_change=True)
    if not (grant.create if old is None else grant.change):
        raise Unauthorized("Unauthorized access to resource")
    workspace = workspaces.ensure(db, workspace_id, now)
    session = (
        create(db, workspace, workspace_id, session_id, change, now)
        if old is None
        else changes.store(db, "sessions", old, _after(db, old, change), now)
    )
    if change.peers:
        members.add(db, workspace, session, change, now, is_new=old is None)
    scopes.join(db, workspace_id, session.pk, change.scopes, now)
    return session


def create(db: Transaction, workspace: int, workspace_id: str, session_id: str, change: Change, now: int) -> Session:
    """Create a session, which must not exist yet. Raises Unprocessable as `get_or_create` does."""
    identifiers.check_id("Session", session_id)
    metadata, uid = change.metadata or {}, new_id(now)
    config = config_merge.merge_config({}, change.configuration or {})
    pk = insert_row(
        db,
        "INSERT INTO sessions (workspace, id, uid, metadata, configuration, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        (workspace, session_id, uid, rows.to_text(metadata), rows.to_text(config), now),
    )
    return Session(pk, session_id, uid, workspace_id, metadata, config, now)


def _after(db: Transaction, session: Session, change: Change) -> tuple[Json, Json]:
    return after(db, session.metadata, change.metadata), merged(db, session.configuration, change)


class Ground(NamedTuple):
    """The state of a session for adding messages: rows, message count and configurations."""

    workspace: int
    session: int
    message_count: int
    last_said_at: int | None
    """Time of the newest message (microseconds since 1970); None if messages arrived out of order."""
    workspace_configuration: Json
    configuration: Json
    has_aliases: bool
    """Whether the database has any alias of a peer."""


def ensure(db: Transaction, workspace_id: str, session_id: str, now: int) -> tuple[int, int]:
    """The rows of the workspace and of the session, which are created if missing."""
    found = ground(db, workspace_id, session_id, now)
    return found.workspace, found.session


_SETTINGS = f"{settings_in('w.configuration')}, {settings_in('s.configuration')}"
_GROUND = f"s.workspace, s.pk, s.message_count, s.last_said_at, {_SETTINGS}, EXISTS (SELECT 1 FROM peer_aliases)"


def ground(db: Transaction, workspace_id: str, session_id: str, now: int) -> Ground:
    """The state of the session; it and its workspace are created if missing."""
    query = f"SELECT {_GROUND} {_FROM} AND s.id = ? AND s.deleted_at IS NULL {for_update('s')}"
    place = (workspace_id, session_id)
    row = db.execute(query, place).fetchone()
    if row is None:
        create(db, workspaces.ensure(db, workspace_id, now), workspace_id, session_id, Change(), now)
        row = db.execute(query, place).fetchone()
    found = _ground(row)
    count = sound_count(db, found.session, row[2])
    return found if count == found.message_count else found._replace(message_count=count)


def message_count(db: Transaction, session: int) -> int:
    """The position of the session's last message; 0 if the session does not exist."""
    row = db.execute("SELECT message_count FROM sessions WHERE pk = ? AND deleted_at IS NULL", (session,)).fetchone()
    return 0 if row is None else sound_count(db, session, row[0])


def sound_count(db: Transaction, session: int, stored: Any) -> int:
    """The message count of a session: `stored`, or computed from the messages if that is damaged."""
    if type(stored) is int and 0 <= stored <= MOST:
        return stored
    query = f"SELECT coalesce(max(seq), 0) FROM messages WHERE session = ? AND {is_integer('seq')}"
    return int(db.execute(query, (session,)).fetchone()[0])


def _made(row: rows.Row) -> Ground:
    workspace, session, count, last_said_at, of_workspace, of_session, has_aliases = row
    settings = (rows.from_text(of_workspace), rows.from_text(of_session))
    return Ground(workspace, session, count, last_said_at, *settings, bool(has_aliases))


_COUNTS = ("sessions.message_count", "sessions.last_said_at")
_ground = rows.reader(["", "", *_COUNTS, "workspaces.configuration", "sessions.configuration", ""], _made)


def existing(db: Transaction, workspace_id: str, session_id: str) -> tuple[Session, int]:
    """The session, to be changed, and the row of its workspace. Raises NotFound."""
    session = get(db, workspace_id, session_id, to_change=True)
    (workspace,) = db.execute("SELECT workspace FROM sessions WHERE pk = ?", (session.pk,)).fetchone()
    return session, workspace


def set_peers(
    db: Transaction,
    workspace_id: str,
    session_id: str,
    given: Mapping[str, Observation],
    now: int,
    *,
    max_observers: int,
) -> Session:
    """Make these peers the only members. Raises NotFound if there is no such session, otherwise as `members.add`."""
    session, workspace = existing(db, workspace_id, session_id)
    members.replace(db, workspace, session, given, now, max_observers=max_observers)
    return session


def remove_peers(db: Transaction, workspace_id: str, session_id: str, peer_ids: Collection[str], now: int) -> Session:
    """Remove peers from the session. Raises NotFound if there is no such session, Unprocessable for scopes."""
    session, workspace = existing(db, workspace_id, session_id)
    members.remove(db, workspace, session.pk, peer_ids, now)
    return session


def peer_configuration(db: Transaction, workspace_id: str, session_id: str, peer_id: str) -> Observation:
    """The peer's flags in the session, also after it has left.

    Raises NotFound for a peer that does not exist or was never in the session, Unprocessable for a scope.
    """
    _member(db, workspace_id, peer_id)
    found = members.configuration(db, workspace_id, session_id, peer_id)
    if found is None:
        raise NotFound(f"Session peer {peer_id} not found in session {session_id} in workspace {workspace_id}")
    return found


def configure_peers(
    db: Transaction,
    workspace_id: str,
    session_id: str,
    given: Mapping[str, Observation],
    now: int,
    *,
    max_observers: int,
) -> None:
    """Set peers' flags in the session.

    Raises NotFound for a missing session or peer, BadRequest beyond the observer limit, Unprocessable for a scope.
    """
    session = get(db, workspace_id, session_id)
    for peer_id, observation in given.items():
        peer = _member(db, workspace_id, peer_id)
        members.configure(db, session, peer.pk, observation, now, max_observers=max_observers)


def _member(db: Transaction, workspace_id: str, peer_id: str) -> Peer:
    peer = peers.find(db, workspace_id, peer_id)
    if peer is None:
        raise NotFound(f"Peer {peer_id} not found in workspace {workspace_id}")
    peers.refuse_scope(db, peer, members.SCOPES_ARE_NOT_CONFIGURED)
    return peer


def page(db: Transaction, workspace_id: str, request: PageRequest, filters: Json | None = None) -> Page[Session]:
    """The workspace's active sessions that match the filter, oldest first; none if there is no such workspace.

    Raises Unprocessable for a bad filter.
    """
    source = f"{_FROM} AND s.deleted_at IS NULL"
    source, params = rows.filtered(source, (workspace_id,), filters, SESSION_FIELDS)
    return rows.page(db, rows.Listing(rows.SESSION, source, params, ("s.created_at", "s.pk"), rows.session), request)
