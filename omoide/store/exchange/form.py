"""The form of an exported workspace: one JSON object a line, the header first.

docs/reference/export-format.md documents it. References are by name and never by row number, so a line means the same
in every database. A line comes after those that it refers to. Times are microseconds since 1970, in UTC.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from omoide import json_text
from omoide.metadata import TooDeep, without_nul
from omoide.records import Json, Level

FORMAT = 2
"""The number of this form. A program reads its own and all before it. The first had no stays."""

MOST_LINE_BYTES = 64_000_000
"""The longest line that is read, unless request bodies may be half as long."""

MOST_KINDS = 2
"""Kinds of summaries that one job makes, at the most."""

_EXACT = ConfigDict(extra="forbid", strict=True)

Id = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{21}$")]
"""One that the server gave: see `omoide.clock`."""
Name = Annotated[str, Field(max_length=520)]
Instant = Annotated[int, Field(ge=-62_135_596_800_000_000, le=253_402_300_799_999_999)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Position = Annotated[int, Field(ge=1, le=2**53)]


@with_config(_EXACT)
class Header(TypedDict):
    """What stands in the first line. `counts` says how many lines of each kind follow."""

    kind: Literal["header"]
    format: int
    program: str
    exported_at: Instant
    workspace: Name
    counts: dict[str, Count]


@with_config(_EXACT)
class Workspace(TypedDict):
    kind: Literal["workspace"]
    uid: Id
    metadata: Json
    configuration: Json
    created_at: Instant


@with_config(_EXACT)
class Peer(TypedDict):
    kind: Literal["peer"]
    id: Name
    uid: Id
    scope: bool
    metadata: Json
    configuration: Json
    created_at: Instant


@with_config(_EXACT)
class Session(TypedDict):
    kind: Literal["session"]
    id: Name
    uid: Id
    metadata: Json
    configuration: Json
    created_at: Instant


@with_config(_EXACT)
class Member(TypedDict):
    kind: Literal["member"]
    session: Name
    peer: Name
    joined_at: Instant
    left_at: Instant | None
    observe_me: bool | None
    observe_others: bool | None


@with_config(_EXACT)
class Message(TypedDict):
    kind: Literal["message"]
    id: Id
    session: Name
    seq: Position
    peer: Name
    content: str
    metadata: Json
    token_count: Count
    muted: bool
    created_at: Instant


@with_config(_EXACT)
class Stay(TypedDict):
    """From which message to which a peer was in a session; `last` is null while it is in it."""

    kind: Literal["stay"]
    session: Name
    peer: Name
    first: Position
    last: Count | None


@with_config(_EXACT)
class Receipt(TypedDict):
    """That messages were stored under an idempotency key."""

    kind: Literal["receipt"]
    session: Name
    key: Annotated[str, Field(max_length=1_000)]
    digest: Annotated[str, Field(pattern="^([0-9a-f]{2}){1,64}$")]
    first_seq: Position
    count: Count
    created_at: Instant


@with_config(_EXACT)
class Conclusion(TypedDict):
    kind: Literal["conclusion"]
    id: Id
    observer: Name
    observed: Name
    session: Name | None
    content: str
    level: Level
    source_ids: list[Id] | None
    details: Details
    times_derived: Position
    said_at: Instant
    created_at: Instant


@with_config(ConfigDict(extra="allow", strict=True))
class Details(TypedDict, total=False):
    """What a conclusion knows of how it came about; of other keys only that they are JSON."""

    message_ids: list[Id]
    origin: Id
    premises: list[str]
    sources: list[str]
    pattern_type: str | None
    confidence: str | None


@with_config(_EXACT)
class Card(TypedDict):
    kind: Literal["card"]
    observer: Name
    observed: Name
    lines: list[str]
    given: list[str]
    updated_at: Instant


@with_config(_EXACT)
class Summary(TypedDict):
    kind: Literal["summary"]
    session: Name
    type: Literal["honcho_chat_summary_short", "honcho_chat_summary_long"]
    content: str
    message: Id
    seq: Position
    token_count: Count
    created_at: Instant


@with_config(_EXACT)
class Dream(TypedDict):
    """What a pair has learned since its last dream."""

    kind: Literal["dream"]
    observer: Name
    observed: Name
    explicit_since: Count
    last_at: Instant | None


@with_config(_EXACT)
class Backfill(TypedDict):
    """How far a scope is with what was known of a session that entered it. `scope` is the hidden peer."""

    kind: Literal["backfill"]
    scope: Name
    session: Name
    state: Literal["pending", "completed"]
    docs_copied: Count | None
    updated_at: Instant


@with_config(_EXACT)
class Webhook(TypedDict):
    kind: Literal["webhook"]
    id: Id
    url: Annotated[str, Field(max_length=2_048)]
    created_at: Instant


@with_config(_EXACT)
class Job(TypedDict):
    """Work that is owed, or that failed for good. `task` is its kind; `payload` names peers and sessions."""

    kind: Literal["job"]
    task: Literal["representation", "summary", "dream", "scope_backfill", "scope_removal", "deliver_webhook"]
    payload: Json
    created_at: Instant
    due_at: Instant
    attempts: Count
    units: Count
    grows: bool
    error: str | None
    failed_at: Instant | None


@with_config(_EXACT)
class RepresentationPayload(TypedDict):
    session: Name
    observed: Name
    observers: list[Name]
    configuration: Json
    first: Position
    through: Position
    tokens: Count


@with_config(_EXACT)
class SummaryPayload(TypedDict):
    session: Name
    through: Position
    kinds: Annotated[list[Literal["short", "long"]], Field(max_length=MOST_KINDS)]
    instructions: str | None


@with_config(_EXACT)
class DreamPayload(TypedDict):
    type: Literal["omni", "card_refresh"]
    observer: Name
    observed: Name
    session: Name | None
    rebuild: bool
    automatic: bool


@with_config(_EXACT)
class ScopePayload(TypedDict):
    scope: Name
    session: Name


@with_config(_EXACT)
class DeliveryPayload(TypedDict):
    endpoint: Id
    delivery: str
    type: str
    data: Json


PAYLOADS: Mapping[str, Any] = {
    "representation": RepresentationPayload,
    "summary": SummaryPayload,
    "dream": DreamPayload,
    "scope_backfill": ScopePayload,
    "scope_removal": ScopePayload,
    "deliver_webhook": DeliveryPayload,
}
"""Task → what its payload holds."""

Line = (
    Workspace
    | Peer
    | Session
    | Member
    | Message
    | Stay
    | Receipt
    | Conclusion
    | Card
    | Summary
    | Dream
    | Backfill
    | Webhook
    | Job
)

KINDS = (
    "workspace",
    "peer",
    "session",
    "member",
    "message",
    "stay",
    "receipt",
    "conclusion",
    "card",
    "summary",
    "dream",
    "backfill",
    "webhook",
    "job",
)
"""Of lines, in the order in which they stand in a file."""


class BadLine(ValueError):
    """A line that is not of this form. The text says in one line what is wrong."""


def read_header(line: bytes) -> Header:
    """The first line of a file. Raises BadLine."""
    found = _json(line)
    if found.get("kind") != "header" or not isinstance(found.get("format"), int):
        raise BadLine("this is no workspace that Omoide exported")
    if not 1 <= found["format"] <= FORMAT:
        raise BadLine(f"it has format {found['format']}; this version of Omoide reads formats up to {FORMAT}")
    header: Header = _checked("header", found)
    if unknown := set(header["counts"]) - set(KINDS):
        raise BadLine(f"counts: there are no lines of the kind {min(unknown)!r}")
    return header


def read_line(line: bytes) -> Line:
    """Any line but the first. Raises BadLine."""
    found = _json(line)
    if found.get("kind") not in KINDS:
        raise BadLine(f"there are no lines of the kind {str(found.get('kind'))[:40]!r}")
    read: Line = _checked("line", found)
    if read["kind"] == "job":
        read["payload"] = _checked(read["task"], read["payload"])
    return read


def _json(line: bytes) -> dict[str, Any]:
    try:
        found = json_text.loads(line)
    except ValueError as error:
        raise BadLine(f"this is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadLine("this is no JSON object")
    if b"\\u0000" in line and _holds_nul(found):
        raise BadLine("it holds a NUL character")
    return found


def _holds_nul(found: dict[str, Any]) -> bool:
    try:
        return bool(without_nul(found) != found)
    except TooDeep:
        raise BadLine("it is nested too deeply") from None


def _checked(what: str, found: Any) -> Any:
    try:
        return _adapter(what).validate_python(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        # The first part of the place is the kind of line, for which the sentence stands already.
        place = ".".join(str(part) for part in first["loc"] if part != found.get("kind"))
        raise BadLine(f"{place}: {first['msg']}" if place else first["msg"]) from error


@functools.cache
def _adapter(what: str) -> TypeAdapter[Any]:
    if what == "line":
        return TypeAdapter(Annotated[Line, Field(discriminator="kind")])
    return TypeAdapter(Header if what == "header" else PAYLOADS[what])
