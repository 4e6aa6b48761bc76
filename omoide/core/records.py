"""Immutable records that are passed between packages, named as in the API.

`pk` is a row's primary key and is never exposed; `id` is the id that the caller chose; `uid` is a unique id assigned by
the server. Messages are named tuples because they come by the hundred, and those are created three times as fast.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, TypeVar

T = TypeVar("T")
N = TypeVar("N", bound=tuple[Any, ...])
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Workspace:
    pk: int
    id: str
    uid: str
    metadata: Json
    configuration: Json
    created_at: int


@dataclass(frozen=True, slots=True)
class Peer:
    pk: int
    id: str
    uid: str
    workspace_id: str
    metadata: Json
    configuration: Json
    created_at: int


@dataclass(frozen=True, slots=True)
class Session:
    pk: int
    id: str
    uid: str
    workspace_id: str
    metadata: Json
    configuration: Json
    created_at: int
    is_active: bool = True


class Message(NamedTuple):
    id: str
    session_id: str
    workspace_id: str
    peer_id: str
    content: str
    metadata: Json
    token_count: int
    created_at: int
    utc_offset: int | None = None
    """Minutes east of UTC of `created_at` as the caller gave it: the speaker's zone. None: unknown."""


Level = Literal["explicit", "deductive", "inductive", "contradiction"]


Ending = Literal["superseded", "invalid", "merged"]
"""Why a conclusion is no longer current: it ceased to hold, it was never true, or another one says the same."""
Effect = Literal["superseded", "invalid"]
"""What a newer statement says about an older one: that it no longer holds, or that it was never true."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """A statement about the observed peer that the observer holds true."""

    pk: int
    id: str
    content: str
    observer_id: str
    observed_id: str
    session_id: str | None
    level: Level
    source_ids: Sequence[str] | None
    times_derived: int
    said_at: int
    """When its source was said; for conclusions created by callers, the creation time."""
    created_at: int
    details: Json
    """`premises`, `sources`, `pattern_type`, `confidence`: additional fields of derived conclusions; `message_ids`:
    the newest messages behind an explicit one; `utc_offset`: of the newest of these, unless it is 0; `reason`: why a
    caller corrected it; `corrects`: the id of the conclusion that a caller corrected with this one; `source`,
    `source_key`, `metadata`: of one that was imported from another memory."""
    valid_from: int | None = None
    valid_until: int | None = None
    """When it holds in the world, as far as that is known; the end is exclusive."""
    ended_at: int | None = None
    """When it was learned that it is not, or no longer, true. None: it is current."""
    ended_as: Ending | None = None
    successor: str | None = None
    """The id of the conclusion that took its place."""

    @property
    def message_ids(self) -> list[str]:
        """The newest messages behind an explicit conclusion."""
        ids = self.details.get("message_ids")
        return [id for id in ids if isinstance(id, str)] if isinstance(ids, list) else []

    @property
    def utc_offset(self) -> int | None:
        """Minutes east of UTC where it was said. None: UTC, or unknown."""
        offset = self.details.get("utc_offset")
        return offset if isinstance(offset, int) else None

    @property
    def is_correction(self) -> bool:
        """Whether a caller wrote it in the place of another."""
        return "corrects" in self.details


@dataclass(frozen=True, slots=True)
class Moment:
    """The time that a read of memory is about, in microseconds. Without either instant, it is about now."""

    as_of: int | None = None
    """Only what was known then."""
    valid_at: int | None = None
    """Only what held then, in the world."""


NOW = Moment()


@dataclass(frozen=True, slots=True)
class NewConclusion:
    content: str
    observer_id: str
    observed_id: str
    session_id: str | None
    valid_from: int | None = None
    valid_until: int | None = None
    topics: frozenset[str] = frozenset()
    said_at: int | None = None
    """When its source was said; None for the time of storage."""
    details: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fact:
    """A self-contained statement about a peer, extracted from the peer's messages."""

    content: str
    message_ids: tuple[str, ...]
    """The source messages, all of the observed peer."""
    said_at: int
    """The time of the newest source message."""
    valid_from: int | None = None
    valid_until: int | None = None
    """When it holds in the world, as far as the text says so; the end is exclusive."""
    topics: frozenset[str] = frozenset()
    """What it is about. It can supersede only conclusions that share a topic."""
    corrects: tuple[str, ...] = ()
    """Contents of conclusions that it corrects: they were never true."""
    replaces: tuple[str, ...] = ()
    """Contents of conclusions that no longer hold, according to it."""
    repeats: tuple[str, ...] = ()
    """Contents of conclusions that say the same."""
    utc_offset: int | None = None
    """Minutes east of UTC of `said_at`, as in `Message`."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A conclusion derived from others. `source_ids` are ids of conclusions of the same pair: at least one, at least
    two for a contradiction."""

    level: Literal["deductive", "inductive", "contradiction"]
    content: str
    source_ids: tuple[str, ...]
    details: Json = field(default_factory=dict)
    """As in `Conclusion`: `premises` (texts) of deductive ones; `sources` (texts) of the others; `pattern_type` and
    `confidence` of inductive ones."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Equivalent conclusions of one level (and, if explicit, one session): `kept` replaces `dropped` and adds up their
    counts."""

    kept: str
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Replacement:
    """Two explicit conclusions of a pair, by their ids: `old` was true until `new` took its place."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Summary:
    content: str
    message_id: str
    """The last message that it covers."""
    seq: int
    """The position of that message in the session."""
    summary_type: str
    created_at: int
    token_count: int


@dataclass(frozen=True, slots=True)
class Scope:
    """`pk` is the row of the scope's hidden peer."""

    pk: int
    id: str
    metadata: Json
    created_at: int


