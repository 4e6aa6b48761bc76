"""Every rule of the filter language, on a small database in each available SQLite."""

from __future__ import annotations

from typing import Any

import pytest

from omoide.storage.filters import compile_filters
from omoide.storage.filters.fields import (
    CONCLUSION_FIELDS,
    MESSAGE_FIELDS,
    PEER_FIELDS,
    SESSION_FIELDS,
    WORKSPACE_FIELDS,
)
from tests.storage.filter_database import DRIVERS, FilterDatabase

FIELDS = {
    fields.resource: fields
    for fields in (WORKSPACE_FIELDS, PEER_FIELDS, SESSION_FIELDS, MESSAGE_FIELDS, CONCLUSION_FIELDS)
}
JAN_15, DAY = 1_705_276_800_000_000, 86_400_000_000
HUGE = 10**30

PEERS = [
    {"id": "p1", "workspace_id": "w1", "created_at": JAN_15, "metadata": {"k": "x", "n": 5}},
    {"id": "p2", "workspace_id": "w1", "created_at": JAN_15 + DAY, "metadata": {"k": "X", "n": 15}},
    {"id": "100%", "workspace_id": "w2", "created_at": JAN_15 + 1, "metadata": {}},
]
SESSIONS = [
    {"id": "on", "workspace_id": "w1", "created_at": JAN_15, "metadata": {}, "is_active": True},
    {"id": "off", "workspace_id": "w1", "created_at": JAN_15, "metadata": {}, "is_active": False},
]
CONCLUSIONS = [
    {
        "id": name,
        "workspace_id": "w1",
        "observer_id": "p1",
        "observed_id": observed,
        "session_id": session,
        "content": content,
        "level": level,
        "source_ids": sources,
        "times_derived": times,
        "created_at": JAN_15,
        "said_at": JAN_15 + times,
        "valid_from": None if name == "c1" else JAN_15,
        "valid_until": JAN_15 + DAY if name == "c2" else None,
        "ended_at": None if status == "current" else JAN_15 + DAY,
        "status": status,
        "superseded_by": "c1" if status == "superseded" else None,
        "message_ids": messages,
    }
    for name, observed, session, content, level, sources, times, status, messages in (
        ("c1", "p1", "s1", "likes Tea", "explicit", None, 1, "current", ["m1"]),
        ("c2", "p2", "s2", "likes ÉCLAIRS", "explicit", None, 3, "superseded", ["m1", "m2"]),
        ("c3", "p2", None, "50% sure", "deductive", ["c1", "c2"], 2, "invalid", []),
        ("c4", "p2", None, "under_score", "inductive", [], 2**53 + 1, "merged", []),
    )
]
METADATA: dict[str, dict[str, Any]] = {
    "five": {"v": 5, "kind": "record", "sub": {"x": 1, "y": {"z": "deep"}}},
    "five.0": {"v": 5.0, "tags": ["red", "Green", 'say "hi"', 7]},
    "'5'": {"v": "5", "tags": []},
    "'15'": {"v": "15", "tags": [{"name": "a", "n": 1}, ["x"]]},
    "true": {"v": True, "sub": {"x": 20}},
    "'true'": {"v": "true", "sub": "flat"},
    "null": {"v": None, "a.b": 1, 'q"t': "x"},
    "date": {"v": "2024-02-20", "KIND": "record"},
    "word": {"v": "straße 10", "sub": {}},
    "array": {"v": [5, "b", True]},
    "huge": {"v": HUGE},
    "none": {},
}
MESSAGES = [
    {
        "id": name,
        "workspace_id": "w1",
        "session_id": "s1",
        "peer_id": "p1" if "5" in name else "p2",
        "content": f"Message {name}",
        "token_count": number,
        "created_at": JAN_15 + number,
        "metadata": metadata,
    }
    for number, (name, metadata) in enumerate(METADATA.items())
]
ROWS: dict[str, list[dict[str, Any]]] = {
    "Workspace": [{"id": "w1", "created_at": JAN_15, "metadata": {}}, {"id": "w2", "created_at": 0, "metadata": {}}],
    "Peer": PEERS,
    "Session": SESSIONS,
    "Message": MESSAGES,
    "Conclusion": CONCLUSIONS,
}

