"""The connections of a store, and its errors when the file cannot be used."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from omoide.core.errors import StorageFull, Unavailable
from omoide.storage.sqlite.engine import Connection, Store, connect
from tests.read_now import read_now
from tests.storage.row_factories import kinds, pragma, put
from tests.storage.thread_assertions import answering_nobody


@pytest.fixture(autouse=True, params=["that answers", "that only works"])
def process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test in both kinds of process."""
    if request.param == "that only works":
        answering_nobody(monkeypatch)


@pytest.fixture
def other(db_path: Path, store: Store) -> Iterator[Connection]:
    """Another connection to the store's file."""
    connection = connect(db_path, durability="full", busy_timeout=0.05)
    yield connection
    connection.close()


def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises(Unavailable, match="readonly"):
        read_now(store, put, "it")
    assert read_now(store, kinds) == []


def test_a_read_sees_one_snapshot(store: Store, other: Connection) -> None:
    def read_around_a_write(db: Connection) -> list[list[str]]:
        before = kinds(db)
        put(other, "it")
        return [before, kinds(db)]

    assert read_now(store, read_around_a_write) == [[], []]
    assert read_now(store, kinds) == ["it"]


def test_a_read_that_fails_ends_its_transaction(store: Store) -> None:
    for _ in range(2):
        with pytest.raises(Unavailable, match="no such table"):
            read_now(store, lambda db: db.execute("SELECT * FROM void"))
    with pytest.raises(ZeroDivisionError):
        read_now(store, lambda _: 1 // 0)
    assert read_now(store, kinds) == []


@pytest.mark.parametrize(("durability", "synchronous"), [("full", 2), ("normal", 1)])
def test_durability_is_sqlites_synchronous(durability: str, synchronous: int, db_path: Path) -> None:
    opened = Store.open(db_path, durability=durability)
    assert asyncio.run(opened.write(pragma, "synchronous")) == synchronous
    assert asyncio.run(opened.write(pragma, "journal_mode")) == "wal"
    assert asyncio.run(opened.write(pragma, "foreign_keys")) == 1
    opened.close()


def test_a_locked_file_makes_writes_unavailable_until_it_is_free(store: Store, other: Connection) -> None:
    other.execute("BEGIN IMMEDIATE")
    put(other, "of another process")
    with pytest.raises(Unavailable, match="locked by another process"):
        asyncio.run(store.write(put, "refused"))
    assert read_now(store, kinds) == []
    other.execute("COMMIT")
    asyncio.run(store.write(put, "taken"))
    assert read_now(store, kinds) == ["of another process", "taken"]


def test_a_locked_file_can_be_opened_and_read(store: Store, other: Connection, db_path: Path) -> None:
    asyncio.run(store.write(put, "it"))
    other.execute("BEGIN IMMEDIATE")
    again = Store.open(db_path, busy_timeout=0.05)
    assert read_now(again, kinds) == ["it"]
    again.close()


def test_a_write_to_a_full_disk_is_rolled_back(store: Store) -> None:
    def leave_room_for(db: Connection, pages: int) -> None:
        used = pragma(db, "page_count")
        assert isinstance(used, int)
        db.execute(f"PRAGMA max_page_count = {used + pages}").fetchone()

    def put_much(db: Connection) -> None:
        for _ in range(100):
            put(db, "x" * 10_000)

    asyncio.run(store.write(put, "before"))
    asyncio.run(store.write(leave_room_for, 4))
    with pytest.raises(StorageFull):
        asyncio.run(store.write(put_much))
    assert read_now(store, kinds) == ["before"]
    asyncio.run(store.write(put, "little"))
    asyncio.run(store.write(leave_room_for, 10_000))
    asyncio.run(store.write(put_much))
    assert len(read_now(store, kinds)) == 102


@pytest.mark.parametrize("fault", ["no folder", "a folder", "not a database"])
def test_a_file_that_is_not_a_database_is_unavailable(fault: str, db_path: Path) -> None:
    path = db_path / "it" if fault == "no folder" else db_path
    if fault == "a folder":
        db_path.mkdir()
    if fault == "not a database":
        db_path.write_bytes(b"something else entirely " * 100)
    with pytest.raises(Unavailable, match="Cannot open the database"):
        Store.open(path)


def test_a_new_file_that_another_process_holds_is_unavailable(db_path: Path) -> None:
    holder = connect(db_path, durability="full", busy_timeout=0.05)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(Unavailable):
            Store.open(db_path, busy_timeout=0.05)
    finally:
        holder.close()
