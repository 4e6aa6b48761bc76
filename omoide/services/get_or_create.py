"""Return an object, created if it is missing. One that needs no change is found with a read, without a transaction.

Keys of a peer or a session may name objects that they cannot see, so what they learn of these is limited here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from omoide.core import acting, auth, clock
from omoide.core.auth import Principal
from omoide.core.records import (
    Change,
    Json,
    Observation,
    Peer,
    Scope,
    Session,
    SessionChange,
    Workspace,
)
from omoide.core.webhook_protocol import check_url
from omoide.services.container import Services
from omoide.storage import members, peers, scopes, sessions, webhooks, workspaces

logger = logging.getLogger("omoide.webhooks")


async def workspace(
    services: Services, principal: Principal, workspace_id: str, initial: Change
) -> tuple[Workspace, bool]:
    """The workspace, and whether it was created; an existing one is not changed. Raises Unauthorized."""
    auth.may_name_workspace(principal, workspace_id)
    if found := await services.store.read_single(workspaces.find, workspace_id):
        return found, False
    return await services.store.write(workspaces.get_or_create, workspace_id, initial, clock.now())


async def peer(
    services: Services, principal: Principal, workspace_id: str, peer_id: str, change: Change
) -> tuple[Peer, bool]:
    """The peer with the change applied, and whether it was created.

    To a session's key, a peer outside of the session shows only that it exists. Raises Unauthorized.
    """
    grant = auth.peer_grant(principal, peer_id)
    session_id = auth.reads_members_of(principal)
    if session_id is not None and not await services.store.read(members.is_active, workspace_id, session_id, peer_id):
        stranger = await services.store.read(peers.find, workspace_id, peer_id)
        if stranger is None or change != Change():
            raise auth.refusal(auth.NAMED)
        return replace(stranger, metadata={}, configuration={}), False
    read = services.store.read_single if change.is_empty else services.store.read
    if found := await read(peers.settled, workspace_id, peer_id, change):
        return found, False
    return await services.store.write(peers.get_or_create, workspace_id, peer_id, change, clock.now(), grant)


async def session(
    services: Services, principal: Principal, workspace_id: str, session_id: str, change: SessionChange
) -> Session:
    """The session with the change applied. Raises Unauthorized."""
    grant = auth.session_grant(principal, session_id, change.peers, change.scopes)
    may_read = await _may_read(services, principal, workspace_id, session_id, change.peers)
    if not (may_read or grant.create):
        raise auth.refusal(auth.NAMED)
    if may_read:
        read = services.store.read_single if change.is_empty else services.store.read
        if found := await read(sessions.settled, workspace_id, session_id, change):
            return found
    by = auth.name_of(principal)
    record = await services.store.write(
        acting.on_behalf, by, sessions.get_or_create, workspace_id, session_id, change, clock.now(), grant=grant
    )
    if change.scopes:
        services.wake_worker()
    return record


async def _may_read(
    services: Services, principal: Principal, workspace_id: str, session_id: str, given: Mapping[str, Observation]
) -> bool:
    """Whether the key may read the session, if it exists, by a get-or-create request with these peers.

    A peer's key: while its peer is in the session. The request may then name other members, but not set their flags:
    a refusal would disclose whether these differ from the stored ones.
    """
    reader = auth.reader(principal)
    if reader is None:
        return True
    if any(flags != Observation() for peer_id, flags in given.items() if peer_id != reader):
        return False
    return await services.store.read(members.is_active, workspace_id, session_id, reader)


async def scope(services: Services, workspace_id: str, name: str, metadata: Json | None) -> tuple[Scope, bool]:
    """The scope with the metadata replaced if any is given, and whether it was created."""
    if found := await services.store.read(scopes.settled, workspace_id, name, metadata):
        return found, False
    return await services.store.write(scopes.get_or_create, workspace_id, name, metadata, clock.now())


async def webhook(services: Services, workspace_id: str, url: str) -> tuple[webhooks.WebhookEndpoint, bool]:
    """The endpoint, and whether it was registered. Raises Unprocessable for a URL that may not be called."""
    check_url(url, private_targets=services.settings.webhook_private_targets)
    if found := await services.store.read(webhooks.find_by_url, workspace_id, url):
        return found, False
    registered = await services.store.write(webhooks.get_or_create, workspace_id, url, clock.now())
    if not services.settings.webhook_secret.get_secret_value():
        logger.warning("webhook endpoint registered, but nothing will be sent: set OMOIDE_WEBHOOK_SECRET")
    return registered
