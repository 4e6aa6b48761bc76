"""Records of query parameters and of forms, one for each operation that has them.

Generated from openapi.yaml by `make regenerate`. Do not edit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.datastructures import UploadFile

from omoide.generated import models


@dataclass(frozen=True, slots=True, kw_only=True)
class GetAllWorkspacesQuery:
    """The query of `get_all_workspaces`."""

    reverse: bool = False
    page: Annotated[int, Field(ge=1, le=1000000000)] = 1
    size: Annotated[int, Field(ge=1, le=100)] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class GetQueueStatusQuery:
    """The query of `get_queue_status`."""

    observer_id: str | None = None
    sender_id: str | None = None
    session_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListJobsQuery:
    """The query of `list_jobs`."""

    reverse: bool = False
    page: Annotated[int, Field(ge=1, le=1000000000)] = 1
    size: Annotated[int, Field(ge=1, le=100)] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class GetUsageQuery:
    """The query of `get_usage`."""

    since: Annotated[str | None, Field(pattern='^[0-9]{4}-[0-9]{2}-[0-9]{2}$')] = None
    until: Annotated[str | None, Field(pattern='^[0-9]{4}-[0-9]{2}-[0-9]{2}$')] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetObserversQuery:
    """The query of `get_observers`."""

    limit: Annotated[int, Field(ge=1, le=200)] = 200
    query: Annotated[str | None, Field(max_length=512)] = None
    peer_id: Annotated[str | None, Field(max_length=512)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetPeersQuery:
    """The query of `get_peers`."""

    reverse: bool = False
    page: Annotated[int, Field(ge=1, le=1000000000)] = 1
    size: Annotated[int, Field(ge=1, le=100)] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class GetSessionsForPeerQuery:
    """The query of `get_sessions_for_peer`."""

    reverse: bool = False
    page: Annotated[int, Field(ge=1, le=1000000000)] = 1
    size: Annotated[int, Field(ge=1, le=100)] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class GetPeerCardQuery:
    """The query of `get_peer_card`."""

    target: str | None = None
    sources: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPeerCardQuery:
    """The query of `set_peer_card`."""

    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetPeerContextQuery:
    """The query of `get_peer_context`."""

    target: str | None = None
    search_query: str | None = None
    search_top_k: Annotated[int | None, Field(ge=1, le=100)] = None
    search_max_distance: Annotated[float | None, Field(ge=0.0, le=1.0)] = None
    include_most_frequent: bool = True
    max_conclusions: Annotated[int | None, Field(ge=1, le=100)] = None
    tokens: Annotated[int | None, Field(ge=1, le=100000)] = None
    as_of: datetime | None = None
    valid_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetTimelineQuery:
    """The query of `get_timeline`."""

    observer_id: Annotated[str | None, Field(max_length=512)] = None
    since: datetime | None = None
    until: datetime | None = None
    buckets: Annotated[int, Field(ge=0, le=200)] = 100
    limit: Annotated[int, Field(ge=0, le=200)] = 50
    before: Annotated[str | None, Field(max_length=64)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetSessionsQuery:
    """The query of `get_sessions`."""

    reverse: bool = False
    page: Annotated[int, Field(ge=1, le=1000000000)] = 1
    size: Annotated[int, Field(ge=1, le=100)] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneSessionQuery:
    """The query of `clone_session`."""

    message_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetSessionPeersQuery:
    """The query of `get_session_peers`."""

    former: bool = False
    page: Annotated[int, Field(ge=1, le=1000000000)] = 1
    size: Annotated[int, Field(ge=1, le=100)] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class GetSessionContextQuery:
    """The query of `get_session_context`."""

    tokens: Annotated[int | None, Field(le=100000)] = None
    search_query: str | None = None
    summary: bool = True
    peer_target: str | None = None
    peer_perspective: str | None = None
    scope: str | None = None
    sessions: Annotated[list[Annotated[str, Field(max_length=512)]] | None, Field(max_length=1000)] = None
    limit_to_session: bool = False
    search_top_k: Annotated[int | None, Field(ge=1, le=100)] = None
    search_max_distance: Annotated[float | None, Field(ge=0.0, le=1.0)] = None
    include_most_frequent: bool = False
    max_conclusions: Annotated[int | None, Field(ge=1, le=100)] = None
    costs: bool = False
    as_of: datetime | None = None
    valid_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetScopesQuery:
    """The query of `get_scopes`."""

    reverse: bool = False
    page: Annotated[int, Field(ge=1, le=1000000000)] = 1
    size: Annotated[int, Field(ge=1, le=100)] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class GetScopeSessionsQuery:
    """The query of `get_scope_sessions`."""

    reverse: bool = False
    page: Annotated[int, Field(ge=1, le=1000000000)] = 1
    size: Annotated[int, Field(ge=1, le=100)] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class GetMessagesQuery:
    """The query of `get_messages`."""

    reverse: bool | None = False
    page: Annotated[int, Field(ge=1, le=1000000000)] = 1
    size: Annotated[int, Field(ge=1, le=100)] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateMessagesWithFileForm:
    """The form of `create_messages_with_file`."""

    file: UploadFile
    peer_id: str
    metadata: str | None = None
    configuration: str | None = None
    created_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListConclusionsQuery:
    """The query of `list_conclusions`."""

    reverse: bool | None = False
    page: Annotated[int, Field(ge=1, le=1000000000)] = 1
    size: Annotated[int, Field(ge=1, le=100)] = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteConclusionQuery:
    """The query of `delete_conclusion`."""

    observer_id: str | None = None
    observed_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetConclusionHistoryQuery:
    """The query of `get_conclusion_history`."""

    max_versions: Annotated[int, Field(ge=1, le=200)] = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class GetConclusionSourcesQuery:
    """The query of `get_conclusion_sources`."""

    max_nodes: Annotated[int, Field(ge=1, le=200)] = 200
    max_depth: Annotated[int, Field(ge=0, le=10)] = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class GetConclusionConsequencesQuery:
    """The query of `get_conclusion_consequences`."""

    max_nodes: Annotated[int, Field(ge=1, le=200)] = 200
    max_depth: Annotated[int, Field(ge=0, le=10)] = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateKeyQuery:
    """The query of `create_key`."""

    workspace_id: Annotated[str | None, Field(max_length=512, pattern='^[a-zA-Z0-9_-]+$')] = None
    peer_id: Annotated[str | None, Field(max_length=512, pattern='^[a-zA-Z0-9_-]+$')] = None
    session_id: Annotated[str | None, Field(max_length=512, pattern='^[a-zA-Z0-9_-]+$')] = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListWebhookEndpointsQuery:
    """The query of `list_webhook_endpoints`."""

    page: Annotated[int, Field(ge=1, le=1000000000)] = 1
    size: Annotated[int, Field(ge=1, le=100)] = 50