@dataclass(frozen=True, slots=True)
class Backfill:
    state: Literal["pending", "completed", "failed"]
    updated_at: int
    docs_copied: int | None


@dataclass(frozen=True, slots=True)
class Observation:
    """A peer's configuration in a session; None falls back to the peer and the defaults."""

    observe_me: bool | None = None
    observe_others: bool | None = None


new_tuple: Callable[[type[N], tuple[Any, ...]], N] = tuple.__new__
"""As a call of the class, without Python-level calls: for what is made in large numbers."""


class NewMessage(NamedTuple):
    peer_id: str
    content: str
    metadata: Json
    token_count: int
    created_at: int | None
    """Microseconds since 1970; None for the time of storage."""
    configuration: Json | None = None
    """Overrides for this message only; applied, not stored."""
    utc_offset: int | None = None
    """As in `Message`."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The idempotency key of a call, the digest of its body, and its retention in microseconds."""

    key: str
    digest: bytes
    keep: int


class MessageBatch(NamedTuple):
    """Messages for one session, which are stored all or none. A call with an idempotency key stores them once."""

    workspace_id: str
    session_id: str
    messages: Sequence[NewMessage]
    idempotency: Idempotency | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The fields of a create or update call; None keeps the stored value."""

    metadata: Json | None = None
    configuration: Json | None = None
    max_bytes: int | None = None
    """The maximum size of the merged configuration in bytes of JSON; None for no limit."""

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing, whatever is stored."""
        return self.metadata is None and self.configuration is None


@dataclass(frozen=True, slots=True)
class SessionChange(Change):
    """`peers` are added to the session, and the session to `scopes`; a change never removes either."""

    peers: Mapping[str, Observation] = field(default_factory=dict)
    scopes: Sequence[str] = ()
    max_observers: int | None = None
    """The maximum number of members that observe others; None for no limit."""

    @property
    def is_empty(self) -> bool:
        return not self.peers and not self.scopes and self.metadata is None and self.configuration is None


@dataclass(frozen=True, slots=True)
class Grant:
    """Permissions of a get-or-create call beyond reading. A missing permission matters only if it would be used."""

    create: bool = True
    change: bool = True


ANYTHING = Grant()


@dataclass(frozen=True, slots=True)
class Visit:
    """A stay of a peer in a session. Microseconds since 1970; None: unknown, or not over yet.

    `added_by` and `removed_by` describe the caller as `auth.name_of`; None if it was not recorded.
    """

    joined_at: int | None
    left_at: int | None
    added_by: str | None
    removed_by: str | None


@dataclass(frozen=True, slots=True)
class MergeProgress:
    """The state of a merge of peers, and what has not moved yet."""

    state: Literal["planned", "running", "completed"]
    messages: int = 0
    sessions: int = 0
    conclusions: int = 0
    cards: int = 0


@dataclass(frozen=True, slots=True)
class WorkCount:
    """Numbers of work units by state."""

    completed: int = 0
    """Done or permanently failed."""
    in_progress: int = 0
    pending: int = 0
    errored: int = 0
    """Permanently failed."""
    due_at: int | None = None
    """When the next of the remaining units is due."""
    error: str | None = None
    """The last error of one of them."""

    @property
    def total(self) -> int:
        return self.completed + self.in_progress + self.pending


@dataclass(frozen=True, slots=True)
class PendingJob:
    """A job as shown to the operator."""

    pk: int
    kind: str
    workspace_id: str | None
    units: int
    attempts: int
    state: Literal["due", "waiting", "running", "failed", "paused"]
    due_at: int
    created_at: int
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
