"""The fields that a caller may filter on, for each resource, and their SQL expressions.

The SQL uses the aliases of the query that lists the resource: `w` workspaces, `p` peers, `s` sessions, `m` messages,
`c` conclusions, and for conclusions `obr` and `obd`, the rows of the observer and of the observed. That query must join
all tables that its fields use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

LEVELS = ("contradiction", "deductive", "explicit", "inductive")


class FieldType(StrEnum):
    """The type of a column; the values are used in error messages."""

    TEXT = "text"
    ENUM = "enum"
    """Text from a fixed list."""
    DATETIME = "datetime"
    """INTEGER microseconds since 1970-01-01 UTC."""
    NUMBER = "number"
    """INTEGER."""
    BOOLEAN = "boolean"
    """1 or 0."""
    TEXT_ARRAY = "array"
    """A JSON array of strings, as text."""
    METADATA = "metadata"
    """A JSON object, as text."""


@dataclass(frozen=True, slots=True)
class FilterField:
    """One column: an SQL expression that can be compared without brackets, and its type."""

    sql: str
    kind: FieldType
    nullable: bool = False
    values: tuple[str, ...] = ()
    """The sorted values of an ENUM."""


@dataclass(frozen=True, slots=True)
class FilterFields:
    """The fields of one resource by their API names, including aliases."""

    resource: str
    by_name: Mapping[str, FilterField]
    refusal: str = "is not allowed to be filtered on or does not exist on"
    """Middle part of the error message for an unknown field."""


_WORKSPACE_ID = FilterField("w.id", FieldType.TEXT)
_PEER_ID = FilterField("p.id", FieldType.TEXT)
_SESSION_ID = FilterField("s.id", FieldType.TEXT)
_OBSERVER_ID = FilterField("obr.id", FieldType.TEXT)
_OBSERVED_ID = FilterField("obd.id", FieldType.TEXT)

WORKSPACE_FIELDS = FilterFields(
    "Workspace",
    {
        "id": _WORKSPACE_ID,
        "workspace_id": _WORKSPACE_ID,
        "created_at": FilterField("w.created_at", FieldType.DATETIME),
        "metadata": FilterField("w.metadata", FieldType.METADATA),
    },
)

PEER_FIELDS = FilterFields(
    "Peer",
    {
        "id": _PEER_ID,
        "peer_id": _PEER_ID,
        "workspace_id": _WORKSPACE_ID,
        "created_at": FilterField("p.created_at", FieldType.DATETIME),
        "metadata": FilterField("p.metadata", FieldType.METADATA),
    },
)

SESSION_FIELDS = FilterFields(
    "Session",
    {
        "id": _SESSION_ID,
        "session_id": _SESSION_ID,
        "workspace_id": _WORKSPACE_ID,
        "created_at": FilterField("s.created_at", FieldType.DATETIME),
        "metadata": FilterField("s.metadata", FieldType.METADATA),
        "is_active": FilterField("CASE WHEN s.deleted_at IS NULL THEN 1 ELSE 0 END", FieldType.BOOLEAN),
    },
)

MESSAGE_FIELDS = FilterFields(
    "Message",
    {
        "id": FilterField("m.id", FieldType.TEXT),
        "workspace_id": _WORKSPACE_ID,
        "session_id": _SESSION_ID,
        "peer_id": _PEER_ID,
        "content": FilterField("m.content", FieldType.TEXT),
        "created_at": FilterField("m.created_at", FieldType.DATETIME),
        "metadata": FilterField("m.metadata", FieldType.METADATA),
        "token_count": FilterField("m.token_count", FieldType.NUMBER),
    },
)

CONCLUSION_FIELDS = FilterFields(
    "Conclusion",
    {
        "id": FilterField("c.id", FieldType.TEXT),
        "workspace_id": _WORKSPACE_ID,
        "session_id": FilterField("s.id", FieldType.TEXT, nullable=True),
        "observer_id": _OBSERVER_ID,
        "observer": _OBSERVER_ID,
        "observed_id": _OBSERVED_ID,
        "observed": _OBSERVED_ID,
        "content": FilterField("c.content", FieldType.TEXT),
        "level": FilterField("c.level", FieldType.ENUM, values=LEVELS),
        "created_at": FilterField("c.created_at", FieldType.DATETIME),
        "source_ids": FilterField("c.source_ids", FieldType.TEXT_ARRAY, nullable=True),
        "times_derived": FilterField("c.times_derived", FieldType.NUMBER),
    },
    refusal="does not exist on",
)
