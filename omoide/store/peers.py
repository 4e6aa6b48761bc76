"""Peers: found by id within a workspace, created on first use, never removed but with their workspace."""

from __future__ import annotations

from collections.abc import Collection

from omoide import names
from omoide.clock import instant, new_id
from omoide.errors import Unauthorized
from omoide.records import ANYTHING, Change, Grant, Page, PageRequest, Peer, Session
from omoide.store import rows, workspaces
from omoide.store.database import Connection

_FROM = "FROM peers p JOIN workspaces w ON w.pk = p.workspace WHERE w.id = ? AND w.deleted_at IS NULL"


def find(db: Connection, workspace_id: str, peer_id: str) -> Peer | None:
    row = db.execute(f"SELECT {rows.PEER} {_FROM} AND p.id = ?", (workspace_id, peer_id)).fetchone()
    return rows.peer(row) if row else None


def settled(db: Connection, workspace_id: str, peer_id: str, change: Change) -> Peer | None:
    """The peer if it exists and the change would leave it as it is: then nothing needs to be written."""
    found = find(db, workspace_id, peer_id)
    if found is None or _after(found, change) != (found.metadata, found.configuration):
        return None
    return found


def get_or_create(
    db: Connection, workspace_id: str, peer_id: str, change: Change, now: int, grant: Grant = ANYTHING
) -> tuple[Peer, bool]:
    """The peer after the change, and whether this call created it: metadata and configuration are replaced.

    Raises Unprocessable for an id under which nothing may be created, Unauthorized if it would have to do what the
    grant forbids.
    """
    old = find(db, workspace_id, peer_id)
    if old is None:
        if not grant.create:
            raise Unauthorized("Unauthorized access to resource")
        names.check_peer_names([peer_id])
        workspace = workspaces.ensure(db, workspace_id, now)
        metadata, config, uid = change.metadata or {}, change.configuration or {}, new_id(now)
        pk = rows.insert(
            db,
            "INSERT INTO peers (workspace, id, uid, metadata, configuration, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            (workspace, peer_id, uid, rows.to_text(metadata), rows.to_text(config), now),
        )
        return Peer(pk, peer_id, uid, workspace_id, metadata, config, instant(now)), True
    metadata, config = _after(old, change)
    if (metadata, config) == (old.metadata, old.configuration):
        return old, False
    if not grant.change:
        raise Unauthorized("Unauthorized access to resource")
    db.execute(
        "UPDATE peers SET metadata = ?, configuration = ? WHERE pk = ?",
        (rows.to_text(metadata), rows.to_text(config), old.pk),
    )
    return Peer(old.pk, old.id, old.uid, old.workspace_id, metadata, config, old.created_at), False


def _after(peer: Peer, change: Change) -> tuple[dict[str, object], dict[str, object]]:
    metadata = peer.metadata if change.metadata is None else change.metadata
    config = peer.configuration if change.configuration is None else change.configuration
    return metadata, config


def ensure(db: Connection, workspace: int, peer_ids: Collection[str], now: int) -> dict[str, int]:
    """The rows of these peers by id, the missing ones created empty. Raises Unprocessable as `get_or_create` does."""
    found: dict[str, int] = {}
    for peer_id in peer_ids:
        row = db.execute("SELECT pk FROM peers WHERE workspace = ? AND id = ?", (workspace, peer_id)).fetchone()
        if row:
            found[peer_id] = row[0]
    missing = [peer_id for peer_id in peer_ids if peer_id not in found]
    names.check_peer_names(missing)
    for peer_id in missing:
        pk = rows.insert(
            db,
            """INSERT INTO peers (workspace, id, uid, metadata, configuration, created_at)
               VALUES (?, ?, ?, '{}', '{}', ?)""",
            (workspace, peer_id, new_id(now), now),
        )
        found[peer_id] = pk
    return found


def page(db: Connection, workspace_id: str, request: PageRequest) -> Page[Peer]:
    """The workspace's peers, oldest first; none if there is no such workspace."""
    return rows.page(
        db, rows.PEER, _FROM, (workspace_id,), order=("p.created_at", "p.pk"), request=request, make=rows.peer
    )


def sessions(db: Connection, workspace_id: str, peer_id: str, request: PageRequest) -> Page[Session]:
    """The active sessions that the peer is in now, oldest session first."""
    source = """
        FROM peers p
        JOIN workspaces w ON w.pk = p.workspace
        JOIN members m ON m.peer = p.pk
        JOIN sessions s ON s.pk = m.session
        WHERE w.id = ? AND w.deleted_at IS NULL AND p.id = ? AND m.left_at IS NULL AND s.deleted_at IS NULL"""
    return rows.page(
        db,
        rows.SESSION,
        source,
        (workspace_id, peer_id),
        order=("s.created_at", "s.pk"),
        request=request,
        make=rows.session,
    )
