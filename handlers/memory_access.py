"""Convert requests for representations to `Selection`s: observer, observed and sessions, checked against the key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from omoide.core.auth import NOT_PERMITTED
from omoide.core.errors import Unauthorized, Unprocessable
from omoide.core.identifiers import SCOPE_PREFIX, is_scope_peer, scope_name_error, scope_of_peer, truncate
from omoide.core.json_limits import Location
from omoide.generated import models, parameters
from omoide.handlers import request_parsing
from omoide.handlers.context import Context
from omoide.services import session_filter
from omoide.services.selection import MAX_CONCLUSIONS, Selection
from omoide.storage import members, scopes

Options = models.PeerRepresentationGet | parameters.GetPeerContextQuery | parameters.GetSessionContextQuery
SCOPE_NEEDS_WORKSPACE_KEY = "`scope` requires a workspace- or admin-level key"


async def representation(
    context: Context, workspace_id: str, peer_id: str, body: models.PeerRepresentationGet
) -> Selection:
    """The conclusions that a representation's body requests. Raises Unprocessable, NotFound or Unauthorized."""
    await no_scope_peers(context, workspace_id, (peer_id, body.target))
    observer = peer_id
    sessions: Sequence[str] | None = session_filter.parse(body.filters, body.session_id)
    if (scope := scope_names(body.scope, ("body", "scope"))) is not None:
        if body.filters or body.session_id is not None:
            raise Unprocessable("scope cannot be combined with session_id or filters")
        observer, sessions = await scoped(context, workspace_id, peer_id, scope)
    elif sessions is not None:
        await must_be_in_all(context, workspace_id, sessions)
    selection = _selection(body, workspace_id, observer, body.target or peer_id, sessions)
    return replace(selection, moment=request_parsing.moment(body))


async def peer(context: Context, workspace_id: str, peer_id: str, query: parameters.GetPeerContextQuery) -> Selection:
    """The conclusions that a peer context's query requests. Raises Unprocessable for a reserved name."""
    await no_scope_peers(context, workspace_id, (peer_id, query.target))
    selection = _selection(query, workspace_id, peer_id, query.target or peer_id)
    return replace(selection, moment=request_parsing.moment(query, "query"))


def _selection(
    options: Options, workspace_id: str, observer: str, observed: str, sessions: Sequence[str] | None = None
) -> Selection:
    return Selection(
        workspace_id,
        observer,
        observed,
        sessions,
        search_query=options.search_query or None,
        search_top_k=options.search_top_k,
        search_max_distance=options.search_max_distance,
        most_frequent=bool(options.include_most_frequent),
        max_conclusions=options.max_conclusions or MAX_CONCLUSIONS,
    )


def scope_names(scope: object, loc: Location) -> str | list[str] | None:
    """One scope name as a string, or several as a list. The generated type of a list is a wrapper.

    `loc` is their location in the request. Raises InvalidFields for invalid scope names.
    """
    unwrapped = getattr(scope, "root", scope)
    if isinstance(unwrapped, str):
        return request_parsing.scope_name(unwrapped, loc)
    return request_parsing.scope_names(unwrapped, loc) if isinstance(unwrapped, list) else None


async def scoped(
    context: Context, workspace_id: str, peer_id: str, scope: str | list[str]
) -> tuple[str, Sequence[str] | None]:
    """Observer and sessions for scopes: one scope is an observer, several restrict the peer to their sessions.

    Raises Unauthorized for peer and session keys, NotFound for unknown scopes.
    """
    if is_narrowed(context):
        raise Unauthorized(SCOPE_NEEDS_WORKSPACE_KEY)
    if isinstance(scope, str):
        return f"{SCOPE_PREFIX}{(await context.store.read(scopes.get, workspace_id, scope)).id}", None
    return peer_id, await context.store.read(scopes.session_ids, workspace_id, scope)


async def must_be_in_all(context: Context, workspace_id: str, sessions: Sequence[str]) -> None:
    """Raise Unauthorized if the key is a peer's and the peer is not currently in all of these sessions."""
    peer = context.principal.peer
    if peer is None:
        return
    for session_id in sessions:
        if not await context.store.read(members.is_active, workspace_id, session_id, peer):
            raise Unauthorized(NOT_PERMITTED)


