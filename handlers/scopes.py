"""The operations of the tag `scopes`."""

from __future__ import annotations

from typing import Literal

from omoide.core import clock
from omoide.core.records import PageRequest
from omoide.generated import models, parameters
from omoide.handlers import request_parsing, serializers
from omoide.handlers.context import Context
from omoide.services import get_or_create
from omoide.storage import scopes


async def get_or_create_scope(
    context: Context, *, workspace_id: str, body: models.ScopeCreate
) -> tuple[Literal[200, 201], models.ScopeModel]:
    """Return the scope, created if missing; metadata replaces the stored one."""
    name = request_parsing.scope_name(body.id, ("body", "id"))
    metadata = request_parsing.metadata(context, body.metadata)
    record, created = await get_or_create.scope(context.services, workspace_id, name, metadata)
    return (201 if created else 200), serializers.scope(record)


def _named(scope_id: str) -> str:
    """The path's scope name, validated. Raises InvalidFields."""
    return request_parsing.scope_name(scope_id, ("path", "scope_id"))


async def get_scopes(context: Context, *, workspace_id: str, query: parameters.GetScopesQuery) -> models.PageScope:
    """Return a page of the workspace's scopes."""
    return serializers.scopes_page(
        await context.store.read(scopes.page, workspace_id, PageRequest(query.page, query.size, query.reverse))
    )


async def get_scope(context: Context, *, workspace_id: str, scope_id: str) -> models.ScopeModel:
    """Return one scope."""
    return serializers.scope(await context.store.read(scopes.get, workspace_id, _named(scope_id)))


async def add_sessions_to_scope(
    context: Context, *, workspace_id: str, scope_id: str, body: models.ScopeSessionsAdd
) -> None:
    """Add sessions to the scope; a job copies their conclusions."""
    await context.store.write(scopes.add_sessions, workspace_id, _named(scope_id), body.session_ids, clock.now())
    context.services.wake_worker()


async def get_scope_sessions(
    context: Context, *, workspace_id: str, scope_id: str, query: parameters.GetScopeSessionsQuery
) -> models.PageSession:
    """Return a page of the sessions in the scope."""
    request = PageRequest(query.page, query.size, query.reverse)
    return serializers.sessions_page(await context.store.read(scopes.sessions, workspace_id, _named(scope_id), request))


async def remove_session_from_scope(context: Context, *, workspace_id: str, scope_id: str, session_id: str) -> None:
    """Remove a session from the scope; a job removes its conclusions from the scope."""
    await context.store.write(scopes.remove_session, workspace_id, _named(scope_id), session_id, clock.now())
    context.services.wake_worker()


async def get_scope_status(context: Context, *, workspace_id: str, scope_id: str) -> models.ScopeStatus:
    """Return the progress of copying."""
    return serializers.scope_status(await context.store.read(scopes.status, workspace_id, _named(scope_id)))
