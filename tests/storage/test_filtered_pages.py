"""SQLite reads filtered pages by an index, and without sorting if an index has the order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from omoide.core.records import NewMessage, Page, PageRequest
from omoide.storage import messages, peers, sessions, workspaces
from omoide.storage.sqlite.engine import Connection, Store
from tests import sql
from tests.read_now import read_now

Json = dict[str, Any]
FIRST = PageRequest(1, 10)
NOW = 1_700_000_000_000_000

READS: list[tuple[str, Callable[[Connection, Json], Page[Any]], Json]] = [
    ("messages", lambda db, f: messages.page(db, "w", "s", FIRST, f), {"metadata": {"k": 1}}),
    ("messages", lambda db, f: messages.page(db, "w", "s", FIRST, f), {"peer_id": "a"}),
    ("messages", lambda db, f: messages.page(db, "w", "s", FIRST, f), {"created_at": {"gt": "2020-01-01"}}),
    ("messages", lambda db, f: messages.page(db, "w", "s", FIRST, f), {"OR": [{"content": "x"}, {"peer_id": "b"}]}),
    ("sessions", lambda db, f: sessions.page(db, "w", FIRST, f), {"metadata": {"k": 1}}),
    ("sessions", lambda db, f: sessions.page(db, "w", FIRST, f), {"id": "s"}),
    ("sessions", lambda db, f: sessions.page(db, "w", FIRST, f), {"created_at": {"gt": "2020-01-01"}}),
    ("sessions", lambda db, f: peers.sessions(db, "w", "a", FIRST, f), {"metadata": {"k": 1}}),
    ("sessions", lambda db, f: peers.sessions(db, "w", "a", FIRST, f), {"is_active": True}),
    ("peers", lambda db, f: peers.page(db, "w", FIRST, None, f), {"metadata": {"k": 1}}),
    ("peers", lambda db, f: peers.page(db, "w", FIRST, None, f), {"id": ["a", "b"]}),
    ("workspaces", lambda db, f: workspaces.page(db, FIRST, f), {"id": "w"}),
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = Store.open(tmp_path_factory.mktemp("plans") / "omoide.db", durability="normal")
    batch = [NewMessage(name, f"message of {name}", {"k": 1}, 3, None) for name in "abab"]
    for session in ("s", "t"):
        asyncio.run(opened.write(messages.add, "w", session, batch, NOW, max_observers=10))
    yield opened
    opened.close()


def plans(db: Connection, read: Callable[[Connection, Json], Page[Any]], filters: Json) -> list[str]:
    """The query plan of each statement that the read runs."""
    statements: list[str] = []
    db.set_trace_callback(statements.append)
    read(db, filters)
    db.set_trace_callback(None)
    return [row[3] for statement in statements for row in sql.rows(db, f"EXPLAIN QUERY PLAN {statement}")]


@pytest.mark.parametrize(("table", "read", "filters"), READS)
def test_no_filtered_page_scans_a_whole_table(
    store: Store, table: str, read: Callable[[Connection, Json], Page[Any]], filters: Json
) -> None:
    said = read_now(store, plans, read, filters)
    assert said
    scans = [line for line in said if line.startswith("SCAN") and "USING" not in line and "json_each" not in line]
    assert [line for line in scans if "VIRTUAL TABLE" not in line] == []


@pytest.mark.parametrize("filters", [filters for table, _, filters in READS if table == "messages"])
def test_a_filtered_page_of_messages_is_read_in_order(store: Store, filters: Json) -> None:
    said = read_now(store, plans, lambda db, f: messages.page(db, "w", "s", FIRST, f), filters)
    assert any("messages_seq" in line for line in said), said
    assert not any("TEMP B-TREE" in line for line in said), said


def test_an_unfiltered_page_of_messages_is_a_range(store: Store) -> None:
    no_filters: list[Json] = [{}, {"id": "*"}, {"AND": []}]
    for nothing in no_filters:
        said = read_now(store, plans, lambda db, f: messages.page(db, "w", "s", FIRST, f), nothing)
        assert any("messages_seq (session=? AND seq>? AND seq<?)" in line for line in said), said
