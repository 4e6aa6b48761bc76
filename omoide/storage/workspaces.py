"""Store and list workspaces: created on first use, hidden when deleted."""

from __future__ import annotations

from omoide.core import config_merge, identifiers
from omoide.core.clock import new_id
from omoide.core.errors import Conflict, NotFound
from omoide.core.job_payloads import JobKind, WorkspacePurge
from omoide.core.jobs import NewJob
from omoide.core.records import Change, Json, Page, PageRequest, Workspace
from omoide.storage import changes, queue, rows
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.dialect import insert_row
from omoide.storage.filters import WORKSPACE_FIELDS
from omoide.storage.large_values import after, merged


def find(db: Transaction, workspace_id: str) -> Workspace | None:
    row = db.execute(
        f"SELECT {rows.WORKSPACE} FROM workspaces w WHERE w.id = ? AND w.deleted_at IS NULL", (workspace_id,)
    ).fetchone()
    return rows.workspace(row) if row else None


def get(db: Transaction, workspace_id: str) -> Workspace:
    """The workspace. Raises NotFound."""
    if found := find(db, workspace_id):
        return found
    raise _missing(workspace_id)


def pk_of(db: Transaction, workspace_id: str) -> int | None:
    """The row of the workspace."""
    row = db.execute("SELECT pk FROM workspaces WHERE id = ? AND deleted_at IS NULL", (workspace_id,)).fetchone()
    return row[0] if row else None


def existing(db: Transaction, workspace_id: str) -> int:
    """The row of the workspace. Raises NotFound."""
    if (pk := pk_of(db, workspace_id)) is None:
        raise _missing(workspace_id)
    return pk


def _missing(workspace_id: str) -> NotFound:
    return NotFound(f"Workspace {workspace_id} not found")


def get_or_create(db: Transaction, workspace_id: str, initial: Change, now: int) -> tuple[Workspace, bool]:
    """Get or create the workspace; returns it and whether it was created. An existing one is not changed.

    Raises Unprocessable for an id that cannot be created.
    """
    if found := find(db, workspace_id):
        return found, False
    identifiers.check_id("Workspace", workspace_id)
    metadata = initial.metadata or {}
    config = config_merge.merge_config({}, initial.configuration or {})
    uid = new_id(now)
    pk = insert_row(
        db,
        "INSERT INTO workspaces (id, uid, metadata, configuration, created_at) VALUES (?, ?, ?, ?, ?)",
        (workspace_id, uid, rows.to_text(metadata), rows.to_text(config), now),
    )
    return Workspace(pk, workspace_id, uid, metadata, config, now), True


def ensure(db: Transaction, workspace_id: str, now: int) -> int:
    """The row of the workspace, which is created if missing."""
    pk = pk_of(db, workspace_id)
    return get_or_create(db, workspace_id, Change(), now)[0].pk if pk is None else pk


def update(db: Transaction, workspace_id: str, change: Change, now: int) -> Workspace:
    """Change the workspace, creating it if missing: metadata replaced, configuration patched."""
    old, created = get_or_create(db, workspace_id, change, now)
    if created:
        return old
    db.lock("workspaces", old.pk)
    old = get_or_create(db, workspace_id, change, now)[0]  # as it is now, if another write has changed it
    values = after(db, old.metadata, change.metadata), merged(db, old.configuration, change)
    return changes.store(db, "workspaces", old, values, now)


def delete(db: Transaction, workspace_id: str, now: int) -> None:
    """Hide the workspace and enqueue a job that removes its rows.

    Raises NotFound if it does not exist, and Conflict while it has active sessions.
    """
    pk = existing(db, workspace_id)
    db.lock("workspaces", pk)
    existing(db, workspace_id)  # unless another write has deleted it
    active = db.execute("SELECT 1 FROM sessions WHERE workspace = ? AND deleted_at IS NULL LIMIT 1", (pk,)).fetchone()
    if active:
        raise Conflict(
            f"Cannot delete workspace '{workspace_id}': active session(s) remain. Delete all sessions first."
        )
    db.execute("UPDATE workspaces SET deleted_at = ? WHERE pk = ?", (now, pk))
    queue.add(db, NewJob(JobKind.PURGE_WORKSPACE, WorkspacePurge(pk).to_json()), now)


def page(db: Transaction, request: PageRequest, filters: Json | None = None) -> Page[Workspace]:
    """The workspaces that match the filter, oldest first. Raises Unprocessable for a bad filter."""
    source = "FROM workspaces w WHERE w.deleted_at IS NULL"
    source, params = rows.filtered(source, (), filters, WORKSPACE_FIELDS)
    order = ("w.created_at", "w.pk")
    return rows.page(db, rows.Listing(rows.WORKSPACE, source, params, order, rows.workspace), request)


def name_of(db: Transaction, pk: int | None) -> str:
    """The id of a workspace by its row; "" if it does not exist."""
    row = db.execute("SELECT id FROM workspaces WHERE pk = ?", (pk,)).fetchone()
    return as_text(row[0]) if row else ""
