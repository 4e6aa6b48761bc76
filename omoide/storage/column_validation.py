"""Validation rules for each column of each table, and replacements for invalid values.

One table of rules serves reading rows (`rows`), finding damage (`damage`), repairing it (`repair`) and the tests that
damage each column. SQLite itself accepts any value in any column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import orjson
from pydantic_core import from_json

from omoide.core.clock import FIRST, ID_LENGTH, LAST, LAST_OF_IDS, derived_id
from omoide.core.usage import COUNTS

Value = int | float | str | bytes | None
"""A value as SQLite returns it. `readable_or_bytes` returns text that is not UTF-8 as bytes, `readable` with U+FFFD."""

MOST = 2**53
"""The largest count: JSON readers that use doubles lose digits beyond it."""

_id = re.compile(r"[A-Za-z0-9_-]{21}").fullmatch
_NAME = r"(scope\.)?[a-zA-Z0-9_-]{1,512}"
_name = re.compile(_NAME).fullmatch
_peer_name = re.compile(rf"(~[A-Za-z0-9_-]{{21}})?{_NAME}").fullmatch


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
PEER_NAME = _text(NAME.what, _peer_name, NAME.mend)  # a deleted peer's begins with more: see `peer_deletion`
TEXT = _text("text", lambda value: True)
OBJECT = _text("a JSON object", lambda value: value == "{}" or isinstance(_parsed(value), dict), _object_of)
TEXTS = Rule("a JSON list of texts", frozenset({str}), _is_texts, _texts_of)
TIME = whole(0, LAST_OF_IDS, what="a time from 1970 to 2109")
SAID_AT = whole(FIRST, LAST, 0, "a time in the years 1 to 9999")
COUNT = whole(0, MOST)
POSITION = whole(1, MOST)
FLAG = whole(0, 1)
BLOB = Rule("bytes", frozenset({bytes}), lambda value: type(value) is bytes, lambda value: as_text(value).encode())

_TYPES: Mapping[str, Rule] = {
    "id": ID,
    "name": NAME,
    "peer_name": PEER_NAME,
    "text": TEXT,
    "object": OBJECT,
    "texts": TEXTS,
    "time": TIME,
    "said_at": SAID_AT,
    "count": COUNT,
    "position": POSITION,
    "flag": FLAG,
    "number": whole(-(2**63), 2**63 - 1, 0, "a whole number"),
    "one": whole(1, 1),
    "dimensions": whole(1, 65_536),
    "offset": whole(-1_439, 1_439, 0, "minutes east of UTC"),
    "bytes": BLOB,
    "peer_kind": one_of(("peer", "scope", "deleted", "merged")),
    "level": one_of(("explicit", "deductive", "inductive", "contradiction")),
    "ending": one_of(("superseded", "invalid", "merged")),
    "summary_kind": _text(
        "the kind of a summary", ("honcho_chat_summary_short", "honcho_chat_summary_long").__contains__
    ),
    "state": one_of(("pending", "completed")),
    "source": one_of(("messages", "conclusions")),
    **{table: row_of(table) for table in ("workspaces", "peers", "sessions", "messages", "conclusions")},
}


def fields(text: str) -> Iterator[tuple[str, str, bool]]:
    """Parse names, each followed by `:` and its type unless that is called the same, and by `?` if it may be null."""
    for each in text.split():
        name, _, type = each.rstrip("?").partition(":")
        yield name, type or name, each.endswith("?")


def _rules(text: str) -> Mapping[str, Rule]:
    return {name: optional(_TYPES[type]) if may_be_null else _TYPES[type] for name, type, may_be_null in fields(text)}


_OWNED = "uid:id metadata:object configuration:object created_at:time"
_USAGE = " ".join(f"{name}:count" for name in COUNTS)

RULES: Mapping[str, Mapping[str, Rule]] = {
    "workspaces": _rules(f"id:name {_OWNED} deleted_at:time?"),
    "peers": _rules(f"workspace:workspaces id:peer_name {_OWNED} kind:peer_kind"),
    "sessions": _rules(
        f"""workspace:workspaces id:name {_OWNED} deleted_at:time? message_count:count last_said_at:said_at?
        removed:count"""
    ),
    "said_order": _rules("session:sessions created_at:said_at seq:position"),
    "members": _rules("session:sessions peer:peers joined_at:time left_at:time? observe_me:flag? observe_others:flag?"),
    "stays": _rules("session:sessions peer:peers first:position last:count?"),
    "visits": _rules("session:sessions peer:peers joined_at:time? left_at:time? added_by:text? removed_by:text?"),
    "peer_aliases": _rules("workspace:workspaces id:name peer:peers? is_kept:flag merged_at:time"),
    "messages": _rules(
        """id workspace:workspaces session:sessions seq:position peer:peers content:text metadata:object
        token_count:count created_at:said_at muted:flag utc_offset:offset?"""
    ),
    "receipts": _rules("session:sessions key:text digest:bytes first_seq:position count created_at:time"),
    "conclusions": _rules(
        """id workspace:workspaces observer:peers observed:peers session:sessions? content:text level
        source_ids:texts? details:object times_derived:position said_at created_at:time deleted_at:time?
        same:number? valid_from:said_at? valid_until:said_at? ended_as:ending? successor:id?"""
    ),
    "conclusion_messages": _rules("message:messages conclusion:conclusions"),
    "conclusion_topics": _rules("observer:peers observed:peers topic:number conclusion:conclusions"),
    "cards": _rules("observer:peers observed:text lines:texts given:texts updated_at:time"),
    "summaries": _rules(
        """session:sessions kind:summary_kind content:text message:id seq:position token_count:count
        created_at:time"""
    ),
    "dreams": _rules("observer:peers observed:peers explicit_since:count last_at:time?"),
    "backfills": _rules("scope:peers session:sessions state docs_copied:count? updated_at:time"),
    "webhooks": _rules(
        "id workspace:workspaces url:text created_at:time tried_at:time? status:count? error:text? failures:count"
    ),
    "jobs": _rules(
        """kind:text payload:object created_at:time due_at:time attempts:count leased_until:time? error:text?
        workspace:workspaces? key:text? failed_at:time? units:count grows:flag led:flag"""
    ),
    "shares": _rules("used:count ready:flag due_at:time?"),
    "done": _rules(
        """workspace:workspaces kind:text session:text observed:text observers:texts units:count
        updated_at:time"""
    ),
    "model_usage": _rules(f"day:count workspace:workspaces task:text model:text {_USAGE}"),
    "usage_totals": _rules(f"task:text model:text {_USAGE}"),
    "budget_pauses": _rules("workspace:workspaces until:time"),
    "embedder": _rules(
        """one name:text dimensions messages_through:count conclusions_through:count messages_signed:count
        conclusions_signed:count late:count"""
    ),
    "refused_texts": _rules("source pk:position error:text refused_at:time due:flag"),
    "message_vectors": _rules("vector:bytes"),
    "conclusion_vectors": _rules("vector:bytes"),
    "reindexing": _rules("words:text after:count through:count"),
    "segments": _rules("workspace:workspaces source first:position last:position size:position rows:bytes"),
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
