"""The values that travel between the rooms: frozen, without behaviour, named as in the API.

`pk` is a row's number in the store and never leaves the server; `id` is the name its owner gave it; `uid` is the
server's own id, never used twice. Messages are named tuples because they come by the hundred, and those are made three
times as fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, NamedTuple, TypeVar

T = TypeVar("T")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Workspace:
    pk: int
    id: str
    uid: str
    metadata: Json
    configuration: Json
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Peer:
    pk: int
    id: str
    uid: str
    workspace_id: str
    metadata: Json
    configuration: Json
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    pk: int
    id: str
    uid: str
    workspace_id: str
    metadata: Json
    configuration: Json
    created_at: datetime
    is_active: bool = True


class Message(NamedTuple):
    id: str
    session_id: str
    workspace_id: str
    peer_id: str
    content: str
    metadata: Json
    token_count: int
    created_at: datetime


Level = Literal["explicit", "deductive", "inductive", "contradiction"]


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Something that the observer holds true about the observed."""

    pk: int
    id: str
    content: str
    observer_id: str
    observed_id: str
    session_id: str | None
    level: Level
    source_ids: Sequence[str] | None
    times_derived: int
    said_at: datetime
    """When what it rests on was said; for conclusions made by hand, when it was made."""
    created_at: datetime
    details: Json
    """`premises`, `sources`, `pattern_type`, `confidence`: what derived conclusions show beside their text."""


@dataclass(frozen=True, slots=True)
class NewConclusion:
    content: str
    observer_id: str
    observed_id: str
    session_id: str | None


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement about a peer that stands alone, drawn from what the peer said."""

    content: str
    message_ids: tuple[str, ...]
    """The messages of the observed peer that say so."""
    said_at: datetime
    """When the newest of them was said."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A conclusion drawn from others. `source_ids` are ids of conclusions of the same pair: at least one, at least two
    for a contradiction."""

    level: Literal["deductive", "inductive", "contradiction"]
    content: str
    source_ids: tuple[str, ...]
    details: Json = field(default_factory=dict)
    """As in `Conclusion`: `premises` (texts) of deductive ones; `sources` (texts) of the others; `pattern_type` and
    `confidence` of inductive ones."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Conclusions of one level (and, if explicit, one session) that say the same: `kept` stays and counts for all."""

    kept: str
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    content: str
    message_id: str
    """The last message that it covers."""
    seq: int
    """Where that message stands in the session."""
    summary_type: str
    created_at: datetime
    token_count: int


@dataclass(frozen=True, slots=True)
class Scope:
    """`pk` is that of the hidden peer that observes for it."""

    pk: int
    id: str
    metadata: Json
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Backfill:
    state: Literal["pending", "completed", "failed"]
    updated_at: datetime
    docs_copied: int | None


@dataclass(frozen=True, slots=True)
class Webhook:
    id: str
    workspace_id: str
    url: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Observation:
    """What a peer's configuration in a session says; None leaves it to the peer and the defaults."""

    observe_me: bool | None = None
    observe_others: bool | None = None


class NewMessage(NamedTuple):
    peer_id: str
    content: str
    metadata: Json
    token_count: int
    created_at: int | None
    """Microseconds since 1970; None is the time of storing."""
    configuration: Json | None = None
    """What the caller wants for this message alone; it is heeded, not kept."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A call's name, what it gives, and for how many microseconds it is remembered."""

    key: str
    digest: bytes
    keep: int


@dataclass(frozen=True, slots=True)
class Change:
    """What a create or update call says about a resource; None leaves what is stored."""

    metadata: Json | None = None
    configuration: Json | None = None
    max_bytes: int | None = None
    """The largest configuration that a merge may result in, in bytes of JSON; None for any."""


@dataclass(frozen=True, slots=True)
class SessionChange(Change):
    """`peers` are added to the session, and it to `scopes`; neither is ever taken back by a change."""

    peers: Mapping[str, Observation] = field(default_factory=dict)
    scopes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """What a get-or-create call may do beyond reading. Without the right, it is refused only when it would do it."""

    create: bool = True
    change: bool = True


ANYTHING = Grant()


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    id: str
    workspace_id: str
    url: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class WorkCount:
    """How many units of work of some lot are in which state."""

    completed: int = 0
    """Done, or failed for good."""
    in_progress: int = 0
    pending: int = 0
    errored: int = 0
    """Failed for good."""
    due_at: datetime | None = None
    """When the first of those that are left is due."""
    error: str | None = None
    """Why one of them failed, the last time that it was tried."""

    @property
    def total(self) -> int:
        return self.completed + self.in_progress + self.pending


@dataclass(frozen=True, slots=True)
class OwedJob:
    """A job as its operator sees it."""

    pk: int
    kind: str
    workspace_id: str | None
    units: int
    attempts: int
    state: Literal["due", "waiting", "running", "failed"]
    due_at: datetime
    created_at: datetime
    error: str | None


@dataclass(frozen=True, slots=True)
class PageRequest:
    page: int = 1
    size: int = 50
    reverse: bool = False

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.size


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: Sequence[T]
    total: int
    request: PageRequest
