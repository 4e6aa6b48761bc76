"""The operations of the tag `sessions`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from omoide.core import acting, auth, clock
from omoide.core.records import Moment, PageRequest, SessionChange
from omoide.generated import models, parameters
from omoide.handlers import inspection, memory_access, message_search, pagination, request_parsing, serializers
from omoide.handlers.context import Context
from omoide.services import get_or_create
from omoide.services.context_builder import MAX_CONTEXT_TOKENS, SessionContextRequest, session_context
from omoide.storage import (
    Transaction,
    deletion_cascade,
    members,
    session_clone,
    session_overview,
    sessions,
    summaries,
    visits,
)
from omoide.storage.message_scope import MessageSearch

P = ParamSpec("P")
T = TypeVar("T")


async def get_or_create_session(context: Context, *, workspace_id: str, body: models.SessionCreate) -> models.Session:
    """Return the session, created if missing: metadata is replaced, configuration merged, peers and scopes added."""
    change = SessionChange(
        request_parsing.metadata(context, body.metadata),
        request_parsing.configuration(context, body.configuration),
        context.settings.max_metadata_bytes,
        request_parsing.observations(body.peers),
        request_parsing.scope_names(body.scopes, ("body", "scopes")),
        context.settings.max_observers,
    )
    return serializers.session(
        await get_or_create.session(context.services, context.principal, workspace_id, body.id, change)
    )


async def get_sessions(
    context: Context,
    *,
    workspace_id: str,
    query: parameters.GetSessionsQuery,
    body: models.SessionGet | None = None,
) -> models.PageSession:
    """Return a page of the workspace's sessions."""
    request = PageRequest(query.page, query.size, query.reverse)
    return serializers.sessions_page(await pagination.read(context, body, sessions.page, workspace_id, request))


async def update_session(
    context: Context, *, workspace_id: str, session_id: str, body: models.SessionUpdate
) -> models.Session:
    """Update the session, created if missing."""
    metadata, configuration = (
        request_parsing.metadata(context, body.metadata),
        request_parsing.configuration(context, body.configuration),
    )
    change = SessionChange(metadata, configuration, context.settings.max_metadata_bytes)
    return await _apply(context, workspace_id, session_id, change)


async def add_peers_to_session(
    context: Context, *, workspace_id: str, session_id: str, body: dict[str, models.SessionPeerConfig]
) -> models.Session:
    """Add peers to the session."""
    given = request_parsing.observations(body)
    change = SessionChange(peers=given, max_observers=context.settings.max_observers)
    return await _apply(context, workspace_id, session_id, change)


async def _apply(context: Context, workspace_id: str, session_id: str, change: SessionChange) -> models.Session:
    record = await _write(context, sessions.get_or_create, workspace_id, session_id, change, clock.now())
    return serializers.session(record)


async def _write(
    context: Context, fn: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **options: P.kwargs
) -> T:
    """Write on behalf of the caller, who is recorded where peers join and leave."""
    return await context.store.write(acting.on_behalf, auth.name_of(context.principal), fn, *args, **options)


async def delete_session(context: Context, *, workspace_id: str, session_id: str) -> models.Accepted:
    """Hide the session; a job removes it."""
    await context.store.write(deletion_cascade.delete_session, workspace_id, session_id, clock.now())
    context.services.wake_worker()
    return models.Accepted(message="Session deleted successfully")


async def clone_session(
    context: Context, *, workspace_id: str, session_id: str, query: parameters.CloneSessionQuery
) -> models.Session:
    """Copy the session."""
    record = await session_clone.clone(context.store, workspace_id, session_id, query.message_id)
    context.services.wake_worker()
    return serializers.session(record)


async def get_session_peers(
    context: Context, *, workspace_id: str, session_id: str, query: parameters.GetSessionPeersQuery
) -> models.PagePeer:
    """Return a page of the session's peers; a key of a peer or of the session reads the current ones only."""
    request = PageRequest(query.page, query.size)
    former = query.former and not memory_access.is_narrowed(context)
    return serializers.peers_page(await context.store.read(members.page, workspace_id, session_id, request, former))


async def set_session_peers(
    context: Context, *, workspace_id: str, session_id: str, body: dict[str, models.SessionPeerConfig]
) -> models.Session:
    """Replace the session's peers."""
    given = request_parsing.observations(body)
    limit = context.settings.max_observers
    return serializers.session(
        await _write(context, sessions.set_peers, workspace_id, session_id, given, clock.now(), max_observers=limit)
    )


async def remove_peers_from_session(
    context: Context, *, workspace_id: str, session_id: str, body: list[str]
) -> models.Session:
    """Remove peers from the session."""
    return serializers.session(
        await _write(context, sessions.remove_peers, workspace_id, session_id, body, clock.now())
    )


async def get_peer_config(
    context: Context, *, workspace_id: str, session_id: str, peer_id: str
) -> models.SessionPeerConfig:
    """Return the peer's configuration in the session."""
    found = await context.store.read(sessions.peer_configuration, workspace_id, session_id, peer_id)
    return serializers.session_peer_config(found)


async def get_peer_history(
    context: Context, *, workspace_id: str, session_id: str, peer_id: str
) -> models.SessionPeerHistory:
    """Return the peer's stays in the session."""
    return serializers.session_peer_history(await context.store.read(visits.of, workspace_id, session_id, peer_id))


async def set_peer_config(
    context: Context, *, workspace_id: str, session_id: str, peer_id: str, body: models.SessionPeerConfig
) -> None:
    """Set the flags given in the body."""
    given = {peer_id: request_parsing.observation(body)}
    limit = context.settings.max_observers
    await _write(context, sessions.configure_peers, workspace_id, session_id, given, clock.now(), max_observers=limit)


async def search_session(
    context: Context,
    *,
    workspace_id: str,
    session_id: str,
    body: models.MessageSearchOptions,
) -> list[models.FoundMessage]:
    """Return the session's messages that match the query best."""
    request = MessageSearch(
        workspace_id,
        body.query,
        body.limit,
        session_id=session_id,
        filters=body.filters,
        reader=auth.reader(context.principal),
    )
    return await message_search.search_messages(context, request, rerank=body.rerank, explain=body.explain)


async def get_session_context(
    context: Context,
    *,
    workspace_id: str,
    session_id: str,
    query: parameters.GetSessionContextQuery,
) -> models.SessionContext:
    """Return the context for a model to continue the session, within a token budget."""
    budget = MAX_CONTEXT_TOKENS if query.tokens is None else query.tokens
    selection = await memory_access.session(context, workspace_id, session_id, query)
    # Of the session itself, only what was known is a matter of time.
    moment = Moment(request_parsing.moment(query, "query").as_of)
    request = SessionContextRequest(
        workspace_id, session_id, budget, query.summary, selection, moment, with_costs=query.costs
    )
    return await serializers.session_context(session_id, await session_context(context.services, request))


async def get_session_summaries(context: Context, *, workspace_id: str, session_id: str) -> models.SessionSummaries:
    """Return the session's short and long summary."""
    return serializers.summaries(session_id, await context.store.read(summaries.of_session, workspace_id, session_id))


async def get_session(context: Context, *, workspace_id: str, session_id: str) -> models.Session:
    """Return the session."""
    return serializers.session(await context.store.read(sessions.get, workspace_id, session_id))


async def get_session_overview(context: Context, *, workspace_id: str, session_id: str) -> models.SessionOverview:
    """Return the session with its peers, the number of its messages, and its summaries."""
    return inspection.session_overview(await context.store.read(session_overview.read, workspace_id, session_id))
