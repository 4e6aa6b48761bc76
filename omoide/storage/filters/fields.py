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


class Kind(StrEnum):
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
class Field:
    """One column: an SQL expression that can be compared without brackets, and its type."""

    sql: str
    kind: Kind
    nullable: bool = False
    values: tuple[str, ...] = ()
    """The sorted values of an ENUM."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one resource by their API names, including aliases."""

    resource: str
    by_name: Mapping[str, Field]
    refusal: str = "is not allowed to be filtered on or does not exist on"
    """Middle part of the error message for an unknown field."""


_WORKSPACE_ID = Field("w.id", Kind.TEXT)
_PEER_ID = Field("p.id", Kind.TEXT)
_SESSION_ID = Field("s.id", Kind.TEXT)
_OBSERVER_ID = Field("obr.id", Kind.TEXT)
_OBSERVED_ID = Field("obd.id", Kind.TEXT)

WORKSPACE_FIELDS = Fields(
    "Workspace",
    {
        "id": _WORKSPACE_ID,
        "workspace_id": _WORKSPACE_ID,
        "created_at": Field("w.created_at", Kind.DATETIME),
        "metadata": Field("w.metadata", Kind.METADATA),
    },
)

PEER_FIELDS = Fields(
    "Peer",
    {
        "id": _PEER_ID,
        "peer_id": _PEER_ID,
        "workspace_id": _WORKSPACE_ID,
        "created_at": Field("p.created_at", Kind.DATETIME),
        "metadata": Field("p.metadata", Kind.METADATA),
    },
)

SESSION_FIELDS = Fields(
    "Session",
    {
        "id": _SESSION_ID,
        "session_id": _SESSION_ID,
        "workspace_id": _WORKSPACE_ID,
        "created_at": Field("s.created_at", Kind.DATETIME),
        "metadata": Field("s.metadata", Kind.METADATA),
        "is_active": Field("(s.deleted_at IS NULL)", Kind.BOOLEAN),
    },
)

MESSAGE_FIELDS = Fields(
    "Message",
    {
        "id": Field("m.id", Kind.TEXT),
        "workspace_id": _WORKSPACE_ID,
        "session_id": _SESSION_ID,
        "peer_id": _PEER_ID,
        "content": Field("m.content", Kind.TEXT),
        "created_at": Field("m.created_at", Kind.DATETIME),
        "metadata": Field("m.metadata", Kind.METADATA),
        "token_count": Field("m.token_count", Kind.NUMBER),
    },
)

CONCLUSION_FIELDS = Fields(
    "Conclusion",
    {
        "id": Field("c.id", Kind.TEXT),
        "workspace_id": _WORKSPACE_ID,
        "session_id": Field("s.id", Kind.TEXT, nullable=True),
        "observer_id": _OBSERVER_ID,
        "observer": _OBSERVER_ID,
        "observed_id": _OBSERVED_ID,
        "observed": _OBSERVED_ID,
        "content": Field("c.content", Kind.TEXT),
        "level": Field("c.level", Kind.ENUM, values=LEVELS),
        "created_at": Field("c.created_at", Kind.DATETIME),
        "source_ids": Field("c.source_ids", Kind.TEXT_ARRAY, nullable=True),
        "times_derived": Field("c.times_derived", Kind.NUMBER),
    },
    refusal="does not exist on",
)
