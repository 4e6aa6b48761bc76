"""Store and list peers: created on first use, removed with their workspace or when they were merged into another."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from omoide.core import identifiers
from omoide.core.clock import new_id
from omoide.core.errors import NotFound, Unauthorized, Unprocessable
from omoide.core.records import ANYTHING, Change, Grant, Json, Page, PageRequest, Peer, Session
from omoide.storage import changes, peer_aliases, rows, workspaces
from omoide.storage.base import Transaction
from omoide.storage.dialect import for_update, insert_row
from omoide.storage.filters import PEER_FIELDS, SESSION_FIELDS, names_field
from omoide.storage.large_values import after

_FROM = """FROM peers p JOIN workspaces w ON w.pk = p.workspace
    WHERE w.id = ? AND w.deleted_at IS NULL AND p.kind <> 'merged'"""

PeerKind = Literal["scope", "all"]
_OF_KIND: Mapping[PeerKind | None, str] = {
    None: " AND p.kind = 'peer'",
    "scope": " AND p.kind = 'scope'",
    "all": " AND p.kind <> 'deleted'",
}


_FIND = f"SELECT {rows.PEER} {_FROM} AND p.id = ?"
_FIND_TO_CHANGE = f"{_FIND} {for_update('p')}"


def find(db: Transaction, workspace_id: str, peer_id: str, *, to_change: bool = False) -> Peer | None:
    """The peer; `to_change`: other writes that read it this way wait for the end of this one."""
    row = db.execute(_FIND_TO_CHANGE if to_change else _FIND, (workspace_id, peer_id)).fetchone()
    return rows.peer(row) if row else None


def get(db: Transaction, workspace_id: str, peer_id: str) -> Peer:
    """The peer. Raises NotFound if it does not exist, or is the hidden peer of a scope."""
    found = find(db, workspace_id, peer_id)
    if found is None or is_scope(db, found.pk):
        raise NotFound(f"Peer {peer_id} not found in workspace {workspace_id}")
    return found


def pk_of(db: Transaction, workspace: int, peer_id: str) -> int | None:
    """The row of a peer of the workspace (its row)."""
    query = "SELECT pk FROM peers WHERE workspace = ? AND id = ? AND kind <> 'merged'"
    row = db.execute(query, (workspace, peer_id)).fetchone()
    return row[0] if row else None


def settled(db: Transaction, workspace_id: str, peer_id: str, change: Change) -> Peer | None:
    """The peer if it exists and the change would have no effect, so that nothing needs to be written; else None."""
    found = find(db, workspace_id, peer_id)
    if found is None or change.is_empty or _after(db, found, change) == (found.metadata, found.configuration):
        return found
    return None


def get_or_create(
    db: Transaction, workspace_id: str, peer_id: str, change: Change, now: int, grant: Grant = ANYTHING
) -> tuple[Peer, bool]:
    """Get or create the peer and replace its metadata and configuration; returns it and whether it was created.

    Raises Unprocessable for an id that cannot be created, Unauthorized if the grant does not permit the write.
    """
    old = find(db, workspace_id, peer_id, to_change=True)
    if old is None:
        if not grant.create:
            raise Unauthorized("Unauthorized access to resource")
        identifiers.check_peer_names([peer_id])
        workspace = workspaces.ensure(db, workspace_id, now)
        if alias := peer_aliases.resolved(db, workspace_id, [peer_id]):  # since just now
            return get_or_create(db, workspace_id, alias[peer_id], change, now, grant)
        metadata, config, uid = change.metadata or {}, change.configuration or {}, new_id(now)
        pk = insert_row(
            db,
            "INSERT INTO peers (workspace, id, uid, metadata, configuration, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            (workspace, peer_id, uid, rows.to_text(metadata), rows.to_text(config), now),
        )
        return Peer(pk, peer_id, uid, workspace_id, metadata, config, now), True
    values = _after(db, old, change)
    if not grant.change and values != (old.metadata, old.configuration):
        raise Unauthorized("Unauthorized access to resource")
    return changes.store(db, "peers", old, values, now), False


def update(db: Transaction, workspace_id: str, peer_id: str, change: Change, now: int) -> Peer:
    """Change the peer, creating it if missing, and return it.

    Raises Unprocessable as `get_or_create` does, and for the hidden peer behind a scope.
    """
    old = find(db, workspace_id, peer_id)
    if old and is_scope(db, old.pk):
        raise Unprocessable(f"Peer '{peer_id}' is a scope. Use the scopes routes to manage scopes.")
    return get_or_create(db, workspace_id, peer_id, change, now)[0]


def is_scope(db: Transaction, peer: int) -> bool:
    """Whether the peer is the hidden peer of a scope."""
    return db.execute("SELECT 1 FROM peers WHERE pk = ? AND kind = 'scope'", (peer,)).fetchone() is not None


def refuse_scope(db: Transaction, peer: Peer, reason: str) -> None:
    """Raise Unprocessable with the reason if the peer is the hidden peer of a scope."""
    if is_scope(db, peer.pk):
        raise Unprocessable(f"Peer name(s) ['{peer.id}'] are scopes. {reason}")


def refuse_scopes(db: Transaction, workspace: int, peer_ids: Iterable[str], reason: str) -> None:
    """Raise Unprocessable with the reason, listing the ids, if any of these is the hidden peer of a scope."""
    reserved = sorted({peer_id for peer_id in peer_ids if identifiers.is_scope_peer(peer_id)})
    query = "SELECT 1 FROM peers WHERE workspace = ? AND id = ? AND kind = 'scope'"
    if scopes := [peer_id for peer_id in reserved if db.execute(query, (workspace, peer_id)).fetchone()]:
        raise Unprocessable(f"Peer name(s) {scopes} are scopes. {reason}")


def _after(db: Transaction, peer: Peer, change: Change) -> tuple[Json, Json]:
    return after(db, peer.metadata, change.metadata), after(db, peer.configuration, change.configuration)


def ensure(db: Transaction, workspace: int, peer_ids: Collection[str], now: int) -> dict[str, int]:
    """The rows of these peers by id; missing ones are created. Raises Unprocessable as `get_or_create` does."""
    found = {peer_id: pk for peer_id in peer_ids if (pk := pk_of(db, workspace, peer_id)) is not None}
    missing = [peer_id for peer_id in peer_ids if peer_id not in found]
    identifiers.check_peer_names(missing)
    for peer_id in missing:
        if (target := peer_aliases.of(db, workspace, peer_id)) is not None:  # since just now
            found[peer_id] = target
            continue
        pk = insert_row(
            db,
            """INSERT INTO peers (workspace, id, uid, metadata, configuration, created_at)
               VALUES (?, ?, ?, '{}', '{}', ?)""",
            (workspace, peer_id, new_id(now), now),
        )
        found[peer_id] = pk
    return found


def page(
    db: Transaction,
    workspace_id: str,
    request: PageRequest,
    kind: PeerKind | None = None,
    filters: Json | None = None,
) -> Page[Peer]:
    """The workspace's peers that match the filter, oldest first; none if there is no such workspace.

    `kind` selects ordinary peers (None), the hidden peers of scopes, or both. Raises Unprocessable for a bad filter.
    """
    source, params = rows.filtered(_FROM + _OF_KIND[kind], (workspace_id,), filters, PEER_FIELDS)
    order = ("p.created_at", "p.pk")
    return rows.page(db, rows.Listing(rows.PEER, source, params, order, rows.peer), request)


def sessions(
    db: Transaction,
    workspace_id: str,
    peer_id: str,
    request: PageRequest,
    filters: Json | None = None,
    *,
    only_now: bool = False,
) -> Page[Session]:
    """The active sessions that the peer is in now and that match the filter, oldest session first.

    Unless `only_now`, a filter on `is_active` also finds sessions that the peer has left. Deleted ones stay hidden.
    Raises Unprocessable for a bad filter.
    """
    source = """
        FROM peers p
        JOIN workspaces w ON w.pk = p.workspace
        JOIN members m ON m.peer = p.pk
        JOIN sessions s ON s.pk = m.session
        WHERE w.id = ? AND w.deleted_at IS NULL AND p.id = ? AND s.deleted_at IS NULL"""
    source, params = rows.filtered(source, (workspace_id, peer_id), filters, SESSION_FIELDS)
    if only_now or not names_field(filters, "is_active"):
        source += " AND m.left_at IS NULL"
    order = ("s.created_at", "s.pk")
    return rows.page(db, rows.Listing(rows.SESSION, source, params, order, rows.session), request)
