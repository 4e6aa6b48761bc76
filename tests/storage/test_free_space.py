"""Free space in a database file is overwritten, whichever program freed it, and nothing else is changed."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from omoide.core.errors import Unavailable
from omoide.storage import purge
from omoide.storage.sqlite import free_space, secure_delete
from omoide.storage.sqlite.engine import Connection, Store, connect
from omoide.storage.sqlite.secure_delete import Eraser
from tests.storage.row_factories import pragma


@pytest.fixture
def old(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A database from which rows were deleted without secure_delete; every third one is left."""
    path = tmp_path / "old.db"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA page_size={getattr(request, 'param', 4096)}")
        db.execute("PRAGMA secure_delete=OFF")
        db.execute("CREATE TABLE t (pk INTEGER PRIMARY KEY, text TEXT)")
        db.execute("CREATE INDEX by_text ON t (text)")
        rows = [(n, f"{'kept' if n % 3 == 0 else 'gone'}{n:05}" + "x" * (n * 37 % 9_000)) for n in range(600)]
        db.executemany("INSERT INTO t VALUES (?, ?)", rows)
        db.commit()
        db.execute("DELETE FROM t WHERE pk % 3")
        db.execute("CREATE TABLE more (text TEXT)")
        db.executemany("INSERT INTO more VALUES (?)", [("kept" * 900,)] * 20)  # uses some of the free space
        db.commit()
    return path


def rows(path: Path) -> list[tuple[int, str]]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return db.execute("SELECT * FROM t ORDER BY text").fetchall()


@pytest.mark.parametrize("old", [512, 4096, 65536], indirect=True)
def test_deleted_content_is_overwritten_and_live_content_is_not(old: Path) -> None:
    before = rows(old)
    assert b"gone0" in old.read_bytes()
    free_space.overwrite_all(old)
    assert b"gone0" not in old.read_bytes()
    assert rows(old) == before


def test_free_space_is_overwritten_in_batches_of_pages(old: Path) -> None:
    with old.open("r+b") as file:
        page: int | None = 1
        calls = 0
        while page is not None:
            page = free_space.overwrite(file.fileno(), page, 7).following
            calls += 1
    assert calls > 10
    assert b"gone0" not in old.read_bytes()
    assert len(rows(old)) == 200


@pytest.mark.parametrize(("at", "byte"), [(0, b"s"), (31, b"\xff"), (52, b"\1")])
def test_a_file_with_an_unsupported_layout_is_refused_unchanged(at: int, byte: bytes, old: Path) -> None:
    content = bytearray(old.read_bytes())
    content[at : at + 1] = byte
    if at == 31:
        content[28:32] = b"\0\xff\xff\xff"  # more pages than there are
    old.write_bytes(content)
    with pytest.raises(Unavailable):
        free_space.overwrite_all(old)
    assert old.read_bytes() == content


def test_overwriting_waits_for_a_running_read_which_keeps_its_snapshot(store: Store) -> None:
    async def story() -> None:
        await store.write(lambda db: db.execute("CREATE TABLE t AS SELECT 'gone0' || hex(zeroblob(9000)) AS text"))
        reader = connect(store.path, durability="full", busy_timeout=1)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)
        await store.write(lambda db: db.execute("DELETE FROM t").rowcount)
        with Eraser(store.path, busy_timeout=1) as eraser:
            with pytest.raises(Unavailable):
                eraser.overwrite_free_space()
            assert not eraser.empty_log()
            assert reader.execute("SELECT length(text) FROM t").fetchone() == (18_005,)
            await store.write(lambda db: db.execute("INSERT INTO t VALUES ('kept')").rowcount)
            reader.close()
            before = await store.read(secure_delete.count)
            assert eraser.overwrite_free_space() is None
            assert eraser.empty_log()
        assert await store.read(secure_delete.count) != before
        assert await store.read(lambda db: db.execute("SELECT text FROM t").fetchall()) == [("kept",)]
        for path in store.path.parent.iterdir():
            assert b"gone0" not in path.read_bytes()

    asyncio.run(story())


def test_a_cached_page_does_not_restore_overwritten_content(store: Store) -> None:
    async def story() -> None:
        def begin(db: sqlite3.Connection) -> None:
            db.execute("PRAGMA secure_delete=OFF")
            db.execute("CREATE TABLE t (pk INTEGER PRIMARY KEY, text TEXT)")
            db.executemany("INSERT INTO t VALUES (?, ?)", [(n, f"gone{n}") for n in range(20)])

        await store.write(begin)
        await store.write(lambda db: db.execute("DELETE FROM t WHERE pk > 3").rowcount)
        with Eraser(store.path, busy_timeout=1) as eraser:
            assert eraser.overwrite_free_space() is None
            assert b"gone19" not in store.path.read_bytes()
            await store.write(lambda db: db.execute("UPDATE t SET text = 'kept0' WHERE pk = 3").rowcount)
            assert eraser.empty_log()
        assert b"kept0" in store.path.read_bytes()
        assert b"gone19" not in store.path.read_bytes()

    asyncio.run(story())


def test_a_purge_zeroes_all_freed_space_and_other_writes_only_within_pages(store: Store) -> None:
    def run(db: Connection) -> list[object]:
        set_to = []
        before = pragma(db, "secure_delete")
        db.set_trace_callback(lambda sql: set_to.append(sql.split("=")[1]) if "secure_delete=" in sql else None)
        purge.session(db, 1)
        db.set_trace_callback(None)
        return [before, *set_to, pragma(db, "secure_delete")]

    fast = 2
    assert asyncio.run(store.write(run)) == [fast, "ON", "FAST", fast]
