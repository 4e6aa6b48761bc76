"""Shared by the two chat operations: authorization, scope of a question, and the answer whole or as events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import partial

from omoide.core import auth, clock
from omoide.core.errors import Unprocessable
from omoide.core.records import Change, Json
from omoide.generated import models
from omoide.handlers import evidence, memory_access, request_parsing
from omoide.handlers.context import Context
from omoide.handlers.sse import events
from omoide.reasoner import output_schema
from omoide.reasoner.memory_view import MemoryScope
from omoide.services import ask, session_filter
from omoide.services.ask import Inquiry
from omoide.storage import peers, scopes

Options = models.DialecticOptions | models.WorkspaceDialecticOptions


async def about_peer(context: Context, workspace_id: str, peer_id: str, body: models.DialecticOptions) -> Inquiry:
    """Build the question to a peer. Creates the peer if it is missing, everything else is valid, and that is wanted.

    Raises Unprocessable for conflicting options, Unauthorized for data that the key may not read, NotFound for an
    unknown target, session or scope.
    """
    _check_format(body)
    await memory_access.no_scope_peers(context, workspace_id, (peer_id, body.target))
    reach = await _reach(context, workspace_id, peer_id, body)
    if body.target and body.target != peer_id:
        await ask.check_target(context.store, workspace_id, body.target)
    if body.session_id is not None:
        await ask.check_session(context.store, workspace_id, body.session_id)
    if body.create_peer and await context.store.read(peers.find, workspace_id, peer_id) is None:
        await context.store.write(peers.get_or_create, workspace_id, peer_id, Change(), clock.now())
    return _inquiry(reach, body, body.semantic_query)


async def about_workspace(context: Context, workspace_id: str, body: models.WorkspaceDialecticOptions) -> Inquiry:
    """Build the question to a workspace. Raises as `about_peer` does."""
    _check_format(body)
    names = _scope_names(body, None)
    if body.session_id is not None:
        await ask.check_session(context.store, workspace_id, body.session_id)
    listed = [names] if isinstance(names, str) else names
    sessions = None if listed is None else await _sessions_of(context, workspace_id, listed)
    return _inquiry(MemoryScope(workspace_id, None, None, sessions, body.session_id), body, None)


async def answered(
    context: Context, inquiry: Inquiry, body: Options
) -> models.DialecticResponse | AsyncIterator[bytes]:
    """Answer the question: whole, or as events if the body requests a stream."""
    answer = await ask.ask(context.services, inquiry)
    shown = None
    if body.include_evidence:
        shown = partial(evidence.response, most=body.max_evidence, quotes_known=not context.settings.model)
    if body.stream:
        return events(answer, context.settings.chat_keepalive_seconds, shown)
    content = "".join([piece async for piece in answer.pieces])
    return models.DialecticResponse(content=content or None, evidence=shown(answer.evidence) if shown else None)


def _check_format(body: Options) -> None:
    if body.response_format is not None:
        output_schema.check(body.response_format)


def _inquiry(reach: MemoryScope, body: Options, semantic_query: str | None) -> Inquiry:
    reach = replace(reach, moment=request_parsing.moment(body))
    return Inquiry(
        reach, body.query, body.reasoning_level, body.response_format, semantic_query, is_streamed=bool(body.stream)
    )


async def _reach(context: Context, workspace_id: str, peer_id: str, body: models.DialecticOptions) -> MemoryScope:
    """What a question to a peer may read.

    A session restricts messages, not conclusions. A list of sessions, from a filter or from several scopes, restricts
    both. A single scope answers from everything it knows as an observer.
    """
    target = body.target or peer_id
    if (names := _scope_names(body, body.filters)) is not None:
        observer, union = await memory_access.scoped(context, workspace_id, peer_id, names)
        return MemoryScope(workspace_id, observer, target, None if union is None else session_filter.checked(union))
    sessions = session_filter.parse(body.filters, None)
    if sessions is not None:
        session_filter.parse(body.filters, body.session_id)  # the session must be one of them
    pinned = () if body.session_id is None else (body.session_id,)
    await memory_access.must_be_in_all(context, workspace_id, (*pinned, *(sessions or ())))
    return MemoryScope(workspace_id, peer_id, target, sessions, body.session_id, auth.reader(context.principal))


def _scope_names(body: Options, filters: Json | None) -> str | list[str] | None:
    """The requested scopes. Raises Unprocessable if other options restrict the question as well."""
    names = memory_access.scope_names(body.scope, ("body", "scope"))
    if names is not None and (filters or body.session_id is not None):
        others = "session_id or filters" if isinstance(body, models.DialecticOptions) else "session_id"
        raise Unprocessable(f"scope cannot be combined with {others}")
    return names


async def _sessions_of(context: Context, workspace_id: str, names: Sequence[str]) -> tuple[str, ...]:
    return session_filter.checked(await context.store.read(scopes.session_ids, workspace_id, names))
