"""Fair scheduling in the event loop: many connections of one caller do not block another caller."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from omoide.core import clock
from omoide.core.records import Change, PageRequest
from omoide.fairness import loop_scheduler
from omoide.fairness.lanes import Lane, Work
from omoide.fairness.loop_scheduler import FairLoopScheduler
from omoide.storage import peers
from omoide.storage.sqlite.engine import COUNTED_ON_LOOP, Connection, Store
from tests import sql

HEAVY, LIGHT = Lane("heavy", "key"), Lane("light", "key")


class Requests:
    """Requests that are answered without waiting. Each takes some seconds of a clock that only they advance."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.order: list[str] = []
        self.in_threads: list[Lane] = []
        self.turns = FairLoopScheduler(lambda: 32, lambda: self.in_threads)
        monkeypatch.setattr(loop_scheduler, "perf_counter", lambda: self.now)
        asyncio.run(self.ask(LIGHT, 0.0))  # so that the other lane is not alone
        self.order.clear()

    async def ask(self, lane: Lane, seconds: float) -> None:
        if (turn := self.turns.admit(lane)) is not None:
            await turn
        self.now += seconds
        self.order.append(lane.workspace)

    def begin(self, lane: Lane, seconds: float, count: int) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self.ask(lane, seconds)) for _ in range(count)]


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    return Requests(monkeypatch)


@pytest.mark.parametrize("seconds", [0.0005, 0.01, 0.2])
def test_a_request_goes_before_the_waiting_ones_of_a_busy_lane(requests: Requests, seconds: float) -> None:
    async def story() -> None:
        heavy = requests.begin(HEAVY, seconds, 300)
        await asyncio.sleep(0)
        before = len(requests.order)
        light = requests.begin(LIGHT, 0.0001, 1)
        await asyncio.gather(*heavy, *light)
        at_once = loop_scheduler.ROUND_SECONDS / seconds + 1
        assert before <= at_once + 1
        assert requests.order.index("light") <= before + 2 * at_once + 1

    asyncio.run(story())
    assert len(requests.order) == 301


def test_short_requests_start_immediately(requests: Requests) -> None:
    async def story() -> None:
        asked = requests.begin(HEAVY, 0.0001, 25)
        await asyncio.sleep(0)
        assert len(requests.order) == 25
        await asyncio.gather(*asked)

    asyncio.run(story())


def test_a_request_cancelled_while_it_waits_never_starts(requests: Requests) -> None:
    async def story() -> None:
        asked = requests.begin(HEAVY, 0.01, 50)
        await asyncio.sleep(0)
        for each in asked[25:]:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert not len(requests.turns._turns)

    asyncio.run(story())
    assert len(requests.order) == 25


def test_a_page_of_many_rows_is_counted_off_the_event_loop(db_path: Path) -> None:
    store = Store.open(db_path, durability="normal")

    def fill(db: Connection, count: int) -> None:
        known = sql.count(db, "peers")
        for number in range(known, count):
            peers.get_or_create(db, "w", f"p{number}", Change(), clock.now())

    async def is_read_at_once() -> bool:
        """Whether the page was read without yielding to the event loop."""
        reading = asyncio.create_task(store.read_page(peers.page, "w", PageRequest(1, 1, False)))
        await asyncio.sleep(0)
        at_once = reading.done()
        page = await reading
        assert page.total == await store.read(sql.count, "peers")
        return at_once

    async def story() -> None:
        await store.write(fill, COUNTED_ON_LOOP)
        assert await is_read_at_once()
        await store.write(fill, COUNTED_ON_LOOP + 1)
        assert not await is_read_at_once()
        assert (await store.read(peers.page, "w", PageRequest(1, 1, False))).total == COUNTED_ON_LOOP + 1

    asyncio.run(story())
    store.close()


def test_requests_of_a_busy_lane_wait_while_threads_work_for_another(requests: Requests) -> None:
    """The loop pauses between rounds, so that threads can compute."""

    async def story(in_threads: list[Lane]) -> int:
        requests.in_threads, requests.order = in_threads, []
        heavy = requests.begin(HEAVY, 0.002, 20)
        rounds = 0
        while not all(each.done() for each in heavy):
            await asyncio.sleep(0)
            rounds += 1
        return rounds

    at_once = asyncio.run(story([]))
    assert asyncio.run(story([LIGHT])) > 2 * at_once
    assert asyncio.run(story([HEAVY])) <= 2 * at_once, "it does not wait for its own work"


def test_requests_of_the_only_lane_do_not_wait_for_rounds(requests: Requests) -> None:
    async def story() -> None:
        heavy = requests.begin(HEAVY, 0.01, 200)
        await asyncio.sleep(0)
        assert len(requests.order) < 200, "the light lane was active a moment ago"
        await asyncio.gather(*heavy)
        requests.now += loop_scheduler.ALONE_SECONDS
        heavy = requests.begin(HEAVY, 0.01, 200)
        await asyncio.sleep(0)
        assert len(requests.order) == 400
        await asyncio.gather(*heavy)

    asyncio.run(story())


def test_a_request_takes_a_turn_again_after_a_wait(requests: Requests) -> None:
    """Its work after the wait is charged to its lane, so that others do not wait for all of it."""

    async def write(seconds: float, committed: asyncio.Event) -> None:
        if (turn := requests.turns.admit(HEAVY)) is not None:
            await turn
        await committed.wait()
        if (turn := Work(HEAVY, requests.turns.admit).go_on()) is not None:
            await turn
        requests.now += seconds
        requests.order.append("heavy")

    async def story() -> None:
        committed = asyncio.Event()
        heavy = [asyncio.create_task(write(0.01, committed)) for _ in range(100)]
        for _ in range(3):
            await asyncio.sleep(0)
        committed.set()
        for _ in range(3):
            await asyncio.sleep(0)
        before = len(requests.order)
        light = requests.begin(LIGHT, 0.0001, 1)
        await asyncio.gather(*heavy, *light)
        assert before < 10
        assert requests.order.index("light") <= before + 3

    asyncio.run(story())