ALL = "all"
NONE: set[str] = set()


@pytest.fixture(scope="module")
def databases() -> dict[str, list[FilterDatabase]]:
    loaded: dict[str, list[FilterDatabase]] = {}
    for resource, rows in ROWS.items():
        loaded[resource] = [FilterDatabase(driver) for driver in DRIVERS]
        for database in loaded[resource]:
            database.load(resource, rows)
    return loaded


def kept(databases: dict[str, list[FilterDatabase]], resource: str, filters: object) -> set[str]:
    clause = compile_filters(filters, FIELDS[resource])
    answers = [database.ids(resource, clause) for database in databases[resource]]
    assert all(answer == answers[0] for answer in answers)
    return answers[0]


def expected_ids(resource: str, expected: object) -> set[str]:
    everything = {row["id"] for row in ROWS[resource]}
    return everything if expected == ALL else everything & expected  # type: ignore[operator]


LOGIC: list[tuple[Any, Any]] = [
    (None, ALL),
    ({}, ALL),
    ({"id": "p1"}, {"p1"}),
    ({"id": "p1", "workspace_id": "w2"}, NONE),
    ({"AND": [{"id": "p1"}, {"workspace_id": "w1"}]}, {"p1"}),
    ({"OR": [{"id": "p1"}, {"id": "100%"}]}, {"p1", "100%"}),
    ({"NOT": [{"id": "p1"}]}, {"p2", "100%"}),
    ({"NOT": [{"id": "p1"}, {"id": "p2"}]}, {"100%"}),
    ({"workspace_id": "w1", "NOT": [{"id": "p1"}]}, {"p2"}),
    ({"AND": []}, ALL),
    ({"OR": []}, ALL),
    ({"NOT": []}, ALL),
    # an empty branch is left out
    ({"OR": [{}, {"id": "p1"}]}, {"p1"}),
    ({"OR": [{"AND": []}, {"id": "p1"}]}, {"p1"}),
    ({"OR": [{"metadata": {}}, {"id": "p1"}]}, {"p1"}),
    ({"NOT": [{}]}, ALL),
    # a wildcard is true
    ({"OR": [{"id": "*"}, {"id": "p1"}]}, ALL),
    ({"NOT": [{"id": "*"}]}, NONE),
    ({"AND": [{"id": "*"}, {"id": "p1"}]}, {"p1"}),
    ({"OR": [{"AND": [{"id": {"in": ["*"]}}]}, {"id": "p1"}]}, ALL),
    ({"NOT": [{"metadata": "*"}]}, NONE),
    ({"NOT": [{"NOT": [{"id": "*"}]}]}, ALL),
]

