"""Our records → generated models. The only place where wire names meet ours."""

from __future__ import annotations

from typing import TypeVar

from generated import models
from omoide.records import Message, Observation, Page, Peer, Session, Workspace

T = TypeVar("T")


def workspace(record: Workspace) -> models.Workspace:
    return models.Workspace(
        id=record.id,
        uid=record.uid,
        metadata=record.metadata,
        configuration=record.configuration,
        created_at=record.created_at,
    )


def peer(record: Peer) -> models.Peer:
    return models.Peer(
        id=record.id,
        uid=record.uid,
        workspace_id=record.workspace_id,
        created_at=record.created_at,
        metadata=record.metadata,
        configuration=record.configuration,
    )


def session(record: Session) -> models.Session:
    return models.Session(
        id=record.id,
        uid=record.uid,
        is_active=record.is_active,
        workspace_id=record.workspace_id,
        metadata=record.metadata,
        configuration=record.configuration,
        created_at=record.created_at,
    )


def message(record: Message) -> models.Message:
    return models.Message(
        id=record.id,
        content=record.content,
        peer_id=record.peer_id,
        session_id=record.session_id,
        workspace_id=record.workspace_id,
        metadata=record.metadata,
        created_at=record.created_at,
        token_count=record.token_count,
    )


def session_peer_config(record: Observation) -> models.SessionPeerConfig:
    return models.SessionPeerConfig(observe_me=record.observe_me, observe_others=record.observe_others)


def _pages(page: Page[T]) -> int:
    return -(-page.total // page.request.size)


def workspaces_page(page: Page[Workspace]) -> models.PageWorkspace:
    items = [workspace(record) for record in page.items]
    size = page.request.size
    return models.PageWorkspace(items=items, total=page.total, page=page.request.page, size=size, pages=_pages(page))


def peers_page(page: Page[Peer]) -> models.PagePeer:
    items = [peer(record) for record in page.items]
    size = page.request.size
    return models.PagePeer(items=items, total=page.total, page=page.request.page, size=size, pages=_pages(page))


def sessions_page(page: Page[Session]) -> models.PageSession:
    items = [session(record) for record in page.items]
    size = page.request.size
    return models.PageSession(items=items, total=page.total, page=page.request.page, size=size, pages=_pages(page))


def messages_page(page: Page[Message]) -> models.PageMessage:
    items = [message(record) for record in page.items]
    size = page.request.size
    return models.PageMessage(items=items, total=page.total, page=page.request.page, size=size, pages=_pages(page))
