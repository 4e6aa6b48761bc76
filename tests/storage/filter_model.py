"""Reference implementation of filters in plain Python, on rows in API form; the SQL is compared with it.

Written from the rules of the filter language alone: it shares nothing with the code it checks, is slow, and takes
only filters that are allowed. A row is a dict of wire names; times are microseconds since 1970 UTC.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

Row = Mapping[str, Any]

SYNONYMS = {
    "Workspace": {"workspace_id": "id"},
    "Peer": {"peer_id": "id"},
    "Session": {"session_id": "id"},
    "Message": {},
    "Conclusion": {"observer": "observer_id", "observed": "observed_id"},
}
NUMBERS = ("token_count", "times_derived")
TIMES = ("created_at", "said_at", "valid_from", "valid_until", "ended_at")
ARRAYS = ("source_ids", "message_ids")
OPERATORS = ("gte", "lte", "gt", "lt", "ne", "in", "contains", "icontains")


def matches(resource: str, filters: Any, row: Row) -> bool:
    """Whether the filter matches the row."""
    return filters is None or _filter(resource, filters, row) is not False


def _filter(resource: str, filters: Any, row: Row) -> bool | None:
    """True or False, or None if the filter is empty."""
    said = [verdict for key in filters if (verdict := _part(resource, key, filters[key], row)) is not None]
    return all(said) if said else None


def _part(resource: str, key: str, value: Any, row: Row) -> bool | None:
    if key in ("AND", "OR", "NOT"):
        said = [verdict for branch in value if (verdict := _filter(resource, branch, row)) is not None]
        if not said:
            return None
        return {"AND": all(said), "OR": any(said), "NOT": not any(said)}[key]
    name = SYNONYMS[resource].get(key, key)
    if name == "metadata":
        return _metadata(value, row["metadata"])
    if name == "message_id":
        return _linked(value, row["message_ids"])
    return _column(name, value, row[name])


# Columns


def _column(name: str, operand: Any, stored: Any) -> bool:
    if operand == "*":
        return True
    if isinstance(operand, dict):
        return all(_column_operator(name, operator, value, stored) for operator, value in operand.items())
    return _one_of(name, operand, stored) if isinstance(operand, list) else _same(name, operand, stored)


def _column_operator(name: str, operator: str, operand: Any, stored: Any) -> bool:
    if operand == "*":
        return True
    if operator in ("ne", "in"):
        return not _same(name, operand, stored) if operator == "ne" else _one_of(name, operand, stored)
    if stored is None:
        return False
    if operator in ("contains", "icontains"):
        if name in ARRAYS:
            return set([operand] if isinstance(operand, str) else operand) <= set(stored)
        return as_text(operand).casefold() in stored.casefold()
    return _ordered(operator, _typed(name, stored), _typed(name, operand))


def _linked(operand: Any, ids: Any) -> bool:
    if isinstance(operand, dict):
        return all(_linked_operator(operator, value, ids) for operator, value in operand.items())
    if isinstance(operand, list):
        return any(_linked(each, ids) for each in operand)
    return operand == "*" or (not ids if operand is None else operand in ids)


def _linked_operator(operator: str, operand: Any, ids: Any) -> bool:
    return operand == "*" or _linked(operand, ids) is not (operator == "ne")


def _same(name: str, operand: Any, stored: Any) -> bool:
    if operand is None or stored is None:
        return operand is stored
    return bool(_typed(name, operand) == _typed(name, stored))


def _one_of(name: str, operands: Any, stored: Any) -> bool:
    return any(operand == "*" or _same(name, operand, stored) for operand in operands)


def _typed(name: str, value: Any) -> Any:
    if name in NUMBERS:
        return Fraction(value)
    if name in TIMES:
        return value if isinstance(value, int) else _microseconds(value)
    return value


def _microseconds(text: str) -> int:
    moment = datetime.fromisoformat(text.strip())
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _ordered(operator: str, left: Any, right: Any) -> bool:
    verdicts = {"gt": left > right, "gte": left >= right, "lt": left < right, "lte": left <= right}
    return bool(verdicts[operator])


# Metadata

MISSING = object()


def _metadata(operand: Any, document: Any) -> bool | None:
    if operand == "*":
        return True
    if operand is None or isinstance(operand, list):
        return False
    if not operand:
        return None
    if any(key in OPERATORS for key in operand):
        return operand["contains"] == "*" or holds(document, operand["contains"])
    return all(_key(value, document.get(key, MISSING)) for key, value in operand.items())


def _key(operand: Any, value: Any) -> bool:
    if operand == "*":
        return True
    if isinstance(operand, dict) and operand:
        if any(key in OPERATORS for key in operand):
            return all(_key_operator(operator, wanted, value) for operator, wanted in operand.items())
        inside = value if isinstance(value, dict) else {}
        return all(_key(wanted, inside.get(key, MISSING)) for key, wanted in operand.items())
    return holds(value, operand)


def _key_operator(operator: str, operand: Any, value: Any) -> bool:
    if operand == "*" or (operator == "in" and "*" in operand):
        return True
    if operator == "ne":
        unset = value is MISSING or value is None
        return not unset if operand is None else unset or not _compares("eq", value, operand)
    if value is MISSING or value is None:
        return False
    if operator == "in":
        return as_text(value) in [as_text(item) for item in operand if item is not None]
    if operator in ("contains", "icontains"):
        return as_text(operand).casefold() in as_text(value).casefold() or _has_member(value, operand)
    return _compares(operator, value, operand)


def _has_member(value: Any, operand: Any) -> bool:
    if isinstance(value, list):
        return holds(value, operand if isinstance(operand, list) else [operand])
    return isinstance(value, dict) and holds(value, operand)


def _compares(operator: str, value: Any, operand: Any) -> bool:
    left: Any
    right: Any
    if isinstance(operand, bool) or as_number(operand) is None:
        left, right = as_text(value), as_text(operand)
    else:
        left, right = None if isinstance(value, bool) else as_number(value), as_number(operand)
        if left is None:
            return False
    return bool(left == right) if operator == "eq" else _ordered(operator, left, right)


def holds(whole: Any, part: Any) -> bool:
    """JSON containment."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and holds(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return isinstance(whole, list) and all(any(holds(item, wanted) for item in whole) for wanted in part)
    if isinstance(part, int | float) and not isinstance(part, bool):
        return isinstance(whole, int | float) and not isinstance(whole, bool) and as_number(whole) == as_number(part)
    return type(whole) is type(part) and bool(whole == part)


def as_number(value: Any) -> int | float | None:
    """A JSON number or a numeric string as a number, with exact integers; None for anything else."""
    if isinstance(value, str):
        text = value.strip(" \t\n\v\f\r")
        if not text or set(text) - set("0123456789+-.eE"):
            return None
        try:
            value = int(text) if set(text) <= set("0123456789+-") else float(text)
        except ValueError:
            return None
    return value if isinstance(value, int | float) else None


def as_text(value: Any) -> str:
    """The text form of a JSON value."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(as_number(value))
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