COLUMNS = [
    ("Workspace", {"workspace_id": "w1"}, {"w1"}),
    ("Workspace", {"created_at": "1970-01-01"}, {"w2"}),
    ("Peer", {"peer_id": "p1"}, {"p1"}),
    ("Session", {"session_id": {"in": ["on", "x"]}}, {"on"}),
    ("Session", {"is_active": True}, {"on"}),
    ("Session", {"is_active": {"ne": True}}, {"off"}),
    ("Session", {"is_active": [True, False]}, ALL),
    ("Session", {"is_active": None}, NONE),
    ("Message", {"id": "five"}, {"five"}),
    ("Message", {"content": {"contains": "FIVE"}}, {"five", "five.0"}),
    ("Message", {"peer_id": "p1", "session_id": "s1", "workspace_id": "w1"}, {"'5'", "'15'"}),
    # equality, null, wildcard, lists
    ("Peer", {"id": None}, NONE),
    ("Peer", {"id": "*"}, ALL),
    ("Peer", {"id": ["p1", "p2", "zz"]}, {"p1", "p2"}),
    ("Peer", {"id": []}, NONE),
    ("Peer", {"id": {"in": []}}, NONE),
    ("Peer", {"id": {"in": ["p1", "*"]}}, ALL),
    ("Peer", {"id": {"in": {"p1": 1}}}, {"p1"}),
    ("Peer", {"id": {"ne": "*"}}, ALL),
    ("Peer", {"id": "P1"}, NONE),
    # order is by code point
    ("Peer", {"id": {"gt": "p1"}}, {"p2"}),
    ("Peer", {"id": {"gte": "p1", "lt": "p2"}}, {"p1"}),
    ("Peer", {"id": {"lt": "P"}}, {"100%"}),
    # substrings: case-insensitive, no patterns
    ("Peer", {"id": {"contains": "%"}}, {"100%"}),
    ("Peer", {"id": {"icontains": "P"}}, {"p1", "p2"}),
    ("Peer", {"id": {"contains": 1}}, {"p1", "100%"}),
    ("Conclusion", {"content": {"contains": "éclairs"}}, {"c2"}),
    ("Conclusion", {"content": {"contains": "_"}}, {"c4"}),
    ("Conclusion", {"content": {"contains": ""}}, ALL),
    # instants
    ("Peer", {"created_at": "2024-01-15"}, {"p1"}),
    ("Peer", {"created_at": "2024-01-15T00:00:00.000001Z"}, {"100%"}),
    ("Peer", {"created_at": {"gt": "2024-01-15T00:00:00"}}, {"p2", "100%"}),
    ("Peer", {"created_at": {"lt": "2024-01-15T02:00:00+02:00"}}, NONE),
    ("Peer", {"created_at": " 2024-01-15 00:00:00 "}, {"p1"}),
    ("Peer", {"created_at": "20240115T000000Z"}, {"p1"}),
    ("Peer", {"created_at": "2024-W03-1"}, {"p1"}),
    ("Peer", {"created_at": {"in": ["2024-01-15", "2024-01-16"]}}, {"p1", "p2"}),
    ("Peer", {"created_at": {"gte": "0001-01-01T00:00+14:00", "lte": "9999-12-31T23:59-14:00"}}, ALL),
    # numbers: exact, in any spelling
    ("Conclusion", {"times_derived": 2}, {"c3"}),
    ("Conclusion", {"times_derived": 2.0}, {"c3"}),
    ("Conclusion", {"times_derived": " 2 "}, {"c3"}),
    ("Conclusion", {"times_derived": True}, {"c1"}),
    ("Conclusion", {"times_derived": 2.5}, NONE),
    ("Conclusion", {"times_derived": {"ne": 2.5}}, ALL),
    ("Conclusion", {"times_derived": {"gt": 1.5, "lt": 2.5}}, {"c3"}),
    ("Conclusion", {"times_derived": {"gte": "1e0", "lte": 1.99}}, {"c1"}),
    ("Conclusion", {"times_derived": {"gt": 2**53}}, {"c4"}),
    ("Conclusion", {"times_derived": {"gt": "9007199254740992.5"}}, {"c4"}),
    ("Conclusion", {"times_derived": {"gt": HUGE}}, NONE),
    ("Conclusion", {"times_derived": {"lt": "1e999999"}}, ALL),
    ("Conclusion", {"times_derived": HUGE}, NONE),
    ("Conclusion", {"times_derived": [1, 2.0, "3", HUGE, 0.5]}, {"c1", "c2", "c3"}),
    # unset values differ from everything
    ("Conclusion", {"session_id": None}, {"c3", "c4"}),
    ("Conclusion", {"session_id": {"ne": None}}, {"c1", "c2"}),
    ("Conclusion", {"session_id": {"ne": "s1"}}, {"c2", "c3", "c4"}),
    ("Conclusion", {"NOT": [{"session_id": "s1"}]}, {"c2", "c3", "c4"}),
    ("Conclusion", {"NOT": [{"session_id": ["s1"]}]}, {"c2", "c3", "c4"}),
    ("Conclusion", {"NOT": [{"session_id": {"gt": "a"}}]}, {"c3", "c4"}),
    ("Conclusion", {"NOT": [{"session_id": {"contains": "s"}}]}, {"c3", "c4"}),
    # conclusions' own fields
    ("Conclusion", {"observer": "p1", "observed": "p2"}, {"c2", "c3", "c4"}),
    ("Conclusion", {"observer": "p1", "observer_id": "p2"}, NONE),
    ("Conclusion", {"observed_id": "p1"}, {"c1"}),
    ("Conclusion", {"level": "deductive"}, {"c3"}),
    ("Conclusion", {"level": {"ne": "explicit"}}, {"c3", "c4"}),
    ("Conclusion", {"level": {"contains": "DUCT"}}, {"c3", "c4"}),
    ("Conclusion", {"source_ids": None}, {"c1", "c2"}),
    ("Conclusion", {"source_ids": {"ne": None}}, {"c3", "c4"}),
    ("Conclusion", {"source_ids": {"contains": "c1"}}, {"c3"}),
    ("Conclusion", {"source_ids": {"contains": ["c2", "c1"]}}, {"c3"}),
    ("Conclusion", {"source_ids": {"contains": ["c1", "c9"]}}, NONE),
    ("Conclusion", {"source_ids": {"contains": []}}, {"c3", "c4"}),
    ("Conclusion", {"source_ids": {"contains": "unknown"}}, NONE),
    ("Conclusion", {"NOT": [{"source_ids": {"contains": "c1"}}]}, {"c1", "c2", "c4"}),
    ("Conclusion", {"source_ids": "*"}, ALL),
    ("Conclusion", {"status": "superseded"}, {"c2"}),
    ("Conclusion", {"status": {"in": ["invalid", "merged"]}}, {"c3", "c4"}),
    ("Conclusion", {"status": {"ne": "current"}}, {"c2", "c3", "c4"}),
    ("Conclusion", {"NOT": [{"status": "current"}]}, {"c2", "c3", "c4"}),
    ("Conclusion", {"said_at": {"gt": "2024-01-15T00:00:00.000001"}}, {"c2", "c3", "c4"}),
    ("Conclusion", {"valid_from": None}, {"c1"}),
    ("Conclusion", {"valid_from": {"lte": "2024-01-15"}}, {"c2", "c3", "c4"}),
    ("Conclusion", {"valid_until": {"ne": None}}, {"c2"}),
    ("Conclusion", {"valid_until": {"lt": "2024-01-16"}}, NONE),
    ("Conclusion", {"ended_at": {"gte": "2024-01-16"}}, {"c2", "c3", "c4"}),
    ("Conclusion", {"superseded_by": "c1"}, {"c2"}),
    ("Conclusion", {"superseded_by": None}, {"c1", "c3", "c4"}),
    ("Conclusion", {"message_ids": {"contains": "m1"}}, {"c1", "c2"}),
    ("Conclusion", {"message_ids": {"contains": ["m1", "m2", "m1"]}}, {"c2"}),
    ("Conclusion", {"message_ids": {"contains": ["m1", "unknown"]}}, NONE),
    ("Conclusion", {"message_ids": {"contains": []}}, ALL),
    ("Conclusion", {"NOT": [{"message_ids": {"contains": "m2"}}]}, {"c1", "c3", "c4"}),
    ("Conclusion", {"message_ids": None}, NONE),
    ("Conclusion", {"message_id": "m1"}, {"c1", "c2"}),
    ("Conclusion", {"message_id": ["m2", "unknown"]}, {"c2"}),
    ("Conclusion", {"message_id": {"in": ["m1", "m2", "m1"]}}, {"c1", "c2"}),
    ("Conclusion", {"message_id": []}, NONE),
    ("Conclusion", {"message_id": "unknown"}, NONE),
    ("Conclusion", {"message_id": {"ne": "m2"}}, {"c1", "c3", "c4"}),
    ("Conclusion", {"message_id": None}, {"c3", "c4"}),
    ("Conclusion", {"message_id": {"ne": None}}, {"c1", "c2"}),
    ("Conclusion", {"message_id": "m1", "status": "superseded"}, {"c2"}),
    ("Conclusion", {"NOT": [{"message_id": "m1"}]}, {"c3", "c4"}),
    ("Conclusion", {"message_ids": {"ne": None}}, ALL),
]

