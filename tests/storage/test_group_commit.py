"""Concurrent writes share one commit, and each gets its own result after it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from omoide.core.errors import ConstraintViolation, NotFound, Unavailable
from omoide.core.jobs import NewJob
from omoide.storage import queue
from omoide.storage.sqlite import writer
from omoide.storage.sqlite.engine import Connection, Store
from omoide.storage.sqlite.group_commit import MAX_BATCH, flush_deferred, on_commit
from tests import sql
from tests.read_now import read_now
from tests.storage.row_factories import Gate, kinds, put


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No batch ends because its writes took long on a busy machine."""
    monkeypatch.setattr(writer, "BATCH_SECONDS", float("inf"))


def put_and_fail(db: Connection, kind: str) -> None:
    put(db, kind)
    raise NotFound("on purpose")


def put_and_break_a_constraint(db: Connection, kind: str) -> None:
    put(db, kind)
    sql.change(db, "INSERT INTO jobs (kind, payload, created_at, due_at) VALUES (NULL, '', 0, 0)")


async def gathered(store: Store, *writes: Any) -> list[Any]:
    """The results of writes (function and arguments) that are all queued before the first of them runs."""
    gate = Gate()
    first = asyncio.ensure_future(store.write(gate))
    await gate.entered()
    tasks = [asyncio.ensure_future(store.write(*write)) for write in writes]
    await asyncio.sleep(0)  # each task runs until it is queued
    gate.open()
    await asyncio.gather(first, return_exceptions=True)  # it shares the commit of the others, and its outcome
    return await asyncio.gather(*tasks, return_exceptions=True)


async def commits(store: Store, count: int) -> int:
    """The number of commits for `count` queued writes, including the gate."""
    seen: list[str] = []
    await store.write(lambda db: db.set_trace_callback(seen.append))
    await gathered(store, *[(put, str(n)) for n in range(count - 1)])
    await store.write(lambda db: db.set_trace_callback(None))
    return seen.count("COMMIT") - 1  # not counting the write that sets the trace


def test_writes_that_gather_share_one_commit(store: Store) -> None:
    assert asyncio.run(commits(store, MAX_BATCH)) == 1
    assert read_now(store, kinds) == [str(n) for n in range(MAX_BATCH - 1)]


def test_writes_queued_behind_another_process_share_one_commit(db_path: Path) -> None:
    async def write_beside() -> list[str]:
        await store.write(lambda db: db.set_trace_callback(seen.append))
        with sql.locked(db_path):
            first = asyncio.ensure_future(store.write(put, "first"))
            await store.read_offloaded(kinds)
            more = [asyncio.ensure_future(store.write(put, str(n))) for n in range(9)]
            await asyncio.sleep(0)
        return await asyncio.gather(first, *more)

    seen: list[str] = []
    store = Store.open(db_path, busy_timeout=30)
    asyncio.run(write_beside())
    store.close()
    assert seen.count("COMMIT") - 1 == 1


def test_the_number_of_writes_per_commit_is_limited(store: Store) -> None:
    assert asyncio.run(commits(store, 2 * MAX_BATCH + 1)) == 3


@pytest.mark.parametrize(("failing", "error"), [(put_and_fail, NotFound), (put_and_break_a_constraint, Unavailable)])
def test_a_failing_write_affects_only_itself(failing: Any, error: type[Exception], store: Store) -> None:
    before, failed, after = asyncio.run(gathered(store, (put, "before"), (failing, "failed"), (put, "after")))
    assert (before, after) == ("before", "after")
    assert isinstance(failed, error)
    assert read_now(store, kinds) == ["before", "after"]


async def savepoints(store: Store, *writes: Any) -> int:
    """The number of savepoints that queued writes take."""
    seen: list[str] = []
    await store.write(lambda db: db.set_trace_callback(seen.append))
    await gathered(store, *writes)
    await store.write(lambda db: db.set_trace_callback(None))
    return seen.count("SAVEPOINT work")


def test_writes_take_no_savepoints_until_one_fails(store: Store) -> None:
    assert asyncio.run(savepoints(store, (put, "a"), (put, "b"))) == 0
    # The gate, the two writes before, the failing one, the one after, and the one that ends the trace.
    assert asyncio.run(savepoints(store, (put, "c"), (put, "d"), (put_and_fail, "e"), (put, "f"))) == 6
    assert read_now(store, kinds) == ["a", "b", "c", "d", "f"]


def test_after_a_failure_writes_run_once(store: Store) -> None:
    runs: list[str] = []

    def noted(db: Connection, kind: str) -> str:
        runs.append(kind)
        return put(db, kind)

    asyncio.run(gathered(store, (noted, "a"), (put_and_fail, "b"), (noted, "c")))
    asyncio.run(gathered(store, (noted, "d"), (put_and_fail, "e"), (noted, "f")))
    assert runs == ["a", "a", "c", "d", "f"]
    assert read_now(store, kinds) == ["a", "c", "d", "f"]


