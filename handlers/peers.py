"""The operations of the tag `peers`."""

from __future__ import annotations

from typing import Literal

from generated import models
from handlers import requests, shapes
from handlers.context import Context
from omoide import clock, security
from omoide.records import PageRequest
from omoide.store import peers


async def get_or_create_peer(
    context: Context, *, workspace_id: str, body: models.PeerCreate
) -> tuple[Literal[200, 201], models.Peer]:
    """The peer, made on first use; what the body gives replaces what is stored."""
    grant = security.peer_grant(context.principal, body.id)
    change = requests.peer_change(body)
    if found := context.store.read(peers.settled, workspace_id, body.id, change):
        return 200, shapes.peer(found)
    now = clock.now()
    record, created = await context.store.write(peers.get_or_create, workspace_id, body.id, change, now, grant)
    return (201 if created else 200), shapes.peer(record)


async def get_peers(
    context: Context,
    *,
    workspace_id: str,
    reverse: bool = False,
    page: int = 1,
    size: int = 50,
    body: models.PeerGet | None = None,
) -> models.PagePeer:
    """A page of the workspace's peers."""
    requests.no_filters(body)
    return shapes.peers_page(context.store.read(peers.page, workspace_id, PageRequest(page, size, reverse)))


async def update_peer(context: Context, *, workspace_id: str, peer_id: str, body: models.PeerUpdate) -> models.Peer:
    """The peer after the change, made if missing."""
    change = requests.peer_change(body)
    record, _ = await context.store.write(peers.get_or_create, workspace_id, peer_id, change, clock.now())
    return shapes.peer(record)


async def get_sessions_for_peer(
    context: Context,
    *,
    workspace_id: str,
    peer_id: str,
    reverse: bool = False,
    page: int = 1,
    size: int = 50,
    body: models.SessionGet | None = None,
) -> models.PageSession:
    """A page of the sessions that the peer is in now."""
    requests.no_filters(body)
    request = PageRequest(page, size, reverse)
    return shapes.sessions_page(context.store.read(peers.sessions, workspace_id, peer_id, request))
