"""The operations of the tag `workspaces`."""

from __future__ import annotations

from typing import Literal

from generated import models
from handlers import requests, shapes
from handlers.context import Context
from omoide import clock, security
from omoide.records import PageRequest
from omoide.store import workspaces


async def get_or_create_workspace(
    context: Context, *, body: models.WorkspaceCreate
) -> tuple[Literal[200, 201], models.Workspace]:
    """The workspace, made on first use; an existing one is returned untouched."""
    security.may_name_workspace(context.principal, body.id)
    initial = requests.change(context, body)
    if found := context.store.read(workspaces.find, body.id):
        return 200, shapes.workspace(found)
    record, created = await context.store.write(workspaces.get_or_create, body.id, initial, clock.now())
    return (201 if created else 200), shapes.workspace(record)


async def get_all_workspaces(
    context: Context,
    *,
    reverse: bool = False,
    page: int = 1,
    size: int = 50,
    body: models.WorkspaceGet | None = None,
) -> models.PageWorkspace:
    """A page of all workspaces."""
    requests.no_filters(body)
    return shapes.workspaces_page(context.store.read(workspaces.page, PageRequest(page, size, reverse)))


async def update_workspace(context: Context, *, workspace_id: str, body: models.WorkspaceUpdate) -> models.Workspace:
    """The workspace after the change, made if missing."""
    change = requests.change(context, body)
    return shapes.workspace(await context.store.write(workspaces.update, workspace_id, change, clock.now()))


async def delete_workspace(context: Context, *, workspace_id: str) -> models.Accepted:
    """Hide the workspace; a job removes it."""
    await context.store.write(workspaces.delete, workspace_id, clock.now())
    context.wake_worker()
    return models.Accepted(message="Workspace deletion accepted")