async def check_named(context: Context, workspace_id: str, peer_id: str | None, session_id: str | None) -> None:
    """Check the peer and the session that a request names against the caller's key.

    Raises Unauthorized for another session than that of a session's key, and for one that the peer of a peer's key is
    not currently in; Unprocessable for the hidden peer of a scope, unless the key may read scopes.
    """
    if is_narrowed(context):
        await no_scope_peers(context, workspace_id, (peer_id,))
    if session_id is None:
        return
    if context.principal.session is None:
        await must_be_in_all(context, workspace_id, (session_id,))
    elif context.principal.session != session_id:
        raise Unauthorized(NOT_PERMITTED)


def of_caller(context: Context, workspace_id: str, observed: str) -> Selection:
    """What the caller may read of what is known about a peer: what the peer of a peer's key knows, explicit conclusions
    from the session of a session's key, else what the observed peer knows of itself."""
    principal = context.principal
    sessions = None if principal.session is None else (principal.session,)
    return Selection(workspace_id, principal.peer or observed, observed, sessions)


async def no_scope_peers(context: Context, workspace_id: str, peer_ids: Sequence[str | None]) -> None:
    """Raise Unprocessable if an id has the prefix reserved for the hidden peers of scopes.

    Whether such a scope exists is disclosed only to keys that may read scopes.
    """
    named = [peer_id for peer_id in peer_ids if peer_id is not None and is_scope_peer(peer_id)]
    if not named:
        return
    shown = [*map(truncate, named)]
    if fault := next(filter(None, (scope_name_error(scope_of_peer(peer_id)) for peer_id in named)), None):
        raise Unprocessable(f"Peer name(s) {shown} use the reserved scope prefix '{SCOPE_PREFIX}'. {fault}")
    are_there = not is_narrowed(context) and all(
        [await context.store.read(scopes.find, workspace_id, scope_of_peer(peer_id)) for peer_id in named]
    )
    what = "are scopes" if are_there else f"use the reserved scope prefix '{SCOPE_PREFIX}'"
    raise Unprocessable(f"Peer name(s) {shown} {what}. Use the `scope` parameter to read from a scope.")


def is_narrowed(context: Context) -> bool:
    """Whether the key is one of a peer or of a session."""
    return context.principal.peer is not None or context.principal.session is not None


async def session(
    context: Context, workspace_id: str, session_id: str, query: parameters.GetSessionContextQuery
) -> Selection | None:
    """The conclusions that a session context's query requests; None without a target.

    Raises Unprocessable for conflicting options, Unauthorized, NotFound.
    """
    target, sessions = query.peer_target, query.sessions
    if query.scope is not None:
        request_parsing.scope_name(query.scope, ("query", "scope"))
    _check_options(session_id, query)
    await no_scope_peers(context, workspace_id, (target, query.peer_perspective))
    if target is None:
        return None
    observer: str = query.peer_perspective or target
    restriction: Sequence[str] | None = session_filter.checked(sessions) if sessions is not None else None
    if query.limit_to_session:
        restriction = (session_id,)
    if query.scope is not None:
        observer, _ = await scoped(context, workspace_id, target, query.scope)
    elif context.principal.peer not in (None, observer):
        raise Unauthorized(NOT_PERMITTED)
    if context.principal.session is not None:
        if restriction is not None and set(restriction) != {session_id}:
            raise Unauthorized(NOT_PERMITTED)
        restriction = (session_id,)  # a session key reads only conclusions from its session
    elif restriction is not None:
        await must_be_in_all(context, workspace_id, restriction)
    selection = _selection(query, workspace_id, observer, target, restriction)
    return replace(selection, moment=request_parsing.moment(query, "query"))


def _check_options(session_id: str, query: parameters.GetSessionContextQuery) -> None:
    if query.peer_target is None:
        for name in ("peer_perspective", "scope", "sessions"):
            if getattr(query, name) is not None:
                raise Unprocessable(f"peer_target must be provided if {name} is provided")
    if query.scope is not None and query.peer_perspective is not None:
        raise Unprocessable("scope cannot be combined with peer_perspective")
    if query.sessions is not None:
        if query.scope is not None:
            raise Unprocessable("sessions cannot be combined with scope")
        if query.limit_to_session:
            raise Unprocessable("sessions cannot be combined with limit_to_session")
        if session_id not in query.sessions:
            raise Unprocessable("sessions must include the session itself")
