"""Invalid filters with their error messages, and execution of the largest valid filters."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from omoide.core.errors import InvalidFields, Unprocessable
from omoide.storage.filters import compile_filters
from omoide.storage.filters.fields import (
    CONCLUSION_FIELDS,
    MESSAGE_FIELDS,
    PEER_FIELDS,
    SESSION_FIELDS,
    WORKSPACE_FIELDS,
)
from omoide.storage.filters.values import MAX_SHOWN
from tests.storage.filter_database import DRIVERS, FilterDatabase

FIELDS = {
    fields.resource: fields
    for fields in (WORKSPACE_FIELDS, PEER_FIELDS, SESSION_FIELDS, MESSAGE_FIELDS, CONCLUSION_FIELDS)
}


def nested(levels: int) -> dict[str, Any]:
    filters: dict[str, Any] = {"id": "p1"}
    for _ in range(levels):
        filters = {"AND": [filters]}
    return filters


OPERATOR_LIST = "['contains', 'gt', 'gte', 'icontains', 'in', 'lt', 'lte', 'ne']"
NO_NULL = 'does not accept null. Use {"ne": null} for a not-null check, or null on its own for a null check.'
NOT_A_FIELD = "is not allowed to be filtered on or does not exist on"
REFUSALS = [
    ("Peer", {"AND": {}}, "AND operator must contain a list, got dict"),
    ("Peer", {"OR": "x"}, "OR operator must contain a list, got str"),
    ("Peer", {"NOT": None}, "NOT operator cannot be None"),
    ("Peer", {"AND": ["x"]}, "Invalid filter configuration"),
    ("Peer", {"OR": [None]}, "Invalid filter configuration"),
    ("Peer", nested(6), "Filter nesting exceeds maximum depth of 5"),
    ("Peer", nested(200), "Filter nesting exceeds maximum depth of 5"),
    ("Peer", {"and": [{"id": "p1"}]}, f"Column 'and' {NOT_A_FIELD} Peer"),
    ("Peer", {"OR": [{"nope": 1}]}, f"Column 'nope' {NOT_A_FIELD} Peer"),
    ("Workspace", {"configuration": {}}, f"Column 'configuration' {NOT_A_FIELD} Workspace"),
    ("Session", {"peer_id": "x"}, f"Column 'peer_id' {NOT_A_FIELD} Session"),
    ("Message", {"is_active": True}, f"Column 'is_active' {NOT_A_FIELD} Message"),
    *(
        ("Conclusion", {name: "x"}, f"Column '{name}' does not exist on Conclusion")
        for name in ("metadata", "session_name", "workspace_name", "deleted_at", "sync_state", "internal_metadata")
    ),
    ("Peer", {"id": {"gt": "a", "foo": 1}}, "Unsupported comparison operator: foo"),
    (
        "Peer",
        {"id": {"foo": 1}},
        f"Invalid filter for column 'id': unsupported operator(s) ['foo']. Expected one of {OPERATOR_LIST} "
        "or a scalar value.",
    ),
    (
        "Peer",
        {"id": {}},
        f"Invalid filter for column 'id': unsupported operator(s) []. Expected one of {OPERATOR_LIST} "
        "or a scalar value.",
    ),
    ("Peer", {"id": 5}, "Invalid value for column 'id': expected a string, got int"),
    ("Peer", {"id": {"in": ["a", None]}}, "Invalid value for column 'id': expected a string, got NoneType"),
    ("Peer", {"id": {"ne": ["a"]}}, "Invalid value for column 'id': expected a string, got list"),
    ("Session", {"is_active": 1}, "Invalid value for column 'is_active': expected true or false, got int"),
    (
        "Peer",
        {"id": {"in": "p1"}},
        "Invalid value for 'in' operator: p1. Expected an iterable (list, tuple, set), got str",
    ),
    (
        "Peer",
        {"id": {"in": None}},
        "Invalid value for 'in' operator: None. Expected an iterable (list, tuple, set), got NoneType",
    ),
    ("Peer", {"id": {"gt": None}}, f"Operator 'gt' {NO_NULL}"),
    ("Peer", {"id": {"contains": None}}, f"Operator 'contains' {NO_NULL}"),
    (
        "Peer",
        {"created_at": {"contains": "2024"}},
        "Operator 'contains' requires a text column, but 'created_at' is datetime",
    ),
    (
        "Message",
        {"token_count": {"icontains": 1}},
        "Operator 'icontains' requires a text column, but 'token_count' is number",
    ),
    ("Peer", {"created_at": "soon"}, "Invalid datetime value: soon"),
    ("Peer", {"created_at": "2024-01-15\n"}, "Invalid datetime value: 2024-01-15\n"),
    ("Peer", {"created_at": "2024-02-30"}, "Invalid datetime value: 2024-02-30"),
    ("Peer", {"created_at": {"gt": 1705276800}}, "Invalid datetime value: 1705276800"),
    ("Message", {"token_count": "x"}, "Invalid numeric value: x. Expected a number, got str"),
    ("Message", {"token_count": {"gt": "nan"}}, "Invalid numeric value: nan. Expected a number, got str"),
    ("Message", {"token_count": {"gt": [1]}}, "Invalid numeric value: list. Expected a number, got list"),
    *(
        (
            "Conclusion",
            {"level": condition},
            "Invalid value for column 'level': 'banana'. "
            "Expected one of ['contradiction', 'deductive', 'explicit', 'inductive']",
        )
        for condition in ("banana", {"ne": "banana"}, ["banana"], {"gt": "banana"})
    ),
    *(
        (
            "Conclusion",
            {"source_ids": condition},
            'Invalid filter for column \'source_ids\': it is an array. Use null, {"ne": null} or {"contains": …}.',
        )
        for condition in ("c1", ["c1"], {"in": ["c1"]}, {"gt": "c1"})
    ),
    (
        "Conclusion",
        {"source_ids": {"contains": [1]}},
        "Invalid value for column 'source_ids': expected a string, got int",
    ),
    (
        "Conclusion",
        {"message_id": {"gt": "m"}},
        "Operator 'gt' does not apply to column 'message_id'. Use a value, a list, in or ne.",
    ),
    (
        "Conclusion",
        {"message_id": {"contains": "m"}},
        "Operator 'contains' does not apply to column 'message_id'. Use a value, a list, in or ne.",
    ),
    ("Conclusion", {"message_id": 5}, "Invalid value for column 'message_id': expected a string, got int"),
    ("Peer", {"metadata": 5}, "Invalid filter for column 'metadata': expected an object, an array or null, got int"),
    (
        "Peer",
        {"metadata": {"gt": 5}},
        "Operator 'gt' is not supported on column 'metadata', only on the keys below it",
    ),
    (
        "Peer",
        {"metadata": {"contains": "x"}},
        "Invalid value for 'contains' operator on column 'metadata': expected an object, got str",
    ),
    *(
        (
            "Peer",
            {"metadata": {"k": {operator: operand}}},
            f"Failed to build numeric comparison condition for operator {operator}: "
            f"expected a number, a string, true or false, got {type(operand).__name__}",
        )
        for operator, operand in (("gt", None), ("lte", [1]), ("ne", {"a": 1}))
    ),
    (
        "Peer",
        {"metadata": {"k": {"in": "x"}}},
        "Invalid value for 'in' operator: x. Expected an iterable (list, tuple, set), got str",
    ),
    ("Peer", {"metadata": {"k": {"gt": 1, "foo": 2}}}, "Unsupported comparison operator: foo"),
    (
        "Peer",
        {"metadata": {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}}},
        "Metadata filter nesting exceeds maximum depth of 5",
    ),
    # values that SQLite or UTF-8 cannot represent
    ("Peer", {"id": "a\0"}, "Filters must not contain NUL (0x00) characters"),
    ("Peer", {"metadata": {"a\0": 1}}, "Filters must not contain NUL (0x00) characters"),
    ("Peer", {"metadata": {"a": ["\ud800"]}}, "Filters must not contain unpaired surrogates"),
    ("Peer", {"metadata": {"a": float("nan")}}, "Filter values must not hold NaN or Infinity"),
    ("Message", {"token_count": {"lt": float("inf")}}, "Filter values must not hold NaN or Infinity"),
    ("Peer", {"metadata": {"a": 10**5000}}, "Filter values must not hold integers beyond the range of a double"),
    ("Peer", {"metadata": {"a": b"x"}}, "Invalid filter configuration: bytes is not a JSON value"),
    ("Peer", {1: 2}, "Invalid filter configuration"),
    # sizes
    ("Peer", {"OR": [{"id": "x"}] * 251}, "Filter exceeds maximum of 500 conditions"),
    ("Peer", {"metadata": {"a": [[]] * 501}}, "Filter exceeds maximum of 500 conditions"),
    ("Peer", {"id": ["x"] * 10_001}, "Filter exceeds maximum of 10000 array values"),
]


@pytest.mark.parametrize(("resource", "filters", "sentence"), REFUSALS)
def test_refusals(resource: str, filters: object, sentence: str) -> None:
    with pytest.raises(Unprocessable) as refusal:
        compile_filters(filters, FIELDS[resource])
    assert refusal.value.detail == sentence


@pytest.mark.parametrize("filters", [[], "x", 5, True, b"x"])
def test_a_filter_that_is_not_an_object_is_an_invalid_field(filters: object) -> None:
    with pytest.raises(InvalidFields) as refusal:
        compile_filters(filters, PEER_FIELDS)
    assert [(fault.loc, fault.type) for fault in refusal.value.faults] == [(("body", "filters"), "dict_type")]


def test_an_error_message_truncates_a_long_value() -> None:
    with pytest.raises(Unprocessable) as refusal:
        compile_filters({"é" * 1_000_000: 1}, PEER_FIELDS)
    assert refusal.value.detail == "Column '" + "é" * MAX_SHOWN + f"' {NOT_A_FIELD} Peer"


deep = {"a": {"b": {"c": {"d": {"é": {"contains": [[1]], "ne": 5}}}}}}
many = range(249)
BIGGEST: dict[str, tuple[dict[str, Any], set[str]]] = {
    "logic and paths nested as deep as allowed": (
        {"OR": [{"id": "x"}, {"NOT": [{"id": "y"}, {"AND": [{"id": "7"}, {"OR": [{"NOT": [{"metadata": deep}]}]}]}]}]},
        set(),
    ),
    "as many conditions as allowed": ({"metadata": {f"é{number}": {"ne": number} for number in many}}, {"7"}),
    "as many deep conditions as allowed": (
        {"metadata": {"é": {"é": {"é": {"é": {f"é{number}": {"ne": number} for number in range(247)}}}}}},
        {"7"},
    ),
    "as many branches as allowed": ({"OR": [{"id": str(number)} for number in many]}, {"7"}),
    "as many values as allowed": ({"id": [str(number) for number in range(10_000)]}, {"7"}),
    "as many metadata values as allowed": ({"metadata": {"k": {"in": list(range(10_000))}}}, set()),
    "as many elements as allowed": ({"metadata": {"k": list(range(9_999, -1, -1))}}, {"7"}),
}


@pytest.mark.parametrize("name", BIGGEST)
@pytest.mark.parametrize("driver", DRIVERS)
def test_the_biggest_filters_run(driver: ModuleType, name: str) -> None:
    database = FilterDatabase(driver)
    metadata = {"k": list(range(10_000)), "é": {"é": {}}, "a": {"b": {"c": {"d": {"é": []}}}}}
    database.load("Peer", [{"id": "7", "workspace_id": "w", "created_at": 0, "metadata": metadata}])
    assert database.ids("Peer", compile_filters(BIGGEST[name][0], PEER_FIELDS)) == BIGGEST[name][1]
