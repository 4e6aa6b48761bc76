"""Lane threads: fair turns between lanes, long jobs yield to short ones, and none waits forever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from omoide.core import logging_config
from omoide.core.errors import Unavailable
from omoide.fairness import lanes, thread_pool
from omoide.fairness.lanes import Lane
from omoide.fairness.thread_pool import FairThreadPool, checkpoint, paused_clock, resting, uninterrupted
from omoide.storage.sqlite import query_timeout
from omoide.storage.sqlite.engine import Connection, Store
from tests import sql
from tests.read_now import read_now

HEAVY, LIGHT, OTHER_KEY = Lane("heavy", "key"), Lane("light", "key"), Lane("heavy", "another key")


@pytest.fixture
def threads() -> Iterator[FairThreadPool]:
    made = FairThreadPool()
    yield made
    made.close()


@pytest.fixture
def without_relief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable relief, so that jobs yield only at checkpoints."""
    monkeypatch.setattr(thread_pool, "RELIEF_SECONDS", 3_600)


def ask(threads: FairThreadPool, lane: Lane, work: Callable[[], Any], computed: float = 0.0) -> asyncio.Task[Any]:
    """Submit the work of a request that has already computed for `computed` seconds."""

    async def asked() -> Any:
        own = lanes.Work(lane)
        own.computed = computed
        lanes.current_work.set(own)
        return await threads.run(work)

    return asyncio.create_task(asked())


async def busy(threads: FairThreadPool) -> threading.Event:
    """Start a job that ends when the event is set."""
    released, begun = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(begun.set)
        released.wait()

    ask(threads, Lane("busy", ""), work)
    await begun.wait()
    return released


def assert_rests(threads: FairThreadPool) -> None:
    """Assert that all slots are free again."""
    threads.close()
    assert (threads._free, threads._extra, threads._started, len(threads._turns)) == (1, 0, 0, 0)


def is_closing(store: Store) -> None:
    with store._idle._changed:
        store._idle._changed.wait_for(lambda: store._idle._is_closed)


def played(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())


@pytest.mark.usefixtures("without_relief")
@pytest.mark.parametrize("light", [LIGHT, OTHER_KEY], ids=["another workspace", "another key"])
def test_a_new_lane_goes_before_two_hundred_waiting_jobs(threads: FairThreadPool, light: Lane) -> None:
    order: list[str] = []

    async def story() -> None:
        released = await busy(threads)
        heavy = [ask(threads, HEAVY, lambda: order.append("heavy")) for _ in range(200)]
        await asyncio.sleep(0)
        one = ask(threads, light, lambda: order.append("light"))
        await asyncio.sleep(0)
        released.set()
        await asyncio.gather(*heavy, one)

    played(story)
    assert order.index("light") <= 1
    assert len(order) == 201


@pytest.mark.usefixtures("without_relief")
def test_a_job_cancelled_while_it_waits_never_runs(threads: FairThreadPool) -> None:
    ran: list[int] = []

    async def story() -> None:
        released = await busy(threads)
        waiting = [ask(threads, HEAVY, lambda n=number: ran.append(n)) for number in range(100)]  # type: ignore[misc]
        await asyncio.sleep(0)
        for each in waiting[::2]:
            each.cancel()
        await asyncio.sleep(0)
        assert len(threads._turns) == 50
        released.set()
        await asyncio.gather(*waiting, return_exceptions=True)

    played(story)
    assert ran == [*range(1, 100, 2)]


