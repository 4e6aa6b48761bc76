"""Fair queuing by lane: lanes that have used little time go first, and no lane starves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from omoide.asgi.callers import Callers
from omoide.fairness import lanes
from omoide.fairness.fair_queue import CREDIT_SECONDS, LEAST_COST_SECONDS, MOST_REMEMBERED, FairQueue, FairSemaphore
from omoide.fairness.lanes import AGE_PER_SECOND, Lane, Work

HEAVY, LIGHT = Lane("heavy", "key"), Lane("light", "key")


def served(waiting: FairQueue[str], count: int, seconds: Callable[[str], float]) -> list[str]:
    """The next items; the work of each takes `seconds(item)`."""
    order = []
    for _ in range(count):
        turn = waiting.take()
        assert turn is not None
        waiting.done(turn, seconds(turn.item))
        order.append(turn.item)
    return order


def queued(*lanes: tuple[Lane, int]) -> FairQueue[str]:
    waiting: FairQueue[str] = FairQueue()
    for lane, count in lanes:
        for number in range(count):
            waiting.put(lane, f"{lane.workspace}/{lane.caller}/{number}")
    return waiting


def test_items_of_one_lane_keep_their_order() -> None:
    waiting = queued((HEAVY, 50))
    assert served(waiting, 50, lambda _: 0.01) == [f"heavy/key/{number}" for number in range(50)]
    assert waiting.take() is None


@pytest.mark.parametrize(
    "light",
    [Lane("light", "key"), Lane("heavy", "another key")],
    ids=["another workspace", "another caller of the workspace"],
)
@pytest.mark.parametrize("before", [0, 1, 7], ids=lambda count: f"{count} served before")
def test_a_new_lane_goes_before_the_waiting_items_of_another(light: Lane, before: int) -> None:
    waiting = queued((HEAVY, 200))
    served(waiting, before, lambda _: 0.02)
    waiting.put(light, "light")
    assert "light" in served(waiting, 2, lambda _: 0.02)


def test_a_lane_that_used_much_waits_until_others_have_used_as_much() -> None:
    waiting = queued((HEAVY, 100), (LIGHT, 1_000))
    order = served(waiting, 505, lambda item: 0.1 if item.startswith("heavy") else 0.001)
    assert 4 <= sum(item.startswith("heavy") for item in order) <= 6


def test_a_short_item_overtakes_ten_busy_lanes() -> None:
    heavy = [Lane(f"heavy-{number}", "key") for number in range(10)]
    waiting = queued(*((lane, 50) for lane in heavy))
    served(waiting, 100, lambda _: 0.02)
    behind = []
    for number in range(20):
        waiting.put(LIGHT, f"light {number}")
        behind.append(served(waiting, 2, lambda item: 0.001 if item.startswith("light") else 0.02))
    assert [order[0] for order in behind] == [f"light {number}" for number in range(20)]


def test_workspaces_get_equal_shares_whatever_their_number_of_callers() -> None:
    many = [(Lane("many", f"key {number}"), 100) for number in range(20)]
    order = served(queued(*many, (Lane("one", "key"), 100)), 150, lambda _: 0.01)
    assert 70 <= sum(item.startswith("one/") for item in order) <= 80


def test_a_steady_arrival_of_new_lanes_starves_no_lane() -> None:
    waiting = queued((HEAVY, 2), *((Lane(f"new {number}", "key"), 1) for number in range(10)))
    assert served(waiting, 1, lambda _: 1.0) == ["heavy/key/0"]
    order: list[str] = []
    for number in range(10, 6_000):
        waiting.put(Lane(f"new {number}", "key"), "new")
        order += served(waiting, 1, lambda _: 0.01)
    assert "heavy/key/1" in order


def test_work_in_progress_counts_as_usage() -> None:
    waiting = queued((HEAVY, 10))
    served(waiting, 5, lambda _: 0.05)
    running = [waiting.take(), waiting.take()]
    assert all(turn and turn.lane == HEAVY for turn in running)
    waiting.put(LIGHT, "light")
    turn = waiting.take()
    assert turn is not None
    assert turn.item == "light"


def test_an_idle_lane_gets_at_most_the_credit() -> None:
    """A lane that was idle for long is not served exclusively until it has used as much as the others."""
    waiting = queued((HEAVY, 2_000))
    served(waiting, 500, lambda _: 0.02)
    for number in range(1_000):
        waiting.put(LIGHT, f"light {number}")
    order = served(waiting, 100, lambda _: 0.02)
    first_heavy = next(at for at, item in enumerate(order) if item.startswith("heavy"))
    assert first_heavy <= 2 * CREDIT_SECONDS / 0.02 + 1
    assert 40 <= sum(item.startswith("heavy") for item in order) <= 60


def test_a_removed_item_is_never_taken() -> None:
    waiting = queued((HEAVY, 3), (LIGHT, 1))
    assert waiting.remove(HEAVY, "heavy/key/1")
    assert waiting.remove(LIGHT, "light/key/0")
    assert not waiting.remove(LIGHT, "light/key/0")
    assert len(waiting) == 2
    assert served(waiting, 2, lambda _: 0.01) == ["heavy/key/0", "heavy/key/2"]


def test_the_number_of_accounts_is_bounded() -> None:
    waiting = queued((HEAVY, 10_000))
    for number in range(3 * MOST_REMEMBERED):
        waiting.put(Lane(f"workspace {number % 7_000}", f"key {number}"), "item")
        served(waiting, 1, lambda _: LEAST_COST_SECONDS)
    levels = [workspace.held for workspace in waiting._workspaces.members.values()]
    assert sum(len(level.members) for level in levels) <= MOST_REMEMBERED + len(waiting) + 1


def test_accounts_are_dropped_when_no_item_waits_or_runs() -> None:
    waiting = queued((HEAVY, 3), (LIGHT, 3))
    served(waiting, 6, lambda _: 1.0)
    assert not waiting._workspaces.members


def test_a_gate_admits_lanes_in_turn() -> None:
    order: list[str] = []

    async def hold(gate: FairSemaphore, own: Lane) -> None:
        lanes.current_work.set(lanes.Work(own))
        async with gate.turn():
            order.append(own.workspace)
            await asyncio.sleep(0)

    async def story() -> None:
        gate = FairSemaphore(1)
        heavy = [asyncio.create_task(hold(gate, HEAVY)) for _ in range(50)]
        await asyncio.sleep(0)
        light = [asyncio.create_task(hold(gate, LIGHT)) for _ in range(3)]
        await asyncio.gather(*heavy, *light)
        assert gate.waiting == 0

    asyncio.run(story())
    assert order[:10].count("light") == 3


def test_a_gate_admits_at_most_its_number_of_permits() -> None:
    inside, most = 0, 0

    async def hold(gate: FairSemaphore) -> None:
        nonlocal inside, most
        async with gate.turn():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async def story() -> None:
        gate = FairSemaphore(3)
        await asyncio.gather(*(hold(gate) for _ in range(20)))

    asyncio.run(story())
    assert most == 3


@pytest.mark.parametrize("given", [False, True], ids=["while it waits", "in the moment it is let through"])
def test_a_cancelled_caller_releases_its_permit(given: bool) -> None:
    async def story() -> None:
        gate = FairSemaphore(1)
        released = asyncio.Event()

        async def hold() -> None:
            async with gate.turn():
                await released.wait()

        first = asyncio.create_task(hold())
        await asyncio.sleep(0)
        second, third = asyncio.create_task(hold()), asyncio.create_task(hold())
        await asyncio.sleep(0)
        if given:
            released.set()
            await asyncio.sleep(0)
            assert gate.waiting == 1
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        released.set()
        await asyncio.gather(first, third)
        assert gate.waiting == 0

    asyncio.run(story())


GOOD = Callers(lambda authorization: "made-up" not in authorization)


def scope(*, address: str = "192.0.2.1", authorization: bytes = b"", workspace: str = "w") -> Any:
    headers = [(b"host", b"localhost"), *([(b"authorization", authorization)] if authorization else [])]
    return {"headers": headers, "client": (address, 50_000), "path_params": {"workspace_id": workspace}}


def test_requests_with_one_key_share_a_lane_whatever_their_address() -> None:
    lanes = {
        GOOD.lane(scope(address=address, authorization=authorization))
        for address in ("192.0.2.1", "192.0.2.2")
        for authorization in (b"Bearer a.b.c", b"bearer  a.b.c ")
    }
    assert lanes == {Lane("w", "a.b.c")}


def test_requests_without_a_valid_key_have_a_lane_per_address_and_workspace() -> None:
    requests = [
        scope(),
        scope(authorization=b"Bearer made-up"),
        scope(address="192.0.2.2"),
        scope(workspace="another"),
    ]
    assert [GOOD.lane(each) for each in requests] == [
        Lane("w", "192.0.2.1"),
        Lane("w", "192.0.2.1"),
        Lane("w", "192.0.2.2"),
        Lane("another", "192.0.2.1"),
    ]


def test_without_authentication_keys_are_ignored() -> None:
    assert Callers(None).lane(scope(authorization=b"Bearer a.b.c")) == Lane("w", "192.0.2.1")


def test_a_new_lane_goes_before_a_lane_that_worked_alone() -> None:
    turns: FairQueue[str] = FairQueue()
    busy, new = Lane("busy", "key"), Lane("new", "key")
    for number in range(3):
        turns.put(busy, f"busy {number}")
    first = turns.take()
    assert first is not None
    turns.done(first, 0.02)
    turns.put(busy, "busy 3")
    turns.put(new, "new 0")
    order = []
    while (turn := turns.take()) is not None:
        order.append(turn.item)
        turns.done(turn, 0.02)
    assert order[0] == "new 0"
    assert [item for item in order if item != "new 0"] == ["busy 1", "busy 2", "busy 3"]


def test_within_a_lane_short_work_overtakes_long_work() -> None:
    long, short, later = (Work(LIGHT) for _ in range(3))
    later.began = short.began + AGE_PER_SECOND
    long.computed = (short.began - long.began) / AGE_PER_SECOND + 0.5
    waiting: FairQueue[str] = FairQueue()
    for name, each in (("long", long), ("later", later), ("short", short)):
        waiting.put(LIGHT, name, each.rank())
    order = [turn.item for turn in iter(waiting.take, None)]
    assert order == ["short", "long", "later"], "long work does not starve"


def test_items_of_equal_rank_keep_their_order_when_another_lane_joins() -> None:
    waiting: FairQueue[int] = FairQueue()
    for number, rank in enumerate((2.0, 1.0, 2.0, 1.0)):
        waiting.put(LIGHT, number, rank)
    waiting.put(Lane("another", "key"), 9)
    assert [turn.item for turn in iter(waiting.take, None) if turn.lane == LIGHT] == [1, 3, 0, 2]
    assert len(waiting) == 0
