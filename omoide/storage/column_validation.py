"""Validation rules for each column of each table, and replacements for invalid values.

One table of rules serves reading rows (`rows`), finding damage (`damage`), repairing it (`repair`) and the tests that
damage each column. SQLite itself accepts any value in any column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import orjson
from pydantic_core import from_json

from omoide.core.clock import ID_LENGTH, LAST_OF_IDS, derived_id

Value = int | float | str | bytes | None
"""A value as SQLite returns it. `readable_or_bytes` returns text that is not UTF-8 as bytes, `readable` with U+FFFD."""

FIRST_SAID, LAST_SAID = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999, in microseconds since 1970."""
MOST = 2**53
"""The largest count: JSON readers that use doubles lose digits beyond it."""

_id = re.compile(r"[A-Za-z0-9_-]{21}").fullmatch
_name = re.compile(r"(scope\.)?[a-zA-Z0-9_-]{1,512}").fullmatch


@dataclass(frozen=True, slots=True)
class Rule:
    """The valid values of one column: `what` describes them, `types` are their Python types."""

    what: str
    types: frozenset[type]
    admits: Callable[[Any], bool]
    mend: Callable[[Value], Any]
    """The replacement for an invalid value."""
    refers_to: str | None = None
    """The table that the column references; without the referenced row, this row cannot be kept."""


def readable(raw: bytes) -> str:
    """Decode stored text, with U+FFFD for bytes that are not UTF-8: a `text_factory`."""
    return raw.decode(errors="replace")