def test_an_exception_reaches_only_the_caller_of_the_job(threads: FairThreadPool) -> None:
    async def story() -> None:
        failing, ending, fine = (
            ask(threads, HEAVY, work) for work in (lambda: 1 // 0, lambda: next(iter(())), lambda: "fine")
        )
        with pytest.raises(ZeroDivisionError):
            await failing
        with pytest.raises(RuntimeError, match="StopIteration"):
            await ending
        assert await fine == "fine"

    played(story)


def test_a_job_runs_in_the_context_of_its_request(threads: FairThreadPool) -> None:
    async def story() -> None:
        logging_config.request.set(b"name")
        assert await threads.run(logging_config.request_id) == "name"

    played(story)


def spin(until: threading.Event, most: int = 1_000_000_000) -> None:
    for _ in range(most):
        if until.is_set():
            return
        checkpoint()


def release(events: list[threading.Event]) -> None:
    for event in events:
        event.set()


def wait_for(event: threading.Event) -> None:
    event.wait()


@pytest.mark.usefixtures("without_relief")
def test_long_work_yields_at_its_checkpoints(threads: FairThreadPool) -> None:
    async def story() -> None:
        reached = threading.Event()
        long = ask(threads, HEAVY, lambda: spin(reached))
        await asyncio.sleep(0)
        await ask(threads, LIGHT, reached.set)
        await long

    played(story)


@pytest.mark.usefixtures("without_relief")
def test_a_job_that_computed_for_long_yields_to_others_of_its_lane(threads: FairThreadPool) -> None:
    order: list[str] = []

    async def story() -> None:
        reached = threading.Event()

        def long() -> None:
            spin(reached)
            order.append("long")

        asked = [ask(threads, HEAVY, long, computed=60.0)]
        await asyncio.sleep(0)
        asked += [ask(threads, HEAVY, lambda: order.append("next")) for _ in range(3)]
        asked.append(ask(threads, LIGHT, reached.set))
        await asyncio.gather(*asked)

    played(story)
    assert order == ["next", "next", "next", "long"]


def test_a_job_without_checkpoints_does_not_block_others(threads: FairThreadPool) -> None:
    async def story() -> None:
        events = [threading.Event() for _ in range(thread_pool.MOST_AT_A_TIME - 1)]
        long = [ask(threads, HEAVY, event.wait) for event in events]
        await asyncio.sleep(0)
        await ask(threads, LIGHT, lambda: release(events))
        await asyncio.gather(*long)

    played(story)
    assert_rests(threads)


@pytest.mark.usefixtures("without_relief")
def test_an_uninterrupted_block_does_not_yield(threads: FairThreadPool) -> None:
    order: list[str] = []

    async def story() -> None:
        waiting = threading.Event()

        def holding() -> None:
            with uninterrupted():
                waiting.wait()
                for _ in range(100_000):
                    checkpoint()
            order.append("holding")

        long = ask(threads, HEAVY, holding)
        await asyncio.sleep(0)
        other = ask(threads, LIGHT, lambda: order.append("other"))
        await asyncio.sleep(0)
        waiting.set()
        await asyncio.gather(long, other)

    played(story)
    assert order == ["holding", "other"]


@pytest.mark.usefixtures("without_relief")
def test_a_paused_job_that_holds_a_lock_continues(threads: FairThreadPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_pool, "MOST_PAUSED_SECONDS", 0.01)

    async def story() -> None:
        begun, lock = threading.Event(), threading.Lock()

        def holding() -> None:
            with lock:
                spin(begun)

        def needing() -> None:
            begun.set()
            lock.acquire()

        await asyncio.gather(ask(threads, HEAVY, holding), ask(threads, LIGHT, needing))

    played(story)
    assert_rests(threads)


@pytest.mark.usefixtures("without_relief")
def test_other_jobs_run_while_a_job_is_resting(threads: FairThreadPool) -> None:
    async def story() -> None:
        reached = threading.Event()
        held = ask(threads, HEAVY, lambda: resting(lambda: wait_for(reached)))
        await asyncio.sleep(0)
        await ask(threads, LIGHT, reached.set)
        await held

    played(story)
    assert_rests(threads)


@pytest.mark.usefixtures("without_relief")
def test_more_jobs_can_be_long_than_there_are_threads() -> None:
    few = FairThreadPool(most_threads=3)

    async def story() -> None:
        reached = threading.Event()
        long = [ask(few, Lane(f"heavy {n}", ""), lambda: spin(reached)) for n in range(2)]
        await asyncio.sleep(0)
        await ask(few, LIGHT, reached.set)
        await asyncio.gather(*long)
        rounds = [ask(few, Lane(f"heavy {n}", ""), lambda: spin(threading.Event(), 20_000)) for n in range(8)]
        await asyncio.gather(*rounds)

    played(story)
    assert_rests(few)


@pytest.mark.usefixtures("without_relief")
def test_a_long_statement_yields(db_path: Path) -> None:
    store = Store.open(db_path, durability="normal")
    reached = threading.Event()

    def long(db: Connection) -> int:
        db.create_function("reached", 0, reached.is_set)
        counted = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE NOT reached())"
        return int(sql.value(db, f"{counted} SELECT count(*) FROM n"))

    async def ask_store(lane: Lane, fn: Callable[[Connection], Any]) -> Any:
        lanes.current_work.set(lanes.Work(lane))
        return await store.read_offloaded(fn)

    async def story() -> None:
        reading = asyncio.create_task(ask_store(HEAVY, long))
        await asyncio.sleep(0)
        await asyncio.create_task(ask_store(LIGHT, lambda db: reached.set()))
        assert await reading > 0

    played(story)
    store.close()


@pytest.mark.usefixtures("without_relief")
def test_the_paused_clock_measures_the_pauses_of_a_job(threads: FairThreadPool) -> None:
    async def story() -> None:
        reached = threading.Event()

        def long() -> tuple[float, float]:
            paused = paused_clock()
            before = paused()
            spin(reached)
            return before, paused()

        asked = ask(threads, HEAVY, long)
        await asyncio.sleep(0)
        await ask(threads, LIGHT, reached.set)
        before, after = await asked
        assert (before, after > 0) == (0.0, True)

    played(story)


def test_the_deadline_of_a_filter_excludes_pauses(db_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(0, 1_000_000, 1_000))
    monkeypatch.setattr(query_timeout, "paused_clock", lambda: lambda: float(next(times)))
    count = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n"
    store = Store.open(db_path, durability="normal")
    assert read_now(store, query_timeout.run_with_timeout, 0.001, lambda db: sql.value(db, count)) == 300_000
    store.close()


@pytest.mark.usefixtures("without_relief")
def test_a_closing_store_finishes_started_reads_and_fails_the_others(db_path: Path) -> None:
    store = Store.open(db_path, durability="normal")

    async def story() -> None:
        begun, released = threading.Event(), threading.Event()

        def first(db: Connection) -> int:
            begun.set()
            released.wait()
            return int(sql.value(db, "SELECT 5"))

        reading = asyncio.create_task(store.read_offloaded(first))
        await asyncio.sleep(0)
        begun.wait()
        waiting = [asyncio.create_task(store.read_offloaded(lambda db: 1)) for _ in range(20)]
        await asyncio.sleep(0)
        closing = threading.Thread(target=store.close)
        closing.start()
        await asyncio.to_thread(is_closing, store)
        released.set()
        assert await reading == 5
        for each in waiting:
            with pytest.raises(Unavailable, match="closed"):
                await each
        closing.join()

    played(story)
