"""What handlers/ must offer: one Protocol per tag, one method per operation.

Made from openapi.yaml by `make regenerate`; never edited.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field
from starlette.datastructures import UploadFile

from generated import models
from handlers.context import Context


class SystemApi(Protocol):
    async def health_check(self, context: Context) -> models.Health:
        """GET /health -> 200"""
        ...


class WorkspacesApi(Protocol):
    async def get_or_create_workspace(
        self,
        context: Context,
        *,
        body: models.WorkspaceCreate,
    ) -> tuple[Literal[200, 201], models.Workspace]:
        """POST /v3/workspaces -> 200, 201"""
        ...

    async def get_all_workspaces(
        self,
        context: Context,
        *,
        reverse: bool = False,
        page: Annotated[int, Field(ge=1, le=1000000000)] = 1,
        size: Annotated[int, Field(ge=1, le=100)] = 50,
        body: models.WorkspaceGet | None = None,
    ) -> models.PageWorkspace:
        """POST /v3/workspaces/list -> 200"""
        ...

    async def update_workspace(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.WorkspaceUpdate,
    ) -> models.Workspace:
        """PUT /v3/workspaces/{workspace_id} -> 200"""
        ...

    async def delete_workspace(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.Accepted:
        """DELETE /v3/workspaces/{workspace_id} -> 202"""
        ...


class PeersApi(Protocol):
    async def get_or_create_peer(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.PeerCreate,
    ) -> tuple[Literal[200, 201], models.Peer]:
        """POST /v3/workspaces/{workspace_id}/peers -> 200, 201"""
        ...

    async def get_peers(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        reverse: bool = False,
        page: Annotated[int, Field(ge=1, le=1000000000)] = 1,
        size: Annotated[int, Field(ge=1, le=100)] = 50,
        body: models.PeerGet | None = None,
    ) -> models.PagePeer:
        """POST /v3/workspaces/{workspace_id}/peers/list -> 200"""
        ...

    async def update_peer(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        peer_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.PeerUpdate,
    ) -> models.Peer:
        """PUT /v3/workspaces/{workspace_id}/peers/{peer_id} -> 200"""
        ...

    async def get_sessions_for_peer(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        peer_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        reverse: bool = False,
        page: Annotated[int, Field(ge=1, le=1000000000)] = 1,
        size: Annotated[int, Field(ge=1, le=100)] = 50,
        body: models.SessionGet | None = None,
    ) -> models.PageSession:
        """POST /v3/workspaces/{workspace_id}/peers/{peer_id}/sessions -> 200"""
        ...


class SessionsApi(Protocol):
    async def get_or_create_session(
        self,
        context: Context,
        *,
        workspace_id: str,
        body: models.SessionCreate,
    ) -> models.Session:
        """POST /v3/workspaces/{workspace_id}/sessions -> 200"""
        ...

    async def get_sessions(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        reverse: bool = False,
        page: Annotated[int, Field(ge=1, le=1000000000)] = 1,
        size: Annotated[int, Field(ge=1, le=100)] = 50,
        body: models.SessionGet | None = None,
    ) -> models.PageSession:
        """POST /v3/workspaces/{workspace_id}/sessions/list -> 200"""
        ...

    async def update_session(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.SessionUpdate,
    ) -> models.Session:
        """PUT /v3/workspaces/{workspace_id}/sessions/{session_id} -> 200"""
        ...

    async def delete_session(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.Accepted:
        """DELETE /v3/workspaces/{workspace_id}/sessions/{session_id} -> 202"""
        ...

    async def clone_session(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        message_id: str | None = None,
    ) -> models.Session:
        """POST /v3/workspaces/{workspace_id}/sessions/{session_id}/clone -> 201"""
        ...

    async def get_session_peers(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        page: Annotated[int, Field(ge=1, le=1000000000)] = 1,
        size: Annotated[int, Field(ge=1, le=100)] = 50,
    ) -> models.PagePeer:
        """GET /v3/workspaces/{workspace_id}/sessions/{session_id}/peers -> 200"""
        ...

    async def set_session_peers(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: dict[str, models.SessionPeerConfig],
    ) -> models.Session:
        """PUT /v3/workspaces/{workspace_id}/sessions/{session_id}/peers -> 200"""
        ...

    async def add_peers_to_session(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: dict[str, models.SessionPeerConfig],
    ) -> models.Session:
        """POST /v3/workspaces/{workspace_id}/sessions/{session_id}/peers -> 200"""
        ...

    async def remove_peers_from_session(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: list[str],
    ) -> models.Session:
        """DELETE /v3/workspaces/{workspace_id}/sessions/{session_id}/peers -> 200"""
        ...

    async def get_peer_config(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        peer_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.SessionPeerConfig:
        """GET /v3/workspaces/{workspace_id}/sessions/{session_id}/peers/{peer_id}/config -> 200"""
        ...

    async def set_peer_config(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        peer_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.SessionPeerConfig,
    ) -> None:
        """PUT /v3/workspaces/{workspace_id}/sessions/{session_id}/peers/{peer_id}/config -> 204"""
        ...


class MessagesApi(Protocol):
    async def create_messages_for_session(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.MessageBatchCreate,
        idempotency_key: Annotated[str | None, Field(min_length=1, max_length=255)] = None,
    ) -> list[models.Message]:
        """POST /v3/workspaces/{workspace_id}/sessions/{session_id}/messages -> 201"""
        ...

    async def get_messages(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        reverse: bool | None = False,
        page: Annotated[int, Field(ge=1, le=1000000000)] = 1,
        size: Annotated[int, Field(ge=1, le=100)] = 50,
        body: models.MessageGet | None = None,
    ) -> models.PageMessage:
        """POST /v3/workspaces/{workspace_id}/sessions/{session_id}/messages/list -> 200"""
        ...

    async def get_message(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        message_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.Message:
        """GET /v3/workspaces/{workspace_id}/sessions/{session_id}/messages/{message_id} -> 200"""
        ...

    async def update_message(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        message_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.MessageUpdate,
    ) -> models.Message:
        """PUT /v3/workspaces/{workspace_id}/sessions/{session_id}/messages/{message_id} -> 200"""
        ...


BY_TAG: dict[str, type] = {
    "system": SystemApi,
    "workspaces": WorkspacesApi,
    "peers": PeersApi,
    "sessions": SessionsApi,
    "messages": MessagesApi,
}