WITH_V = set(METADATA) - {"none"}
METADATA_CASES = [
    # the column as a whole
    ({}, ALL),
    ("*", ALL),
    (None, NONE),
    ([], NONE),
    ([{"kind": "record"}], NONE),
    ({"contains": {"kind": "record", "v": 5}}, {"five"}),
    ({"contains": {"v": {"gt": 1}}}, NONE),
    ({"contains": {}}, ALL),
    # JSON equality
    ({"kind": "record"}, {"five"}),
    ({"kind": "Record"}, NONE),
    ({"kind": "record", "v": 5}, {"five"}),
    ({"v": 5}, {"five", "five.0"}),
    ({"v": 5.0}, {"five", "five.0"}),
    ({"v": "5"}, {"'5'"}),
    ({"v": True}, {"true"}),
    ({"v": "true"}, {"'true'"}),
    ({"v": False}, NONE),
    ({"v": 1}, NONE),
    ({"v": None}, {"null"}),
    ({"v": HUGE}, {"huge"}),
    ({"v": HUGE + 1}, NONE),
    ({"v": float(HUGE)}, NONE),
    ({"v": {"ne": HUGE + 1}}, set(METADATA)),
    ({"v": {"ne": HUGE}}, set(METADATA) - {"huge"}),
    ({"v": {"in": [HUGE]}}, {"huge"}),
    ({"v": {"in": [HUGE - 1, float(HUGE)]}}, NONE),
    ({"v": {"gt": HUGE - 1}}, {"huge"}),
    ({"v": {"lte": HUGE, "gte": HUGE}}, {"huge"}),
    ({"v": {"lt": str(HUGE + 1), "gt": str(HUGE - 1)}}, {"huge"}),
    ({"v": "*"}, ALL),
    ({"a.b": 1}, {"null"}),
    ({'q"t': "x"}, {"null"}),
    ({"q": "x"}, NONE),
    ({"zz": None}, NONE),
    # containment
    ({"sub": {"x": 1}}, {"five"}),
    ({"sub": {"y": {"z": "deep"}}}, {"five"}),
    ({"sub": {"y": {"z": "deep"}, "x": 2}}, NONE),
    ({"sub": {}}, {"five", "true", "word"}),
    ({"tags": ["Green"]}, {"five.0"}),
    ({"tags": [7.0, "red"]}, {"five.0"}),
    ({"tags": ["7"]}, NONE),
    ({"v": [True, 5]}, {"array"}),
    ({"v": [1]}, NONE),
    ({"tags": "red"}, NONE),
    ({"tags": []}, {"five.0", "'5'", "'15'"}),
    ({"tags": [{"name": "a"}]}, {"'15'"}),
    ({"tags": [{"name": "b"}]}, NONE),
    ({"tags": [["x"]]}, {"'15'"}),
    ({"v": {"foo": 1}}, NONE),
    ({"AND": [{"v": 5}]}, NONE),
    # numbers, also in strings
    ({"v": {"gt": 10}}, {"'15'", "huge"}),
    ({"v": {"gte": 5, "lte": 15}}, {"five", "five.0", "'5'", "'15'"}),
    ({"v": {"gte": " 1.5e1 "}}, {"'15'", "huge"}),
    ({"v": {"lt": 5.5}}, {"five", "five.0", "'5'"}),
    ({"v": {"gt": HUGE}}, NONE),
    ({"v": {"gte": "2024"}}, {"huge"}),
    # text: booleans by their names, dates as they are written
    ({"v": {"gte": "2024-02-15", "lt": "2024-03"}}, {"date"}),
    ({"v": {"gt": "t"}}, {"true", "'true'"}),
    ({"v": {"lte": True, "gte": True}}, {"true", "'true'"}),
    # difference: whatever is not equal, the unset included
    ({"v": {"ne": 5}}, set(METADATA) - {"five", "five.0", "'5'"}),
    ({"v": {"ne": True}}, set(METADATA) - {"true", "'true'"}),
    ({"v": {"ne": "2024-02-20"}}, set(METADATA) - {"date"}),
    ({"v": {"ne": None}}, WITH_V - {"null"}),
    ({"kind": {"ne": "record"}}, set(METADATA) - {"five"}),
    # lists by text form
    ({"v": {"in": [5]}}, {"five", "'5'"}),
    ({"v": {"in": ["5", 5.0]}}, {"five", "five.0", "'5'"}),
    ({"v": {"in": [True]}}, {"true", "'true'"}),
    ({"v": {"in": []}}, NONE),
    ({"v": {"in": [None]}}, NONE),
    ({"v": {"in": ["*"]}}, ALL),
    ({"v": {"in": [[5, "b", True]]}}, {"array"}),
    ({"sub": {"in": [{"y": {"z": "deep"}, "x": 1}]}}, {"five"}),
    # substrings and members
    ({"v": {"contains": "TR"}}, {"true", "'true'", "word", "array"}),
    ({"v": {"contains": "STRASSE"}}, {"word"}),
    ({"v": {"icontains": 5}}, {"five", "five.0", "'5'", "'15'", "array"}),
    ({"tags": {"contains": "green"}}, {"five.0"}),
    ({"tags": {"contains": 'say "hi"'}}, {"five.0"}),
    ({"tags": {"contains": ["red", 7]}}, {"five.0"}),
    ({"tags": {"contains": {"name": "a"}}}, {"'15'"}),
    ({"sub": {"contains": {"y": {"z": "deep"}}}}, {"five"}),
    ({"sub": {"contains": "deep"}}, {"five"}),
    ({"tags": {"contains": "*"}}, ALL),
    # operators and wildcards below the top level
    ({"sub": {"x": {"gt": 5}}}, {"true"}),
    ({"sub": {"x": {"ne": 1}}}, set(METADATA) - {"five"}),
    ({"sub": {"y": {"z": {"contains": "EE"}}}}, {"five"}),
    ({"sub": {"x": {"ne": None}, "y": {"ne": None}}}, {"five"}),
    ({"sub": {"x": "*"}}, ALL),
]


