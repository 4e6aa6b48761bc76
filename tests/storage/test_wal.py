"""The write-ahead log stays small despite continuous reads, and never uses the last space of a disk."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from omoide.core.errors import StorageFull
from omoide.fairness.thread_pool import MOST_THREADS
from omoide.storage.sqlite import wal
from omoide.storage.sqlite.engine import Connection, Store, connect
from omoide.storage.sqlite.wal import WriteAheadLog
from tests.crash.faults import small_disk
from tests.handlers.workspace import until
from tests.read_now import read_now
from tests.storage.row_factories import kinds, put
from tests.storage.thread_assertions import answering_nobody

LIMIT = 1_048_576
PIECE = "x" * 100_000
LOOK = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT sum(i) FROM n"
"""A read that takes a few hundredths of a second."""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Store]:
    store = Store.open(path, wal_limit_bytes=LIMIT)
    try:
        yield store
    finally:
        store.close()


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Hold a read transaction open, as another program would."""
    with contextlib.closing(connect(path, durability="normal", busy_timeout=1)) as other:
        other.execute("BEGIN")
        kinds(other)
        yield
        other.execute("ROLLBACK")


def look(db: Connection) -> int:
    kinds(db)
    return int(db.execute(LOOK).fetchone()[0])


def test_a_log_is_emptied_despite_overlapping_reads(db_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wal, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(wal, "LAST_PAUSE_SECONDS", 0.01)

    async def story(store: Store) -> list[int]:
        async def read_on() -> None:
            while len(sizes) < 2 or sizes[-1] >= sizes[-2]:
                await store.read_offloaded(look)

        sizes = [store.log.size()]
        readers = [asyncio.create_task(read_on()) for _ in range(4)]
        while (len(sizes) < 2 or sizes[-1] >= sizes[-2]) and sizes[-1] < 60 * LIMIT:
            await store.write(put, PIECE)
            sizes.append(store.log.size())
        for reader in readers:
            reader.cancel()
        return sizes

    with opened(db_path) as store:
        sizes = asyncio.run(story(store))
        assert sizes[-1] < sizes[-2], f"it grew to {sizes[-1]} bytes"


def test_a_log_is_emptied_after_a_long_read_without_another_write(db_path: Path) -> None:
    with opened(db_path) as store:
        with reading(db_path):
            for _ in range(3):
                while store.log.size() <= LIMIT:
                    asyncio.run(store.write(put, PIECE))
                asyncio.run(store.write(put, "taken although somebody reads"))
        until(lambda: store.log.size() == 0)
        assert kinds(store._writer.connection)[-1] == "taken although somebody reads"


def test_a_worker_process_empties_the_log_with_its_writes(db_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answering_nobody(monkeypatch)
    with opened(db_path) as store:
        with reading(db_path):
            while store.log.size() <= LIMIT:
                asyncio.run(store.write(put, PIECE))

        def is_empty() -> bool:
            asyncio.run(store.write(put, "it"))
            return store.log.size() < LIMIT // 4

        until(is_empty)


def test_a_long_read_is_held_once_and_not_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = itertools.count()  # each call of the clock advances it by a second
    clock = SimpleNamespace(sleep=lambda _: None, monotonic=lambda: 1_000.0 + next(looks))
    monkeypatch.setattr(wal, "time", clock)
    log = WriteAheadLog(tmp_path / "omoide.db", LIMIT)
    log.hold_reader()
    assert next(looks) == 0, "there is no log"
    log.file.write_bytes(bytes(LIMIT // 2 + 1))
    log.hold_reader()
    assert (after := next(looks)) > wal.HOLD_SECONDS
    log.hold_reader()
    assert next(looks) <= after + 4, "reads were held back just before"


def test_a_checkpoint_is_retried_often_while_reads_are_held_but_not_endlessly(
    db_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(wal, "time", SimpleNamespace(sleep=lambda _: None, monotonic=lambda: now))
    monkeypatch.setattr(wal, "WAIT_SECONDS", 0.0)
    Store.open(db_path).close()
    with contextlib.closing(connect(db_path, durability="normal", busy_timeout=1)) as db, reading(db_path):
        log, pauses = WriteAheadLog(db_path, LIMIT), []
        while not log.holds_readers():
            put(db, PIECE)
        for _ in range(wal.HOLDING_PAUSES + 6):
            pauses.append(log.keep_small(db) or 0.0)
            now += pauses[-1]
    assert pauses[: wal.HOLDING_PAUSES] == pytest.approx([wal.HOLDING_PAUSE_SECONDS] * wal.HOLDING_PAUSES)
    assert pauses[wal.HOLDING_PAUSES] == pytest.approx(wal.FIRST_PAUSE_SECONDS)
    assert pauses[-1] == pytest.approx(wal.LAST_PAUSE_SECONDS)


def test_a_long_read_is_held_again_if_the_last_hold_succeeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = itertools.count(1)
    log = WriteAheadLog(tmp_path / "omoide.db", LIMIT)

    def sleep_until_it_is_emptied(_: float) -> None:
        next(waits)
        log.file.write_bytes(b"")

    monkeypatch.setattr(wal, "time", SimpleNamespace(sleep=sleep_until_it_is_emptied, monotonic=lambda: 1_000.0))
    for _ in range(3):
        log.file.write_bytes(bytes(LIMIT // 2 + 1))
        log.hold_reader()
    assert next(waits) == 4


def test_health_checks_are_never_held(db_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_free = threading.Event()
    monkeypatch.setattr(WriteAheadLog, "holds_readers", lambda _: True)
    monkeypatch.setattr(WriteAheadLog, "hold_reader", lambda _: is_free.wait())

    async def story(store: Store) -> None:
        held = [asyncio.create_task(store.read_offloaded(kinds)) for _ in range(2 * MOST_THREADS)]
        await asyncio.sleep(0)
        assert await store.read_at_once(kinds) == []
        assert not any(task.done() for task in held)
        is_free.set()
        assert await asyncio.gather(*held) == [[]] * len(held)

    with opened(db_path) as store:
        asyncio.run(story(store))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


def takes(store: Store, piece: str = PIECE) -> bool:
    """Whether there is space for another write."""
    try:
        asyncio.run(store.write(put, piece))
    except StorageFull:
        return False
    return True


def fill(store: Store, piece: str = PIECE) -> int:
    """Write until there is no space left; returns the number of successful writes."""
    return next(count for count in itertools.count() if not takes(store, piece))


def put_much(db: Connection) -> None:
    for _ in range(300):
        put(db, PIECE)


def test_a_log_that_filled_the_disk_is_emptied_after_the_last_read(disk: Path) -> None:
    with opened(disk / "omoide.db") as store:
        with reading(store.path):
            taken = fill(store)
            assert read_now(store, kinds) == [PIECE] * taken
        until(lambda: takes(store))
        assert read_now(store, kinds) == [PIECE] * (taken + 1)


@pytest.mark.parametrize("times", [1, 4, 10, 20, 30])
def test_no_commit_uses_the_space_for_emptying_the_log(times: int, disk: Path) -> None:
    with opened(disk / "omoide.db") as store:
        asyncio.run(store.write(put, "before"))
        with reading(store.path):
            taken = fill(store, times * PIECE)
        until(lambda: takes(store))
        assert read_now(store, kinds) == ["before", *[times * PIECE] * taken, PIECE]


def test_a_log_that_filled_the_disk_is_emptied_at_the_next_start(disk: Path) -> None:
    path = disk / "omoide.db"
    Store.prepare(path)
    with reading(path), opened(path) as store:
        taken = fill(store)
    with opened(path) as store:
        assert takes(store)
        assert read_now(store, kinds) == [PIECE] * (taken + 1)


def test_a_write_too_large_for_the_disk_leaves_space_for_later_ones(disk: Path) -> None:
    with opened(disk / "omoide.db") as store:
        asyncio.run(store.write(put, "before"))
        for _ in range(3):
            with pytest.raises(StorageFull):
                asyncio.run(store.write(put_much))
            asyncio.run(store.write(put, PIECE))
        assert read_now(store, kinds) == ["before", PIECE, PIECE, PIECE]
