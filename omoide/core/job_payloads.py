"""The kinds of background jobs, and a record for the payload of each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self

Json = dict[str, Any]

MOST_NUMBER = 2**63 - 1
MOST_TOKENS = 2**53
"""More tokens than any text has; a larger value is invalid."""


class JobKind(StrEnum):
    REPRESENTATION = "representation"
    SUMMARY = "summary"
    DREAM = "dream"
    DELIVER_WEBHOOK = "deliver_webhook"
    PURGE_SESSION = "purge_session"
    PURGE_WORKSPACE = "purge_workspace"
    PURGE_PEER = "purge_peer"
    PURGE_CONCLUSIONS = "purge_conclusions"
    SCOPE_BACKFILL = "scope_backfill"
    SCOPE_REMOVAL = "scope_removal"
    MERGE_PEERS = "merge_peers"
    REBUILD_WORDS = "rebuild_words"
    EMBED = "embed"
    ERASE = "erase"
    FILL_TOPICS = "fill_topics"
    CONVERT_WORDS = "convert_words"


REASONING = (JobKind.REPRESENTATION, JobKind.SUMMARY, JobKind.DREAM)
"""Kinds of jobs that callers may wait for: they are counted in the queue status and run in order within their key."""
IN_ORDER = (*REASONING, JobKind.ERASE, JobKind.REBUILD_WORDS, JobKind.CONVERT_WORDS)
"""Kinds that run in order within their key, also while the first waits for its next slice or retry."""
IN_WORKSPACE = frozenset(
    {*REASONING, JobKind.DELIVER_WEBHOOK, JobKind.SCOPE_BACKFILL, JobKind.SCOPE_REMOVAL, JobKind.MERGE_PEERS}
)
"""Kinds that need a workspace."""


class InvalidPayload(Exception):
    """A stored payload is invalid. The message says why."""


@dataclass(frozen=True, slots=True)
class Payload:
    """Base of all payloads. A field without a default is required; an invalid value of another is as if missing."""

    @classmethod
    def from_json(cls, stored: object) -> Self:
        """Validate a stored payload. Raises InvalidPayload."""
        if not isinstance(stored, dict):
            raise InvalidPayload("its payload is not a JSON object")
        values = {}
        for name, type_, default in _fields(cls):
            value = stored.get(name, MISSING)
            fault = _fault(name, type_, value)
            if fault is None:
                values[name] = value
            elif default is MISSING:
                raise InvalidPayload(fault)
        made = cls(**values)
        if fault := made.inconsistency(stored):
            raise InvalidPayload(fault)
        return made

    def to_json(self) -> Json:
        """The payload as it is stored: without fields that have their default."""
        return {name: value for name, _, default in _fields(type(self)) if (value := getattr(self, name)) != default}

    def inconsistency(self, stored: Json) -> str | None:
        """Why fields that are valid by themselves do not fit together; None if they do."""


_FIELDS: dict[type[Payload], tuple[tuple[str, str, Any], ...]] = {}


def _fields(record: type[Payload]) -> tuple[tuple[str, str, Any], ...]:
    """Name, type as written, and default of each field."""
    if record not in _FIELDS:
        _FIELDS[record] = tuple((each.name, str(each.type), each.default) for each in fields(record))
    return _FIELDS[record]


_TYPES: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "int": (int,),
    "int | None": (int, type(None)),
    "bool": (bool,),
    "Json": (dict,),
    "Sequence[str]": (list,),
    "Sequence[int]": (list,),
}
_ITEMS = {"Sequence[str]": str, "Sequence[int]": int}


def _fault(name: str, type_: str, value: object) -> str | None:
    if value is MISSING:
        return f"its payload lacks {name}"
    if type(value) not in _TYPES[type_] or (type(value) is int and not 0 <= value <= MOST_NUMBER):
        return f"{name} in its payload has the wrong type or range"
    if isinstance(value, list) and {*map(type, value)} - {_ITEMS[type_]}:
        return f"{name} in its payload has an item of the wrong type"
    return None


@dataclass(frozen=True, slots=True)
class WorkUnit(Payload):
    """Unit of reasoning work: consecutive messages of one peer in one session, processed as one job.

    Until a worker claims the job, further messages of the peer are appended to it, provided that observers and
    configuration are the same; otherwise a new unit is started. A unit therefore never has to be split, and decisions
    made when a message was stored hold until it is processed.
    """

    session: str
    session_pk: int
    observed: str
    observed_pk: int
    observers: Sequence[str]
    observer_pks: Sequence[int]
    """Primary keys in the order of `observers`. Scopes are looked up when the job runs."""
    configuration: Json
    """Result of `config_resolution.as_json`."""
    first: int
    """Position of the first message in the session; `through` is that of the last."""
    through: int
    tokens: int

    @property
    def key(self) -> str:
        return f"{self.session_pk}:{self.observed_pk}"

    def inconsistency(self, stored: Json) -> str | None:
        if len(stored) > len(_fields(WorkUnit)):
            return "its payload has unknown fields"
        if len(self.observers) != len(self.observer_pks):
            return "observers and observer_pks in its payload differ in length"
        return None

    def joined_to(self, stored: Json) -> WorkUnit | None:
        """Return this unit appended to a stored payload; None if that is not possible.

        It is not possible if observers or configuration differ, or `first` or `tokens` of the payload are invalid. The
        other fields are taken from this unit, so invalid values in them are repaired.
        """
        first, tokens = stored.get("first"), stored.get("tokens")
        if stored.get("observer_pks") != self.observer_pks or stored.get("configuration") != self.configuration:
            return None
        if (
            type(first) is not int
            or type(tokens) is not int
            or not 0 <= first <= self.first
            or not 0 <= tokens < MOST_TOKENS
        ):
            return None
        return self.spanning(first, self.through, tokens + self.tokens)

    def spanning(self, first: int, through: int, tokens: int) -> WorkUnit:
        """Return the unit with other messages. `dataclasses.replace` would take three times as long."""
        return WorkUnit(
            self.session,
            self.session_pk,
            self.observed,
            self.observed_pk,
            self.observers,
            self.observer_pks,
            self.configuration,
            first,
            through,
            tokens,
        )

    def rest(self, first: int) -> WorkUnit | None:
        """Return the unit from a position on; None if it is empty."""
        return replace(self, first=first) if first <= self.through else None


@dataclass(frozen=True, slots=True)
class SummaryPayload(Payload):
    """Renew summaries of a session up to the message at `through`."""

    session: str
    session_pk: int
    through: int
    kinds: Sequence[str]
    instructions: str | None


@dataclass(frozen=True, slots=True)
class DreamPayload(Payload):
    observer: str
    observed: str
    session: str | None
    type: str
    rebuild: bool = False
    """Rebuild the card from the conclusions alone."""
    automatic: bool = False
    """Not requested by a caller."""


@dataclass(frozen=True, slots=True)
class DeliveryPayload(Payload):
    """An event for a webhook endpoint. `delivery` identifies it to the receiver."""

    endpoint: str
    delivery: str
    type: str
    data: Json


@dataclass(frozen=True, slots=True)
class SessionPurge(Payload):
    session: int


@dataclass(frozen=True, slots=True)
class WorkspacePurge(Payload):
    workspace: int


@dataclass(frozen=True, slots=True)
class PeerPurge(Payload):
    peer: int


@dataclass(frozen=True, slots=True)
class ScopeChange(Payload):
    """A session that was added to a scope or removed from it (rows)."""

    scope: int
    session: int
    after: int = 0
    """The last conclusion (row) copied."""


@dataclass(frozen=True, slots=True)
class PeerMerge(Payload):
    """A peer (row) that is being merged into another."""

    old: int
    into: int
    session: int = 0
    """Session (row) of the last message that was moved, and its position."""
    position: int = 0


@dataclass(frozen=True, slots=True)
class IndexRebuild(Payload):
    """A full-text index to rebuild, with the last row done and the last row to do once it is emptied."""

    index: str
    after: int | None = None
    through: int | None = None


@dataclass(frozen=True, slots=True)
class IndexConversion(Payload):
    """A full-text index of an older file whose entries are to be given their new form."""

    index: str


@dataclass(frozen=True, slots=True)
class TopicFill(Payload):
    """Conclusions (rows) after one and through another that may lack topics."""

    after: int
    through: int


@dataclass(frozen=True, slots=True)
class Erasure(Payload):
    page: int | None = None
    """The page of the file to continue with. Deletions in the meantime enqueue another job."""


PAYLOADS: Mapping[str, type[Payload]] = {
    JobKind.REPRESENTATION: WorkUnit,
    JobKind.SUMMARY: SummaryPayload,
    JobKind.DREAM: DreamPayload,
    JobKind.DELIVER_WEBHOOK: DeliveryPayload,
    JobKind.PURGE_SESSION: SessionPurge,
    JobKind.PURGE_WORKSPACE: WorkspacePurge,
    JobKind.PURGE_PEER: PeerPurge,
    JobKind.PURGE_CONCLUSIONS: Payload,
    JobKind.SCOPE_BACKFILL: ScopeChange,
    JobKind.SCOPE_REMOVAL: ScopeChange,
    JobKind.MERGE_PEERS: PeerMerge,
    JobKind.REBUILD_WORDS: IndexRebuild,
    JobKind.EMBED: Payload,
    JobKind.ERASE: Erasure,
    JobKind.FILL_TOPICS: TopicFill,
    JobKind.CONVERT_WORDS: IndexConversion,
}


def payload_error(kind: str, payload: object) -> str | None:
    """Why a payload is invalid for a kind of job; None if it is valid."""
    try:
        PAYLOADS.get(kind, Payload).from_json(payload)
    except InvalidPayload as fault:
        return str(fault)
    return None


def job_error(kind: str, payload: object, workspace: int | None) -> str | None:
    """Why a job cannot run. `workspace` is the row of its workspace, None if that does not exist."""
    return workspace_error(kind, workspace) or payload_error(kind, payload)


def workspace_error(kind: str, workspace: int | None) -> str | None:
    return "its workspace does not exist" if workspace is None and kind in IN_WORKSPACE else None
