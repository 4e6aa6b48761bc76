"""Writes that gather share one commit, and each is answered for itself after it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from omoide.errors import NotFound, Unavailable
from omoide.store import Connection, Store
from omoide.store.database import MAX_BATCH
from tests.store.rows import Gate, kinds, put


def put_and_fail(db: Connection, kind: str) -> None:
    put(db, kind)
    raise NotFound("on purpose")


def put_and_break_a_constraint(db: Connection, kind: str) -> None:
    put(db, kind)
    db.execute("INSERT INTO jobs (kind, payload, created_at, due_at) VALUES (NULL, '', 0, 0)")


async def gathered(store: Store, *writes: Any) -> list[Any]:
    """The results of writes (function and arguments) that stand in the queue before the first of them runs."""
    gate = Gate()
    first = asyncio.ensure_future(store.write(gate))
    await gate.entered()
    tasks = [asyncio.ensure_future(store.write(*write)) for write in writes]
    await asyncio.sleep(0)  # each task runs up to its place in the queue
    gate.open()
    await first
    return await asyncio.gather(*tasks, return_exceptions=True)


async def commits(store: Store, count: int) -> int:
    """How many commits it takes to store `count` writes that have gathered."""
    seen: list[str] = []
    await store.write(lambda db: db.set_trace_callback(seen.append))
    await gathered(store, *[(put, str(n)) for n in range(count)])
    await store.write(lambda db: db.set_trace_callback(None))
    beside = 2  # the commit of the write that sets the trace, and that of the gate
    return sum(statement.startswith("COMMIT") for statement in seen) - beside


def test_writes_that_gather_share_one_commit(store: Store) -> None:
    assert asyncio.run(commits(store, MAX_BATCH)) == 1
    assert store.read(kinds) == [str(n) for n in range(MAX_BATCH)]


def test_a_commit_is_shared_by_a_limited_number(store: Store) -> None:
    assert asyncio.run(commits(store, 2 * MAX_BATCH + 1)) == 3


@pytest.mark.parametrize(("failing", "error"), [(put_and_fail, NotFound), (put_and_break_a_constraint, Unavailable)])
def test_a_write_that_fails_hurts_only_itself(failing: Any, error: type[Exception], store: Store) -> None:
    before, failed, after = asyncio.run(gathered(store, (put, "before"), (failing, "failed"), (put, "after")))
    assert (before, after) == ("before", "after")
    assert isinstance(failed, error)
    assert store.read(kinds) == ["before", "after"]


def test_a_write_is_answered_after_it_can_be_read(store: Store) -> None:
    async def write_then_read() -> list[str]:
        await store.write(put, "it")
        return store.read(kinds)

    assert asyncio.run(write_then_read()) == ["it"]


def test_writes_are_done_in_the_order_of_the_calls(store: Store) -> None:
    names = [str(n) for n in range(50)]
    assert asyncio.run(gathered(store, *[(put, name) for name in names])) == names
    assert store.read(kinds) == names


def test_a_caller_that_has_given_up_disturbs_nobody(store: Store) -> None:
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
    assert store.read(kinds) == ["given up", "other"]
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
        found = again.read(kinds)
        again.close()
        return found

    assert asyncio.run(close_behind_writes()) == [str(n) for n in range(2 * MAX_BATCH)]
