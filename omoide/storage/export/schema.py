"""Schema of an exported workspace: JSON Lines, the header first. Documented in docs/reference/export-format.md.

One table, `KINDS`, defines every kind of line: its fields, their valid values and the columns that store them. Reading,
writing and validation follow from it. Everything is referenced by its public id and never by a row number, so an
export is independent of its database. A line comes after the lines that it refers to. Times are microseconds since
1970, in UTC.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import orjson
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from omoide.core import json_codec
from omoide.core.json_limits import TooDeep, cleaned, strip_nul, validate_metadata
from omoide.core.records import Ending, Json, Level
from omoide.storage import rows
from omoide.storage.column_validation import fields
from omoide.storage.dialect import greatest

FORMAT = 3
"""Version of the format. A program reads its own and all earlier ones. Version 1 had no stays, version 2 no ended
conclusions, no links, topics, aliases and visits, and none of the fields in `_ADDED`."""

_ADDED: Mapping[str, Json] = {
    "session": {"message_count": 0},
    "message": {"utc_offset": None},
    "conclusion": dict.fromkeys(("valid_from", "valid_until", "ended_at", "ended_as", "successor")),
}
"""Kind → fields that version 3 added, with their values in earlier files."""

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

Line = Json
"""A validated line: the fields of its kind, and `kind`."""


@with_config(_EXACT)
class HeaderLine(TypedDict):
    """The first line. `counts` is the number of following lines by kind."""

    kind: Literal["header"]
    format: int
    program: str
    exported_at: Instant
    workspace: Name
    counts: dict[str, Count]


@with_config(ConfigDict(extra="allow", strict=True))
class Details(TypedDict, total=False):
    """Provenance of a conclusion. Other keys may hold any JSON."""

    message_ids: list[Id]
    origin: Id
    premises: list[str]
    sources: list[str]
    pattern_type: str | None
    confidence: str | None


@dataclass(frozen=True, slots=True)
class Column:
    """The type of a field, and how the column that stores it is written to a file and read back.

    `to_file` and `to_row` are not applied to null.
    """

    type: Any
    name: str = ""
    """The column, if it is not named like the field."""
    refers_to: Literal["id", "ids", "details", "session", "peer", "person", "scope", "conclusion", "message"] | None = (
        None
    )
    """Ids assigned by the server, or a row with this id. A person is a peer that is not the hidden peer of a scope."""
    to_file: Callable[[Any], Any] | None = None
    to_row: Callable[[Any], Any] | None = None
    sql: str = ""
    """The expression to export, if it is not the column itself."""
    is_optional: bool = False

    @property
    def table(self) -> str | None:
        """The table that the column references."""
        return _TABLES.get(self.refers_to or "")

    def stored_as(self, table: str, field: str) -> str:
        """The column of this field of a table, in the form that `rows.mended` expects."""
        return f"{self.table}.id?" if self.table else "" if self.sql else f"{table}.{self.name or field}"

    def stored(self, value: Any) -> Any:
        return value if value is None or self.to_row is None else self.to_row(value)


_TABLES = {
    "session": "sessions", "peer": "peers", "person": "peers", "scope": "peers", "conclusion": "conclusions",
    "message": "messages",
}  # fmt: skip


def _embedded(type: Any, to_text: Callable[[Any], str], refers_to: Any = None) -> Column:
    return Column(type, refers_to=refers_to, to_file=orjson.Fragment, to_row=to_text)


def _texts(values: list[str]) -> str:
    return orjson.dumps(values).decode()


_TYPES: Mapping[str, Column] = {
    "id": Column(Id, refers_to="id"),
    "name": Column(Name),
    "names": Column(list[Name]),
    "text": Column(str),
    "time": Column(Instant),
    "count": Column(Count),
    "position": Column(Position),
    "ended_at": Column(Instant, "deleted_at"),
    "ending": Column(Ending),
    "offset": Column(Annotated[int, Field(ge=-1_439, le=1_439)]),
    "topic": Column(Annotated[int, Field(ge=-(2**63), lt=2**63)]),
    "conclusion": Column(Id, refers_to="conclusion"),
    "message": Column(Id, refers_to="message"),
    "flag": Column(bool, to_file=bool, to_row=int),
    "json": Column(Json),
    "session": Column(Name, refers_to="session"),
    "peer": Column(Name, refers_to="peer"),
    "person": Column(Name, refers_to="person"),
    "scope": Column(Name, refers_to="scope"),
    "metadata": _embedded(Json, lambda value: rows.to_text(validate_metadata(value, ("metadata",)))),
    "configuration": _embedded(Json, lambda value: rows.to_text(cleaned(value, ("configuration",)))),
    "texts": _embedded(list[str], _texts),
    "ids": _embedded(list[Id], _texts, "ids"),
    "details": _embedded(Details, rows.to_text, "details"),
    "is_scope": Column(
        bool, "kind", to_file=lambda kind: kind == "scope", to_row=lambda scope: ("peer", "scope")[scope]
    ),
    "key": Column(Annotated[str, Field(max_length=1_000)]),
    "digest": Column(Annotated[str, Field(pattern="^([0-9a-f]{2}){1,64}$")], to_file=bytes.hex, to_row=bytes.fromhex),
    "level": Column(Level),
    "summary_type": Column(Literal["honcho_chat_summary_short", "honcho_chat_summary_long"], "kind"),
    "summary_kinds": Column(Annotated[list[Literal["short", "long"]], Field(max_length=MOST_KINDS)]),
    "state": Column(Literal["pending", "completed"]),
    "url": Column(Annotated[str, Field(max_length=2_048)]),
    "dream_type": Column(Literal["omni", "card_refresh"]),
    "task": Column(
        Literal["representation", "summary", "dream", "scope_backfill", "scope_removal", "deliver_webhook"], "kind"
    ),
    # A running job is exported as not begun.
    "attempts": Column(Count, sql=greatest("0", "t.attempts - CASE WHEN t.leased_until IS NULL THEN 0 ELSE 1 END")),
}


def _columns(text: str) -> dict[str, Column]:
    columns = {}
    for name, type, is_optional in fields(text):
        column = _TYPES[type]
        columns[name] = replace(column, type=column.type | None, is_optional=True) if is_optional else column
    return columns


class Kind:
    """A kind of line: the table that stores it, its columns by the names of the fields, and the rows to export.

    `where` and `order` are SQL in which `t` is the table and :workspace the row of the workspace; a table that a column
    references is named like the field.
    """

    def __init__(self, table: str, columns: str, where: str = "t.workspace = :workspace", order: str = "t.pk") -> None:
        self.table, self.columns, self.where, self.order = table, _columns(columns), where, order
        self.has_workspace = "t.workspace" in where
        self.converted = [(field, column.to_file) for field, column in self.columns.items() if column.to_file]
        self.stored_as = [column.stored_as(table, field) for field, column in self.columns.items()]
        """As `rows.mended` expects."""


_OF_SESSION, _OF_OBSERVER = "session.workspace = :workspace", "observer.workspace = :workspace"
_KEPT = "({0}.deleted_at IS NULL OR {0}.ended_as IS NOT NULL)"
"""A conclusion that is current or ended, and not deleted."""
_OF_CONCLUSION = f"""conclusion.workspace = :workspace AND {_KEPT.format("conclusion")}
    AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.pk = conclusion.session AND s.deleted_at IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM peers p WHERE p.pk IN (conclusion.observer, conclusion.observed)
        AND p.kind = 'deleted')"""
_OF_MESSAGE = """NOT EXISTS (SELECT 1 FROM sessions s, peers p WHERE s.pk = message.session AND p.pk = message.peer
        AND (s.deleted_at IS NOT NULL OR p.kind = 'deleted'))"""
_OWNED = "uid:id {}metadata configuration created_at:time"

KINDS: Mapping[str, Kind] = {
    "workspace": Kind("workspaces", _OWNED.format(""), "t.pk = :workspace"),
    "peer": Kind(
        "peers", f"id:name {_OWNED.format('scope:is_scope ')}", "t.workspace = :workspace AND t.kind <> 'deleted'"
    ),
    "alias": Kind("peer_aliases", "id:name peer? is_kept:flag merged_at:time", order="t.id"),
    "session": Kind(
        "sessions",
        f"id:name {_OWNED.format('')} message_count:count",
        "t.workspace = :workspace AND t.deleted_at IS NULL",
    ),
    "member": Kind(
        "members",
        "session peer joined_at:time left_at:time? observe_me:flag? observe_others:flag?",
        _OF_SESSION,
        "t.session, t.peer",
    ),
    "visit": Kind("visits", "session peer joined_at:time? left_at:time? added_by:text? removed_by:text?", _OF_SESSION),
    "message": Kind(
        "messages",
        "id session seq:position peer:person content:text metadata token_count:count muted:flag created_at:time"
        " utc_offset:offset?",
        "+t.workspace = :workspace",  # the unary plus makes SQLite read the rows in row order, without sorting
    ),
    "stay": Kind("stays", "session peer first:position last:count?", _OF_SESSION, "t.session, t.peer, t.first"),
    "receipt": Kind(
        "receipts",
        "session key digest first_seq:position count created_at:time",
        _OF_SESSION,
        "t.session, t.key",
    ),
    "conclusion": Kind(
        "conclusions",
        """id observer:peer observed:person session? content:text level source_ids:ids? details times_derived:position
            said_at:time created_at:time valid_from:time? valid_until:time? ended_at? ended_as:ending? successor:id?""",
        f"+t.workspace = :workspace AND {_KEPT.format('t')} AND session.deleted_at IS NULL",
    ),
    "link": Kind(
        "conclusion_messages",
        "conclusion message",
        f"{_OF_CONCLUSION} AND {_OF_MESSAGE}",
        "t.conclusion, t.message",
    ),
    "topic": Kind(
        "conclusion_topics",
        "observer:peer observed:person topic conclusion",
        _OF_CONCLUSION,
        "t.conclusion, t.topic",
    ),
    "card": Kind(
        "cards",
        "observer:peer observed:name lines:texts given:texts updated_at:time",
        _OF_OBSERVER,
        "t.observer, t.observed",
    ),
    "summary": Kind(
        "summaries",
        "session type:summary_type content:text message:id seq:position token_count:count created_at:time",
        _OF_SESSION,
        "t.session, t.kind",
    ),
    "dream": Kind(
        "dreams",
        "observer:peer observed:person explicit_since:count last_at:time?",
        _OF_OBSERVER,
        "t.observer, t.observed",
    ),
    "backfill": Kind(
        "backfills",
        "scope session state docs_copied:count? updated_at:time",
        "scope.workspace = :workspace",
        "t.scope, t.session",
    ),
    "webhook": Kind("webhooks", "id url created_at:time"),
    "job": Kind(
        "jobs",
        "task payload:json created_at:time due_at:time attempts units:count grows:flag error:text? failed_at:time?",
    ),
}
"""Kind → definition, in the order of a file. Jobs that are pending or failed for good are exported; the payload refers
to peers and sessions by id."""

PAYLOADS: Mapping[str, Mapping[str, Column]] = {
    "representation": _columns(
        "session:name observed:name observers:names configuration:json first:position through:position tokens:count"
    ),
    "summary": _columns("session:name through:position kinds:summary_kinds instructions:text?"),
    "dream": _columns("type:dream_type observer:name observed:name session:name? rebuild:flag automatic:flag"),
    "scope_backfill": _columns("scope:name session:name"),
    "scope_removal": _columns("scope:name session:name"),
    "deliver_webhook": _columns("endpoint:id delivery:text type:text data:json"),
}
"""Task → the members of its payload."""


class InvalidLine(ValueError):
    """A line that does not match the schema. The message has one line."""


class NotHeader(InvalidLine):
    """The first line of a file that Omoide has not exported."""


def read_header(line: bytes) -> HeaderLine:
    """Parse the first line of a file. Raises InvalidLine; NotHeader if Omoide has not written it."""
    try:
        parsed = _json(line)
    except InvalidLine as error:
        raise NotHeader(f"not an Omoide export: {error}") from error
    if parsed.get("kind") != "header" or not isinstance(parsed.get("format"), int):
        raise NotHeader("not an Omoide export")
    if not 1 <= parsed["format"] <= FORMAT:
        raise InvalidLine(
            f"format {parsed['format']} is not supported; this version of Omoide reads formats up to {FORMAT}"
        )
    header: HeaderLine = _checked("header", parsed)
    if unknown := set(header["counts"]) - set(KINDS):
        raise InvalidLine(f"counts: unknown kind of line {min(unknown)!r}")
    return header


def read_line(line: bytes, format: int = FORMAT) -> Line:
    """Parse any line but the first, of a file in this format. Raises InvalidLine."""
    parsed = _json(line)
    kind = parsed.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InvalidLine(f"unknown kind of line {str(kind)[:40]!r}")
    read: Line = _checked(kind, parsed if format > 2 else _ADDED.get(kind, {}) | parsed)
    if kind == "conclusion":  # in the order of the file: validation sorts the known keys first
        read["details"] = {key: read["details"][key] for key in parsed["details"]}
    if kind == "job":
        read["payload"] = _checked(f"job.{read['task']}", read["payload"])
    return read


def _json(line: bytes) -> Json:
    try:
        parsed = json_codec.loads(line)
    except ValueError as error:
        raise InvalidLine(f"invalid JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise InvalidLine("not a JSON object")
    if b"\\u0000" in line and _holds_nul(parsed):
        raise InvalidLine("contains a NUL character")
    return parsed


def _holds_nul(parsed: Json) -> bool:
    try:
        return bool(strip_nul(parsed) != parsed)
    except TooDeep:
        raise InvalidLine("nested too deeply") from None


def _checked(what: str, value: Json) -> Any:
    try:
        return _adapter(what).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = ".".join(map(str, first["loc"]))
        raise InvalidLine(f"{path}: {first['msg']}" if path else first["msg"]) from error


@functools.cache
def _adapter(what: str) -> TypeAdapter[Any]:
    """Validation of the header, a kind of line, or `job.` and the task of a payload."""
    if what == "header":
        return TypeAdapter(HeaderLine)
    _, _, task = what.partition(".")
    columns = PAYLOADS[task] if task else {"kind": _TYPES["text"], **KINDS[what].columns}
    typed_dict: Any = TypedDict
    return TypeAdapter(with_config(_EXACT)(typed_dict(what, {name: column.type for name, column in columns.items()})))