def readable_or_bytes(raw: bytes) -> str | bytes:
    """As `readable`, but text that is not UTF-8 stays bytes, so that it can be reported."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def as_text(value: Value) -> str:
    if isinstance(value, bytes):
        return readable(value)
    return "" if value is None else str(value)


def _parsed(value: Value) -> Any:
    """The parsed JSON text; None if it is invalid."""
    for read in (orjson.loads, from_json):  # the second parser accepts texts that the first does not
        try:
            return read(as_text(value))
        except ValueError:
            continue
    return None


def _is_texts(value: Value) -> bool:
    found = _parsed(value) if type(value) is str else None
    return isinstance(found, list) and all(type(each) is str for each in found)


def _texts_of(value: Value) -> str:
    found = _parsed(value)
    return orjson.dumps([each for each in found if type(each) is str] if isinstance(found, list) else []).decode()


def _object_of(value: Value) -> str:
    return as_text(value) if isinstance(_parsed(value), dict) else "{}"


def _text(what: str, fits: Callable[[str], object], mend: Callable[[Value], str] = as_text) -> Rule:
    return Rule(what, frozenset({str}), lambda value: type(value) is str and bool(fits(value)), mend)


def whole(least: int, most: int, usual: int | None = None, what: str | None = None) -> Rule:
    """Integers from `least` to `most`; anything that is not a number is replaced by `usual`, or by `least`."""

    def mend(value: Value) -> int:
        if isinstance(value, int | float) and not math.isnan(value):
            return int(max(least, min(most, value)))
        return least if usual is None else usual

    def admits(value: Any) -> bool:
        return type(value) is int and least <= value <= most

    return Rule(what or f"a whole number from {least} to {most}", frozenset({int}), admits, mend)


def one_of(values: tuple[str, ...]) -> Rule:
    """One of several texts; the first one replaces invalid values."""
    return _text(f"one of {', '.join(values)}", values.__contains__, lambda value: values[0])


def optional(rule: Rule) -> Rule:
    """The same rule, but NULL is valid as well."""

    def admits(value: Any) -> bool:
        return value is None or rule.admits(value)

    return replace(rule, types=rule.types | {type(None)}, admits=admits)


def row_of(table: str) -> Rule:
    """A reference to a row of another table."""
    return replace(whole(1, 2**63 - 1, 0, f"the number of a row of {table}"), refers_to=table)


def _id_of(value: Value) -> str:
    """A stable id derived from the damaged one, so that the row can be read and exported."""
    return derived_id("-" * ID_LENGTH, as_text(value))


ID = _text("an id", _id, _id_of)
NAME = _text("an id that a caller may choose", _name, lambda value: f"damaged-{_id_of(value)}")
TEXT = _text("text", lambda value: True)
OBJECT = _text("a JSON object", lambda value: value == "{}" or isinstance(_parsed(value), dict), _object_of)
TEXTS = Rule("a JSON list of texts", frozenset({str}), _is_texts, _texts_of)
TIME = whole(0, LAST_OF_IDS, what="a time from 1970 to 2109")
SAID_AT = whole(FIRST_SAID, LAST_SAID, 0, "a time in the years 1 to 9999")
COUNT = whole(0, MOST)
POSITION = whole(1, MOST)
FLAG = whole(0, 1)
ANY_NUMBER = whole(-(2**63), 2**63 - 1, 0, "a whole number")
BLOB = Rule("bytes", frozenset({bytes}), lambda value: type(value) is bytes, lambda value: as_text(value).encode())

_OWNED = {"uid": ID, "metadata": OBJECT, "configuration": OBJECT, "created_at": TIME}
_VECTOR = {"vector": BLOB}

RULES: Mapping[str, Mapping[str, Rule]] = {
    "workspaces": {"id": NAME, **_OWNED, "deleted_at": optional(TIME)},
    "peers": {"workspace": row_of("workspaces"), "id": NAME, **_OWNED, "kind": one_of(("peer", "scope"))},
    "sessions": {
        "workspace": row_of("workspaces"),
        "id": NAME,
        **_OWNED,
        "deleted_at": optional(TIME),
        "message_count": COUNT,
        "last_said_at": optional(SAID_AT),
    },
    "said_order": {"session": row_of("sessions"), "created_at": SAID_AT, "seq": POSITION},
    "members": {
        "session": row_of("sessions"),
        "peer": row_of("peers"),
        "joined_at": TIME,
        "left_at": optional(TIME),
        "observe_me": optional(FLAG),
        "observe_others": optional(FLAG),
    },
    "stays": {
        "session": row_of("sessions"),
        "peer": row_of("peers"),
        "first": POSITION,
        "last": optional(COUNT),
    },
    "messages": {
        "id": ID,
        "workspace": row_of("workspaces"),
        "session": row_of("sessions"),
        "seq": POSITION,
        "peer": row_of("peers"),
        "content": TEXT,
        "metadata": OBJECT,
        "token_count": COUNT,
        "created_at": SAID_AT,
        "muted": FLAG,
    },
    "receipts": {
        "session": row_of("sessions"),
        "key": TEXT,
        "digest": BLOB,
        "first_seq": POSITION,
        "count": COUNT,
        "created_at": TIME,
    },
    "conclusions": {
        "id": ID,
        "workspace": row_of("workspaces"),
        "observer": row_of("peers"),
        "observed": row_of("peers"),
        "session": optional(row_of("sessions")),
        "content": TEXT,
        "level": one_of(("explicit", "deductive", "inductive", "contradiction")),
        "source_ids": optional(TEXTS),
        "details": OBJECT,
        "times_derived": POSITION,
        "said_at": SAID_AT,
        "created_at": TIME,
        "deleted_at": optional(TIME),
        "same": optional(ANY_NUMBER),
    },
    "cards": {"observer": row_of("peers"), "observed": TEXT, "lines": TEXTS, "given": TEXTS, "updated_at": TIME},
    "summaries": {
        "session": row_of("sessions"),
        "kind": _text(
            "the kind of a summary",
            ("honcho_chat_summary_short", "honcho_chat_summary_long").__contains__,
        ),
        "content": TEXT,
        "message": ID,
        "seq": POSITION,
        "token_count": COUNT,
        "created_at": TIME,
    },
    "dreams": {
        "observer": row_of("peers"),
        "observed": row_of("peers"),
        "explicit_since": COUNT,
        "last_at": optional(TIME),
    },
    "backfills": {
        "scope": row_of("peers"),
        "session": row_of("sessions"),
        "state": one_of(("pending", "completed")),
        "docs_copied": optional(COUNT),
        "updated_at": TIME,
    },
    "webhooks": {"id": ID, "workspace": row_of("workspaces"), "url": TEXT, "created_at": TIME},
    "jobs": {
        "kind": TEXT,
        "payload": OBJECT,
        "created_at": TIME,
        "due_at": TIME,
        "attempts": COUNT,
        "leased_until": optional(TIME),
        "error": optional(TEXT),
        "workspace": optional(row_of("workspaces")),
        "key": optional(TEXT),
        "failed_at": optional(TIME),
        "units": COUNT,
        "grows": FLAG,
        "led": FLAG,
    },
    "shares": {"used": COUNT, "ready": FLAG, "due_at": optional(TIME)},
    "done": {
        "workspace": row_of("workspaces"),
        "kind": TEXT,
        "session": TEXT,
        "observed": TEXT,
        "observers": TEXTS,
        "units": COUNT,
        "updated_at": TIME,
    },
    "embedder": {
        "one": whole(1, 1),
        "name": TEXT,
        "dimensions": whole(1, 65_536),
        "messages_through": COUNT,
        "conclusions_through": COUNT,
        "messages_signed": COUNT,
        "conclusions_signed": COUNT,
        "late": COUNT,
    },
    "refused_texts": {
        "source": one_of(("messages", "conclusions")),
        "pk": POSITION,
        "error": TEXT,
        "refused_at": TIME,
        "due": FLAG,
    },
    "message_vectors": _VECTOR,
    "conclusion_vectors": _VECTOR,
    "segments": {
        "workspace": row_of("workspaces"),
        "source": one_of(("messages", "conclusions")),
        "first": POSITION,
        "last": POSITION,
        "size": whole(1, MOST),
        "rows": BLOB,
    },
}
"""Table → column → rule. Row numbers (`pk`) are omitted: SQLite guarantees that they are integers."""


def sound(column: str, value: Any) -> Any:
    """The value of `table.column`, or its replacement if it is invalid."""
    rule = rule_of(column)
    return value if rule.admits(value) else rule.mend(value)


@cache
def rule_of(column: str) -> Rule:
    """The rule of `table.column`; `table.column?` accepts NULL as well, for outer joins."""
    table, _, name = column.partition(".")
    return optional(RULES[table][name[:-1]]) if name.endswith("?") else RULES[table][name]
