"""The fields that a caller may filter on, for each resource, and their SQL expressions.

The SQL uses the aliases of the query that lists the resource: `w` workspaces, `p` peers, `s` sessions, `m` messages,
`c` conclusions, and for conclusions `obr` and `obd`, the rows of the observer and of the observed. That query must join
all tables that its fields use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from omoide.storage.dialect import ORDERED_JOIN, unnest

LEVELS = ("contradiction", "deductive", "explicit", "inductive")
STATUSES = ("current", "invalid", "merged", "superseded")


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
    LINK = "link"
    """The ids of the rows of another table that a row is linked to: a condition holds if it does for one of them."""
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
    holders: str = ""
    """For a TEXT_ARRAY that is stored in another table: SQL that selects the row numbers `sql` of those that contain
    all items of a bound list, given the list and the number of its items. For a LINK: of those that are linked to any
    of a bound list."""
    linked: str = ""
    """For a LINK: the condition that there is one."""


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

_OF_MESSAGES = f"""SELECT x.conclusion FROM {unnest("text", "wanted")}
    {ORDERED_JOIN} messages y ON y.id = wanted.value {ORDERED_JOIN} conclusion_messages x ON x.message = y.pk
    GROUP BY x.conclusion HAVING count(DISTINCT y.id) = ?"""
_OF_ANY_MESSAGE = f"""SELECT x.conclusion FROM {unnest("text", "wanted")}
    {ORDERED_JOIN} messages y ON y.id = wanted.value {ORDERED_JOIN} conclusion_messages x ON x.message = y.pk"""
_HAS_MESSAGE = "EXISTS (SELECT 1 FROM conclusion_messages x WHERE x.conclusion = c.pk)"

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
        "status": FilterField("coalesce(c.ended_as, 'current')", FieldType.ENUM, values=STATUSES),
        "said_at": FilterField("c.said_at", FieldType.DATETIME),
        "valid_from": FilterField("c.valid_from", FieldType.DATETIME, nullable=True),
        "valid_until": FilterField("c.valid_until", FieldType.DATETIME, nullable=True),
        "ended_at": FilterField("c.deleted_at", FieldType.DATETIME, nullable=True),
        "superseded_by": FilterField("c.successor", FieldType.TEXT, nullable=True),
        "message_ids": FilterField("c.pk", FieldType.TEXT_ARRAY, holders=_OF_MESSAGES),
        "message_id": FilterField("c.pk", FieldType.LINK, holders=_OF_ANY_MESSAGE, linked=_HAS_MESSAGE),
    },
    refusal="does not exist on",
)
