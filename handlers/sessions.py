"""The operations of the tag `sessions`."""

from __future__ import annotations

from generated import models
from handlers import requests, shapes
from handlers.context import Context
from omoide import clock, security
from omoide.errors import NotFound
from omoide.records import PageRequest, SessionChange
from omoide.store import clones, members, peers, sessions


async def get_or_create_session(context: Context, *, workspace_id: str, body: models.SessionCreate) -> models.Session:
    """The session, made on first use: metadata replaced, configuration merged, peers added."""
    given = requests.observations(body.peers)
    grant = security.session_grant(context.principal, body.id, given)
    change = SessionChange(requests.metadata(body.metadata), requests.configuration(context, body.configuration), given)
    if found := context.store.read(sessions.settled, workspace_id, body.id, change):
        return shapes.session(found)
    limit = context.settings.max_observers
    record = await context.store.write(
        sessions.get_or_create, workspace_id, body.id, change, clock.now(), max_observers=limit, grant=grant
    )
    return shapes.session(record)


async def get_sessions(
    context: Context,
    *,
    workspace_id: str,
    reverse: bool = False,
    page: int = 1,
    size: int = 50,
    body: models.SessionGet | None = None,
) -> models.PageSession:
    """A page of the workspace's sessions."""
    requests.no_filters(body)
    return shapes.sessions_page(context.store.read(sessions.page, workspace_id, PageRequest(page, size, reverse)))


async def update_session(
    context: Context, *, workspace_id: str, session_id: str, body: models.SessionUpdate
) -> models.Session:
    """The session after the change, made if missing."""
    change = SessionChange(requests.metadata(body.metadata), requests.configuration(context, body.configuration))
    return await _apply(context, workspace_id, session_id, change)


async def add_peers_to_session(
    context: Context, *, workspace_id: str, session_id: str, body: dict[str, models.SessionPeerConfig]
) -> models.Session:
    """The session, after the peers joined."""
    return await _apply(context, workspace_id, session_id, SessionChange(peers=requests.observations(body)))


async def _apply(context: Context, workspace_id: str, session_id: str, change: SessionChange) -> models.Session:
    limit = context.settings.max_observers
    record = await context.store.write(
        sessions.get_or_create, workspace_id, session_id, change, clock.now(), max_observers=limit
    )
    return shapes.session(record)


async def delete_session(context: Context, *, workspace_id: str, session_id: str) -> models.Accepted:
    """Hide the session; a job removes it."""
    await context.store.write(sessions.delete, workspace_id, session_id, clock.now())
    context.wake_worker()
    return models.Accepted(message="Session deleted successfully")


async def clone_session(
    context: Context, *, workspace_id: str, session_id: str, message_id: str | None = None
) -> models.Session:
    """A copy of the session."""
    return shapes.session(await context.store.write(clones.clone, workspace_id, session_id, message_id, clock.now()))


async def get_session_peers(
    context: Context, *, workspace_id: str, session_id: str, page: int = 1, size: int = 50
) -> models.PagePeer:
    """A page of the peers in the session now."""
    return shapes.peers_page(context.store.read(members.page, workspace_id, session_id, PageRequest(page, size)))


async def set_session_peers(
    context: Context, *, workspace_id: str, session_id: str, body: dict[str, models.SessionPeerConfig]
) -> models.Session:
    """The session, after the peers became its only ones."""
    given = requests.observations(body)
    limit = context.settings.max_observers
    return shapes.session(
        await context.store.write(sessions.set_peers, workspace_id, session_id, given, clock.now(), max_observers=limit)
    )


async def remove_peers_from_session(
    context: Context, *, workspace_id: str, session_id: str, body: list[str]
) -> models.Session:
    """The session, after the peers left."""
    return shapes.session(await context.store.write(sessions.remove_peers, workspace_id, session_id, body, clock.now()))


async def get_peer_config(
    context: Context, *, workspace_id: str, session_id: str, peer_id: str
) -> models.SessionPeerConfig:
    """The peer's configuration in the session."""
    found = context.store.read(members.configuration, workspace_id, session_id, peer_id)
    if found is not None:
        return shapes.session_peer_config(found)
    if context.store.read(peers.find, workspace_id, peer_id) is None:
        raise NotFound(f"Peer {peer_id} not found in workspace {workspace_id}")
    raise NotFound(f"Session peer {peer_id} not found in session {session_id} in workspace {workspace_id}")


async def set_peer_config(
    context: Context, *, workspace_id: str, session_id: str, peer_id: str, body: models.SessionPeerConfig
) -> None:
    """Set the flags that the body gives."""
    flags = requests.observation(body)
    limit = context.settings.max_observers
    await context.store.write(
        sessions.configure_peer, workspace_id, session_id, peer_id, flags, clock.now(), max_observers=limit
    )