@pytest.mark.parametrize(("filters", "expected"), LOGIC)
def test_logic(filters: object, expected: object, databases: dict[str, list[FilterDatabase]]) -> None:
    assert kept(databases, "Peer", filters) == expected_ids("Peer", expected)


@pytest.mark.parametrize(("resource", "filters", "expected"), COLUMNS)
def test_columns(resource: str, filters: object, expected: object, databases: dict[str, list[FilterDatabase]]) -> None:
    assert kept(databases, resource, filters) == expected_ids(resource, expected)


@pytest.mark.parametrize(("condition", "expected"), METADATA_CASES)
def test_metadata(condition: object, expected: object, databases: dict[str, list[FilterDatabase]]) -> None:
    keeps = expected_ids("Message", expected)
    assert kept(databases, "Message", {"metadata": condition}) == keeps
    if condition != {}:
        negated = expected_ids("Message", ALL) - keeps
        assert kept(databases, "Message", {"NOT": [{"metadata": condition}]}) == negated


@pytest.mark.parametrize("filters", [None, {}, {"AND": [{}]}, {"id": "*"}, {"metadata": {"k": "*"}}])
def test_a_filter_that_constrains_nothing_has_no_clause(filters: object) -> None:
    assert compile_filters(filters, PEER_FIELDS) is None


def test_no_text_of_the_caller_is_in_the_sql() -> None:
    condition = {"caller": {"in": ["caller"]}, "caller'\"": {"caller.": "caller"}, "c": ["caller"]}
    clause = compile_filters({"id": {"contains": "caller"}, "metadata": condition}, PEER_FIELDS)
    assert clause is not None
    assert "caller" not in clause.sql
