"""Webhook endpoints, unique by URL within a workspace, and delivery jobs for events."""

from __future__ import annotations

from dataclasses import dataclass

from omoide.core import clock
from omoide.core.clock import new_id, valid
from omoide.core.errors import Conflict, NotFound
from omoide.core.job_payloads import DeliveryPayload, JobKind
from omoide.core.jobs import NewJob
from omoide.core.records import Json, Page, PageRequest
from omoide.storage import queue, rows, workspaces
from omoide.storage.base import Transaction
from omoide.storage.engine import secure_delete

MAX_ENDPOINTS = 10
"""Maximum number of endpoints per workspace."""


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """The last attempt to deliver an event."""

    at: int
    status: int | None
    """Status of the answer; None: there was none."""
    error: str | None
    """What was wrong; None: it was delivered."""
    failures: int
    """Failed attempts since the last success."""


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    id: str
    workspace_id: str
    url: str
    created_at: int
    last_delivery: WebhookDelivery | None = None


_ENDPOINT = "h.id, w.id, h.url, h.created_at, h.tried_at, h.status, h.error, h.failures"
_FROM = "FROM webhooks h JOIN workspaces w ON w.pk = h.workspace WHERE w.deleted_at IS NULL"


def _made(row: rows.Row) -> WebhookEndpoint:
    id, workspace_id, url, created_at, tried_at, *outcome = row
    last = None if tried_at is None else WebhookDelivery(valid(tried_at), *outcome)
    return WebhookEndpoint(id, workspace_id, url, valid(created_at), last)


_STORED = ("url", "created_at", "tried_at", "status", "error", "failures")
_record = rows.reader(["webhooks.id", "workspaces.id", *(f"webhooks.{name}" for name in _STORED)], _made)


def find(db: Transaction, endpoint_id: str) -> WebhookEndpoint | None:
    row = db.execute(f"SELECT {_ENDPOINT} {_FROM} AND h.id = ?", (endpoint_id,)).fetchone()
    return _record(row) if row else None


def find_by_url(db: Transaction, workspace_id: str, url: str) -> WebhookEndpoint | None:
    row = db.execute(f"SELECT {_ENDPOINT} {_FROM} AND w.id = ? AND h.url = ?", (workspace_id, url)).fetchone()
    return _record(row) if row else None


def get_or_create(db: Transaction, workspace_id: str, url: str, now: int) -> tuple[WebhookEndpoint, bool]:
    """Get or register the endpoint; returns it and whether it was registered.

    Raises NotFound if there is no such workspace, and Conflict if it has `MAX_ENDPOINTS` already.
    """
    workspace = workspaces.find(db, workspace_id)
    if workspace is None:
        raise NotFound(f"Workspace {workspace_id} not found")
    db.lock("workspaces", workspace.pk)
    if found := find_by_url(db, workspace_id, url):
        return found, False
    (count,) = db.execute("SELECT count(*) FROM webhooks WHERE workspace = ?", (workspace.pk,)).fetchone()
    if count >= MAX_ENDPOINTS:
        raise Conflict(f"Maximum number of webhook endpoints ({MAX_ENDPOINTS}) reached for this workspace.")
    id = new_id(now)
    db.execute(
        "INSERT INTO webhooks (id, workspace, url, created_at) VALUES (?, ?, ?, ?)",
        (id, workspace.pk, url, now),
    )
    return WebhookEndpoint(id, workspace_id, url, now), True


def page(db: Transaction, workspace_id: str, request: PageRequest) -> Page[WebhookEndpoint]:
    """The workspace's endpoints, oldest first; none if there is no such workspace."""
    source = f"{_FROM} AND w.id = ?"
    return rows.page(db, rows.Listing(_ENDPOINT, source, (workspace_id,), ("h.pk",), _record), request)


def delete(db: Transaction, workspace_id: str, endpoint_id: str) -> None:
    """Remove the endpoint and its pending deliveries. Raises NotFound unless the workspace has it."""
    found = find(db, endpoint_id)
    if found is None or found.workspace_id != workspace_id:
        raise NotFound(f"Webhook endpoint {endpoint_id} not found for workspace {workspace_id}")
    db.execute("DELETE FROM webhooks WHERE id = ?", (endpoint_id,))
    queue.drop(db, JobKind.DELIVER_WEBHOOK, endpoint_id)
    secure_delete.enqueue(db, clock.now())


def record_delivery(db: Transaction, endpoint_id: str, status: int | None, error: str | None, now: int) -> None:
    """Record an attempt to deliver an event; an `error` of None is a success. A deleted endpoint is skipped."""
    db.execute(
        """UPDATE webhooks SET tried_at = ?, status = ?, error = ?,
           failures = CASE WHEN ? = 1 THEN failures + 1 ELSE 0 END WHERE id = ?""",
        (now, status, error, int(error is not None), endpoint_id),
    )


def emit(db: Transaction, workspace: int, type: str, data: Json, now: int) -> None:
    """Enqueue an event for every endpoint of the workspace (its row), in the transaction that causes the event."""
    endpoints = db.execute("SELECT id FROM webhooks WHERE workspace = ? ORDER BY pk", (workspace,)).fetchall()
    for row in endpoints:
        (endpoint,) = rows.mended(["webhooks.id"], row)
        payload = DeliveryPayload(endpoint, new_id(now), type, data).to_json()
        queue.add(db, NewJob(JobKind.DELIVER_WEBHOOK, payload, key=endpoint, workspace=workspace, coalesce=False), now)


def emit_test(db: Transaction, workspace_id: str, now: int) -> None:
    """Enqueue a `test.event` for the endpoints of the workspace, if it exists and has any."""
    if workspace := workspaces.find(db, workspace_id):
        emit(db, workspace.pk, "test.event", {"workspace_id": workspace_id}, now)
