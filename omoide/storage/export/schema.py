"""Schema of an exported workspace: JSON Lines, the header first. Documented in docs/reference/export-format.md.

Everything is referenced by its public id and never by a row number, so an export is independent of its database. A line
comes after the lines that it refers to. Times are microseconds since 1970, in UTC.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from omoide.core import json_codec
from omoide.core.json_limits import TooDeep, strip_nul
from omoide.core.records import Json, Level

FORMAT = 2
"""Version of the format. A program reads its own and all earlier ones. Version 1 had no stays."""

MOST_LINE_BYTES = 64_000_000
"""Limit for the length of a line, unless twice the limit of request bodies is larger."""

MOST_KINDS = 2
"""Maximum number of summary kinds in one job."""

_EXACT = ConfigDict(extra="forbid", strict=True)

Id = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{21}$")]
"""An id assigned by the server: see `omoide.core.clock`."""
Name = Annotated[str, Field(max_length=520)]
Instant = Annotated[int, Field(ge=-62_135_596_800_000_000, le=253_402_300_799_999_999)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Position = Annotated[int, Field(ge=1, le=2**53)]


@with_config(_EXACT)
class HeaderLine(TypedDict):
    """The first line. `counts` is the number of following lines by kind."""

    kind: Literal["header"]
    format: int
    program: str
    exported_at: Instant
    workspace: Name
    counts: dict[str, Count]


@with_config(_EXACT)
class WorkspaceLine(TypedDict):
    kind: Literal["workspace"]
    uid: Id
    metadata: Json
    configuration: Json
    created_at: Instant


@with_config(_EXACT)
class PeerLine(TypedDict):
    kind: Literal["peer"]
    id: Name
    uid: Id
    scope: bool
    metadata: Json
    configuration: Json
    created_at: Instant


@with_config(_EXACT)
class SessionLine(TypedDict):
    kind: Literal["session"]
    id: Name
    uid: Id
    metadata: Json
    configuration: Json
    created_at: Instant


@with_config(_EXACT)
class MemberLine(TypedDict):
    kind: Literal["member"]
    session: Name
    peer: Name
    joined_at: Instant
    left_at: Instant | None
    observe_me: bool | None
    observe_others: bool | None


@with_config(_EXACT)
class MessageLine(TypedDict):
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
class IntervalLine(TypedDict):
    """An interval of messages during which a peer was in a session; `last` is null while it is open."""

    kind: Literal["stay"]
    session: Name
    peer: Name
    first: Position
    last: Count | None


@with_config(_EXACT)
class ReceiptLine(TypedDict):
    """Messages that were stored under an idempotency key."""

    kind: Literal["receipt"]
    session: Name
    key: Annotated[str, Field(max_length=1_000)]
    digest: Annotated[str, Field(pattern="^([0-9a-f]{2}){1,64}$")]
    first_seq: Position
    count: Count
    created_at: Instant


@with_config(_EXACT)
class ConclusionLine(TypedDict):
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
    """Provenance of a conclusion. Other keys may hold any JSON."""

    message_ids: list[Id]
    origin: Id
    premises: list[str]
    sources: list[str]
    pattern_type: str | None
    confidence: str | None


@with_config(_EXACT)
class CardLine(TypedDict):
    kind: Literal["card"]
    observer: Name
    observed: Name
    lines: list[str]
    given: list[str]
    updated_at: Instant


@with_config(_EXACT)
class SummaryLine(TypedDict):
    kind: Literal["summary"]
    session: Name
    type: Literal["honcho_chat_summary_short", "honcho_chat_summary_long"]
    content: str
    message: Id
    seq: Position
    token_count: Count
    created_at: Instant


@with_config(_EXACT)
class DreamLine(TypedDict):
    """Number of new conclusions of a pair since its last dream."""

    kind: Literal["dream"]
    observer: Name
    observed: Name
    explicit_since: Count
    last_at: Instant | None


@with_config(_EXACT)
class BackfillLine(TypedDict):
    """Backfill state of a session in a scope. `scope` is the id of the scope's hidden peer."""

    kind: Literal["backfill"]
    scope: Name
    session: Name
    state: Literal["pending", "completed"]
    docs_copied: Count | None
    updated_at: Instant


@with_config(_EXACT)
class WebhookLine(TypedDict):
    kind: Literal["webhook"]
    id: Id
    url: Annotated[str, Field(max_length=2_048)]
    created_at: Instant


@with_config(_EXACT)
class JobLine(TypedDict):
    """A job that is pending or failed for good. `task` is its kind; `payload` refers to peers and sessions by id."""

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
"""Task → schema of its payload."""

Line = (
    WorkspaceLine
    | PeerLine
    | SessionLine
    | MemberLine
    | MessageLine
    | IntervalLine
    | ReceiptLine
    | ConclusionLine
    | CardLine
    | SummaryLine
    | DreamLine
    | BackfillLine
    | WebhookLine
    | JobLine
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
"""Kinds of lines, in the order of a file."""


class InvalidLine(ValueError):
    """A line that does not match the schema. The message has one line."""


def read_header(line: bytes) -> HeaderLine:
    """Parse the first line of a file. Raises InvalidLine."""
    found = _json(line)
    if found.get("kind") != "header" or not isinstance(found.get("format"), int):
        raise InvalidLine("not an Omoide export")
    if not 1 <= found["format"] <= FORMAT:
        raise InvalidLine(
            f"format {found['format']} is not supported; this version of Omoide reads formats up to {FORMAT}"
        )
    header: HeaderLine = _checked("header", found)
    if unknown := set(header["counts"]) - set(KINDS):
        raise InvalidLine(f"counts: unknown kind of line {min(unknown)!r}")
    return header


def read_line(line: bytes) -> Line:
    """Parse any line but the first. Raises InvalidLine."""
    found = _json(line)
    if found.get("kind") not in KINDS:
        raise InvalidLine(f"unknown kind of line {str(found.get('kind'))[:40]!r}")
    read: Line = _checked("line", found)
    if read["kind"] == "job":
        read["payload"] = _checked(read["task"], read["payload"])
    return read


def _json(line: bytes) -> dict[str, Any]:
    try:
        found = json_codec.loads(line)
    except ValueError as error:
        raise InvalidLine(f"invalid JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidLine("not a JSON object")
    if b"\\u0000" in line and _holds_nul(found):
        raise InvalidLine("contains a NUL character")
    return found


def _holds_nul(found: dict[str, Any]) -> bool:
    try:
        return bool(strip_nul(found) != found)
    except TooDeep:
        raise InvalidLine("nested too deeply") from None


def _checked(what: str, found: Any) -> Any:
    try:
        return _adapter(what).validate_python(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        # The first part of the location is the kind of line, which adds nothing.
        place = ".".join(str(part) for part in first["loc"] if part != found.get("kind"))
        raise InvalidLine(f"{place}: {first['msg']}" if place else first["msg"]) from error


@functools.cache
def _adapter(what: str) -> TypeAdapter[Any]:
    if what == "line":
        return TypeAdapter(Annotated[Line, Field(discriminator="kind")])
    return TypeAdapter(HeaderLine if what == "header" else PAYLOADS[what])
