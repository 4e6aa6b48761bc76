"""Protocols that handlers/ implements: one per tag, one method per operation.

Generated from openapi.yaml by `make regenerate`. Do not edit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field
from starlette.datastructures import UploadFile

from omoide.generated import models, parameters
from omoide.handlers.context import Context


class SystemApi(Protocol):
    async def health_check(self, context: Context) -> models.Health:
        """GET /health -> 200"""
        ...

    async def readiness_check(self, context: Context) -> tuple[Literal[200, 503], models.Readiness]:
        """GET /ready -> 200, 503"""
        ...

    async def get_metrics(self, context: Context) -> str:
        """GET /metrics -> 200"""
        ...

    async def get_deriver_metrics(self, context: Context) -> str:
        """GET /deriver/metrics -> 200"""
        ...

    async def get_server(self, context: Context) -> models.Server:
        """GET /v3/server -> 200"""
        ...

    async def get_settings(self, context: Context) -> models.SettingList:
        """GET /v3/settings -> 200"""
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
        query: parameters.GetAllWorkspacesQuery,
        body: models.WorkspaceGet | None = None,
    ) -> models.PageWorkspace:
        """POST /v3/workspaces/list -> 200"""
        ...

    async def get_workspace(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.Workspace:
        """GET /v3/workspaces/{workspace_id} -> 200"""
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

    async def search_workspace(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.WorkspaceMessageSearchOptions,
    ) -> list[models.FoundMessage]:
        """POST /v3/workspaces/{workspace_id}/search -> 200"""
        ...

    async def search_memory(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.MemorySearchOptions,
    ) -> models.MemorySearchResult:
        """POST /v3/workspaces/{workspace_id}/search/memory -> 200"""
        ...

    async def recall(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.RecallOptions,
    ) -> models.Recall:
        """POST /v3/workspaces/{workspace_id}/recall -> 200"""
        ...

    async def remember(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.RememberOptions,
        idempotency_key: Annotated[str | None, Field(min_length=1, max_length=255)] = None,
    ) -> models.Remembered:
        """POST /v3/workspaces/{workspace_id}/remember -> 201"""
        ...

    async def get_context(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.ContextOptions,
    ) -> models.ContextText:
        """POST /v3/workspaces/{workspace_id}/context -> 200"""
        ...

    async def chat_workspace(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.WorkspaceDialecticOptions,
    ) -> models.DialecticResponse | AsyncIterator[bytes]:
        """POST /v3/workspaces/{workspace_id}/chat -> 200"""
        ...

    async def get_queue_status(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.GetQueueStatusQuery,
    ) -> models.QueueStatus:
        """GET /v3/workspaces/{workspace_id}/queue/status -> 200"""
        ...

    async def list_jobs(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.ListJobsQuery,
        body: models.JobGet | None = None,
    ) -> models.PageJob:
        """POST /v3/workspaces/{workspace_id}/queue/list -> 200"""
        ...

    async def retry_jobs(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.JobRetry | None = None,
    ) -> models.JobCount:
        """POST /v3/workspaces/{workspace_id}/queue/retry -> 200"""
        ...

    async def flush_queue(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.JobCount:
        """POST /v3/workspaces/{workspace_id}/queue/flush -> 200"""
        ...

    async def get_usage(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.GetUsageQuery,
    ) -> models.Usage:
        """GET /v3/workspaces/{workspace_id}/usage -> 200"""
        ...

    async def get_overview(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.WorkspaceOverview:
        """GET /v3/workspaces/{workspace_id}/overview -> 200"""
        ...

    async def export_workspace(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> AsyncIterator[bytes]:
        """GET /v3/workspaces/{workspace_id}/export -> 200"""
        ...

    async def get_observers(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.GetObserversQuery,
    ) -> models.ObserverGraph:
        """GET /v3/workspaces/{workspace_id}/observers -> 200"""
        ...

    async def schedule_dream(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.ScheduleDreamRequest,
    ) -> None:
        """POST /v3/workspaces/{workspace_id}/schedule_dream -> 204"""
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
        query: parameters.GetPeersQuery,
        body: models.PeerGet | None = None,
    ) -> models.PagePeer:
        """POST /v3/workspaces/{workspace_id}/peers/list -> 200"""
        ...

    async def get_peer(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        peer_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.Peer:
        """GET /v3/workspaces/{workspace_id}/peers/{peer_id} -> 200"""
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

    async def delete_peer(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        peer_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.Accepted:
        """DELETE /v3/workspaces/{workspace_id}/peers/{peer_id} -> 202"""
        ...

    async def get_sessions_for_peer(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        peer_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.GetSessionsForPeerQuery,
        body: models.SessionGet | None = None,
    ) -> models.PageSession:
        """POST /v3/workspaces/{workspace_id}/peers/{peer_id}/sessions -> 200"""
        ...

    async def search_peer(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        peer_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.MessageSearchOptions,
    ) -> list[models.FoundMessage]:
        """POST /v3/workspaces/{workspace_id}/peers/{peer_id}/search -> 200"""
        ...

    async def chat(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        peer_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.DialecticOptions,
    ) -> models.DialecticResponse | AsyncIterator[bytes]:
        """POST /v3/workspaces/{workspace_id}/peers/{peer_id}/chat -> 200"""
        ...

    async def get_representation(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        peer_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.PeerRepresentationGet,
    ) -> models.RepresentationResponse:
        """POST /v3/workspaces/{workspace_id}/peers/{peer_id}/representation -> 200"""
        ...

    async def get_peer_card(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        peer_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.GetPeerCardQuery,
    ) -> models.PeerCardResponse:
        """GET /v3/workspaces/{workspace_id}/peers/{peer_id}/card -> 200"""
        ...

    async def set_peer_card(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        peer_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.SetPeerCardQuery,
        body: models.PeerCardSet,
    ) -> models.PeerCardResponse:
        """PUT /v3/workspaces/{workspace_id}/peers/{peer_id}/card -> 200"""
        ...

    async def get_peer_context(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        peer_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.GetPeerContextQuery,
    ) -> models.PeerContext:
        """GET /v3/workspaces/{workspace_id}/peers/{peer_id}/context -> 200"""
        ...

    async def get_timeline(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        peer_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.GetTimelineQuery,
    ) -> models.Timeline:
        """GET /v3/workspaces/{workspace_id}/peers/{peer_id}/timeline -> 200"""
        ...

    async def merge_peer(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        peer_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.PeerMerge,
    ) -> tuple[Literal[200, 202], models.PeerMergeProgress]:
        """POST /v3/workspaces/{workspace_id}/peers/{peer_id}/merge -> 200, 202"""
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
        query: parameters.GetSessionsQuery,
        body: models.SessionGet | None = None,
    ) -> models.PageSession:
        """POST /v3/workspaces/{workspace_id}/sessions/list -> 200"""
        ...

    async def get_session(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.Session:
        """GET /v3/workspaces/{workspace_id}/sessions/{session_id} -> 200"""
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
        query: parameters.CloneSessionQuery,
    ) -> models.Session:
        """POST /v3/workspaces/{workspace_id}/sessions/{session_id}/clone -> 201"""
        ...

    async def get_session_peers(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.GetSessionPeersQuery,
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
        body: Annotated[list[str], Field(max_length=1000)],
    ) -> models.Session:
        """DELETE /v3/workspaces/{workspace_id}/sessions/{session_id}/peers -> 200"""
        ...

    async def get_peer_history(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        peer_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.SessionPeerHistory:
        """GET /v3/workspaces/{workspace_id}/sessions/{session_id}/peers/{peer_id}/history -> 200"""
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

    async def get_session_context(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.GetSessionContextQuery,
    ) -> models.SessionContext:
        """GET /v3/workspaces/{workspace_id}/sessions/{session_id}/context -> 200"""
        ...

    async def get_session_overview(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.SessionOverview:
        """GET /v3/workspaces/{workspace_id}/sessions/{session_id}/overview -> 200"""
        ...

    async def get_session_summaries(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.SessionSummaries:
        """GET /v3/workspaces/{workspace_id}/sessions/{session_id}/summaries -> 200"""
        ...

    async def search_session(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.MessageSearchOptions,
    ) -> list[models.FoundMessage]:
        """POST /v3/workspaces/{workspace_id}/sessions/{session_id}/search -> 200"""
        ...


class ScopesApi(Protocol):
    async def get_or_create_scope(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.ScopeCreate,
    ) -> tuple[Literal[200, 201], models.ScopeModel]:
        """POST /v3/workspaces/{workspace_id}/scopes -> 200, 201"""
        ...

    async def get_scopes(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.GetScopesQuery,
    ) -> models.PageScope:
        """POST /v3/workspaces/{workspace_id}/scopes/list -> 200"""
        ...

    async def get_scope(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        scope_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.ScopeModel:
        """GET /v3/workspaces/{workspace_id}/scopes/{scope_id} -> 200"""
        ...

    async def add_sessions_to_scope(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        scope_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.ScopeSessionsAdd,
    ) -> None:
        """POST /v3/workspaces/{workspace_id}/scopes/{scope_id}/sessions -> 204"""
        ...

    async def get_scope_sessions(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        scope_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.GetScopeSessionsQuery,
    ) -> models.PageSession:
        """POST /v3/workspaces/{workspace_id}/scopes/{scope_id}/sessions/list -> 200"""
        ...

    async def remove_session_from_scope(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        scope_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> None:
        """DELETE /v3/workspaces/{workspace_id}/scopes/{scope_id}/sessions/{session_id} -> 204"""
        ...

    async def get_scope_status(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        scope_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.ScopeStatus:
        """GET /v3/workspaces/{workspace_id}/scopes/{scope_id}/status -> 200"""
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
        query: parameters.GetMessagesQuery,
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

    async def delete_message(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        message_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> None:
        """DELETE /v3/workspaces/{workspace_id}/sessions/{session_id}/messages/{message_id} -> 204"""
        ...

    async def get_message_conclusions(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        message_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.MessageConclusions:
        """GET /v3/workspaces/{workspace_id}/sessions/{session_id}/messages/{message_id}/conclusions -> 200"""
        ...

    async def create_messages_with_file(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        session_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: parameters.CreateMessagesWithFileForm,
    ) -> list[models.Message]:
        """POST /v3/workspaces/{workspace_id}/sessions/{session_id}/messages/upload -> 201"""
        ...


class ConclusionsApi(Protocol):
    async def create_conclusions(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.ConclusionBatchCreate,
    ) -> list[models.Conclusion]:
        """POST /v3/workspaces/{workspace_id}/conclusions -> 201"""
        ...

    async def list_conclusions(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.ListConclusionsQuery,
        body: models.ConclusionGet | None = None,
    ) -> models.PageConclusion:
        """POST /v3/workspaces/{workspace_id}/conclusions/list -> 200"""
        ...

    async def query_conclusions(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.ConclusionQuery,
    ) -> list[models.FoundConclusion]:
        """POST /v3/workspaces/{workspace_id}/conclusions/query -> 200"""
        ...

    async def get_conclusion(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        conclusion_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> models.Conclusion:
        """GET /v3/workspaces/{workspace_id}/conclusions/{conclusion_id} -> 200"""
        ...

    async def delete_conclusion(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        conclusion_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.DeleteConclusionQuery,
    ) -> None:
        """DELETE /v3/workspaces/{workspace_id}/conclusions/{conclusion_id} -> 204"""
        ...

    async def correct_conclusion(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        conclusion_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.ConclusionUpdate,
    ) -> models.Conclusion:
        """PATCH /v3/workspaces/{workspace_id}/conclusions/{conclusion_id} -> 200"""
        ...

    async def get_conclusion_history(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        conclusion_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.GetConclusionHistoryQuery,
    ) -> models.ConclusionHistory:
        """GET /v3/workspaces/{workspace_id}/conclusions/{conclusion_id}/history -> 200"""
        ...

    async def get_conclusion_sources(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        conclusion_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.GetConclusionSourcesQuery,
    ) -> models.ConclusionSources:
        """GET /v3/workspaces/{workspace_id}/conclusions/{conclusion_id}/sources -> 200"""
        ...

    async def get_conclusion_consequences(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        conclusion_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.GetConclusionConsequencesQuery,
    ) -> models.ConclusionConsequences:
        """GET /v3/workspaces/{workspace_id}/conclusions/{conclusion_id}/consequences -> 200"""
        ...


class KeysApi(Protocol):
    async def create_key(self, context: Context, *, query: parameters.CreateKeyQuery) -> models.Key:
        """POST /v3/keys -> 200"""
        ...


class WebhooksApi(Protocol):
    async def list_webhook_endpoints(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        query: parameters.ListWebhookEndpointsQuery,
    ) -> models.PageWebhookEndpoint:
        """GET /v3/workspaces/{workspace_id}/webhooks -> 200"""
        ...

    async def get_or_create_webhook_endpoint(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        body: models.WebhookEndpointCreate,
    ) -> tuple[Literal[200, 201], models.WebhookEndpoint]:
        """POST /v3/workspaces/{workspace_id}/webhooks -> 200, 201"""
        ...

    async def test_emit(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> None:
        """GET /v3/workspaces/{workspace_id}/webhooks/test -> 200"""
        ...

    async def delete_webhook_endpoint(
        self,
        context: Context,
        *,
        workspace_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
        endpoint_id: Annotated[str, Field(max_length=512, pattern='^[^\\x00]*$')],
    ) -> None:
        """DELETE /v3/workspaces/{workspace_id}/webhooks/{endpoint_id} -> 204"""
        ...


BY_TAG: dict[str, type] = {
    "system": SystemApi,
    "workspaces": WorkspacesApi,
    "peers": PeersApi,
    "sessions": SessionsApi,
    "scopes": ScopesApi,
    "messages": MessagesApi,
    "conclusions": ConclusionsApi,
    "keys": KeysApi,
    "webhooks": WebhooksApi,
}
