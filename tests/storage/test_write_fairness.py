"""Writes are scheduled by lane, and a commit takes no more writes after its time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

from omoide.core.errors import NotFound, Unavailable
from omoide.fairness.lanes import Lane, Work, current_work
from omoide.storage.sqlite import writer
from omoide.storage.sqlite.engine import Connection, Store
from omoide.storage.sqlite.group_commit import MAX_BATCH
from tests import sql
from tests.read_now import read_now
from tests.storage.row_factories import Gate, kinds, put

HEAVY, LIGHT = Lane("heavy", "a"), Lane("light", "b")


def writing(store: Store, of: Lane, *write: Any) -> asyncio.Future[Any]:
    """Queue a write in this lane; it is queued after the next iteration of the event loop."""

    def begin() -> asyncio.Future[Any]:
        current_work.set(Work(of))
        return asyncio.ensure_future(store.write(*write))

    return copy_context().run(begin)


async def gathered(store: Store, writes: Sequence[tuple[Lane, Any]]) -> list[Any]:
    """The results of writes that are all queued before any of them runs, behind a gate in the first one's lane."""
    gate = Gate()
    first = writing(store, writes[0][0], gate)
    await gate.entered()
    tasks = [writing(store, *each) for each in writes]
    await asyncio.sleep(0)
    gate.open()
    return (await asyncio.gather(first, *tasks, return_exceptions=True))[1:]


def store_in_order(store: Store, lanes: Sequence[Lane]) -> list[str]:
    """Queue writes in this order; returns their `workspace/caller number` in the order in which they were stored."""

    def named(of: Lane, number: int) -> Any:
        return lambda db: put(db, f"{of.workspace}/{of.caller} {number}")

    asyncio.run(gathered(store, [(of, named(of, number)) for number, of in enumerate(lanes)]))
    return read_now(store, kinds)


def commits(store: Store, lanes: Sequence[Lane]) -> int:
    """The number of commits for one write in each of the lanes."""
    seen: list[str] = []
    asyncio.run(store.write(lambda db: db.set_trace_callback(seen.append)))
    asyncio.run(gathered(store, [(of, lambda db: put(db, "it")) for of in lanes]))
    asyncio.run(store.write(lambda db: db.set_trace_callback(None)))
    return seen.count("COMMIT") - 1


@pytest.mark.parametrize("other", [LIGHT, Lane("heavy", "another caller")])
def test_a_write_of_another_lane_is_in_the_next_commit(other: Lane, store: Store) -> None:
    stored = store_in_order(store, [HEAVY] * 200 + [other])
    assert len(stored) == 201
    assert stored.index(f"{other.workspace}/{other.caller} 200") == 0


def test_a_light_workspace_waits_for_at_most_one_write_of_each_other(store: Store) -> None:
    heavy = [Lane(f"heavy {number % 20}", "a") for number in range(200)]
    assert store_in_order(store, [*heavy, LIGHT]).index("light/b 200") <= 20


def test_writes_of_one_lane_keep_the_order_of_calls(store: Store) -> None:
    stored = store_in_order(store, [HEAVY, LIGHT, LIGHT, HEAVY, HEAVY, LIGHT] * 40)
    for of in ("heavy", "light"):
        numbers = [int(kind.split()[-1]) for kind in stored if kind.startswith(of)]
        assert len(numbers) == 120
        assert numbers == sorted(numbers)


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, 31), (float("inf"), 1)])
def test_a_commit_takes_no_more_writes_after_its_time_limit(
    seconds: float, expected: int, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "BATCH_SECONDS", seconds)
    assert commits(store, [HEAVY, LIGHT, LIGHT] * 10) == expected
    assert read_now(store, kinds) == ["it"] * 30


def test_writes_of_many_lanes_share_a_commit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "BATCH_SECONDS", float("inf"))
    assert commits(store, [Lane(f"w{number}", "a") for number in range(MAX_BATCH - 1)]) == 1


def test_a_failing_write_is_followed_by_the_next(store: Store) -> None:
    def fail(db: Connection) -> None:
        put(db, "failed")
        raise NotFound("on purpose")

    results = asyncio.run(gathered(store, [(HEAVY, fail), (LIGHT, lambda db: put(db, "kept")), (HEAVY, fail)]))
    assert [type(result) for result in results] == [NotFound, str, NotFound]
    assert asyncio.run(gathered(store, [(HEAVY, lambda db: put(db, "after"))])) == ["after"]
    assert read_now(store, kinds) == ["kept", "after"]


def test_writes_waiting_for_a_lock_are_refused_and_the_next_succeeds(db_path: Path) -> None:
    store = Store.open(db_path, busy_timeout=0.05)

    async def refused() -> list[Any]:
        tasks = [writing(store, of, lambda db: put(db, "it")) for of in (HEAVY, LIGHT)]
        return await asyncio.gather(*tasks, return_exceptions=True)

    with sql.locked(db_path):
        assert [type(result) for result in asyncio.run(refused())] == [Unavailable] * 2
    assert store_in_order(store, [HEAVY, LIGHT]) == ["light/b 1", "heavy/a 0"]
    store.close()


def test_closing_finishes_the_writes_of_all_lanes(db_path: Path) -> None:
    async def close_behind_writes() -> None:
        store = Store.open(db_path)
        gate = Gate()
        first = writing(store, HEAVY, gate)
        await gate.entered()
        tasks = [writing(store, Lane(str(number % 7), "a"), lambda db: put(db, "it")) for number in range(300)]
        await asyncio.sleep(0)
        gate.open()
        store.close()
        await asyncio.gather(first, *tasks)

    asyncio.run(close_behind_writes())
    again = Store.open(db_path)
    assert read_now(again, kinds) == ["it"] * 300
    again.close()