def put_at_the_end(db: Connection, kind: str) -> str:
    on_commit(db, lambda db: queue.add(db, NewJob(f"{kind}, at the end", {}), 0))
    return put(db, kind)


def put_at_the_end_and_fail(db: Connection, kind: str) -> None:
    put_at_the_end(db, kind)
    raise NotFound("on purpose")


def put_what_is_owed_and_fail(db: Connection) -> None:
    flush_deferred(db)
    raise NotFound("on purpose")


def test_deferred_steps_run_after_all_writes_of_the_commit(store: Store) -> None:
    asyncio.run(gathered(store, (put_at_the_end, "a"), (put, "b"), (put_at_the_end, "c")))
    assert read_now(store, kinds) == ["a", "b", "c", "a, at the end", "c, at the end"]


def test_a_failing_write_discards_its_deferred_steps(store: Store) -> None:
    asyncio.run(gathered(store, (put_at_the_end, "a"), (put_at_the_end_and_fail, "b"), (put_at_the_end, "c")))
    assert read_now(store, kinds) == ["a", "c", "a, at the end", "c, at the end"]


def test_a_failing_write_keeps_the_deferred_steps_of_others(store: Store) -> None:
    asyncio.run(gathered(store, (put_at_the_end, "a"), (put_what_is_owed_and_fail,), (put, "b")))
    assert read_now(store, kinds) == ["a", "b", "a, at the end"]


def test_a_failing_deferred_step_rolls_back_the_commit_but_not_the_next(store: Store) -> None:
    def fail_at_the_end(db: Connection) -> None:
        on_commit(db, lambda db: put_and_break_a_constraint(db, "end"))

    failed = asyncio.run(gathered(store, (put, "a"), (fail_at_the_end,), (put_and_fail, "b")))
    assert [type(error) for error in failed] == [ConstraintViolation, ConstraintViolation, NotFound]
    assert asyncio.run(gathered(store, (put_at_the_end, "c"))) == ["c"]
    assert read_now(store, kinds) == ["c", "c, at the end"]


def test_an_exception_in_a_deferred_step_does_not_end_the_writer(store: Store) -> None:
    def stumble_at_the_end(db: Connection) -> None:
        on_commit(db, lambda db: db.no_such_thing())  # type: ignore[attr-defined]

    assert [type(error) for error in asyncio.run(gathered(store, (stumble_at_the_end,)))] == [AttributeError]
    assert asyncio.run(gathered(store, (put, "a"))) == ["a"]


def test_outside_a_group_commit_deferred_steps_run_at_once(store: Store) -> None:
    put_at_the_end(store._writer.connection, "a")
    assert kinds(store._writer.connection) == ["a, at the end", "a"]


def test_a_write_returns_after_it_can_be_read(store: Store) -> None:
    async def write_then_read() -> list[str]:
        await store.write(put, "it")
        return await store.read(kinds)

    assert asyncio.run(write_then_read()) == ["it"]


def test_writes_keep_the_order_of_calls(store: Store) -> None:
    names = [str(n) for n in range(50)]
    assert asyncio.run(gathered(store, *[(put, name) for name in names])) == names
    assert read_now(store, kinds) == names


def test_a_cancelled_caller_does_not_affect_others(store: Store) -> None:
    complaints: list[Any] = []

    async def give_up() -> str:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        gate = Gate()
        first = asyncio.ensure_future(store.write(gate))
        await gate.entered()
        given_up = asyncio.ensure_future(store.write(put, "given up"))
        other = asyncio.ensure_future(store.write(put, "other"))
        await asyncio.sleep(0)
        given_up.cancel()
        gate.open()
        await first
        with pytest.raises(asyncio.CancelledError):
            await given_up
        return await other

    assert asyncio.run(give_up()) == "other"
    assert read_now(store, kinds) == ["given up", "other"]
    assert complaints == []


def test_closing_finishes_what_is_queued(db_path: Path) -> None:
    async def close_behind_writes() -> list[str]:
        store = Store.open(db_path)
        gate = Gate()
        first = asyncio.ensure_future(store.write(gate))
        await gate.entered()
        rest = [asyncio.ensure_future(store.write(put, str(n))) for n in range(2 * MAX_BATCH)]
        await asyncio.sleep(0)
        gate.open()
        store.close()
        await asyncio.gather(first, *rest)
        again = Store.open(db_path)
        found = await again.read(kinds)
        again.close()
        return found

    assert asyncio.run(close_behind_writes()) == [str(n) for n in range(2 * MAX_BATCH)]
