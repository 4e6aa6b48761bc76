"""Fair queuing of requests to models, and limits for lanes and background work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from omoide.core.settings import Settings
from omoide.fairness import lanes
from omoide.fairness.lanes import Lane
from omoide.inference.concurrency_limit import Busy, ConcurrencyLimiter
from omoide.inference.errors import ModelBusy
from omoide.inference.model_config import Task
from omoide.inference.model_registry import chat_models
from omoide.reasoner.agentic.model_client import PLAIN, ModelCaller, Opening
from tests.inference.faulty_provider import misbehaving, said

HEAVY, LIGHT, OTHER = Lane("heavy", "key"), Lane("light", "key"), Lane("heavy", "another key")


class Door:
    """Requests through a gate. `inside` names those that hold a slot, in the order in which they got it."""

    def __init__(self, places: int) -> None:
        self.gate = ConcurrencyLimiter(places)
        self.inside: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, name: str, lane: Lane = HEAVY, task: Task = "answer", seconds: float | None = None) -> None:
        """A request that holds its slot until it is released."""

        async def request() -> None:
            lanes.current_work.set(lanes.Work(lane))
            async with self.gate.place(task, seconds):
                self.inside.append(name)
                await self.ends[name].wait()

        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(request())
        await settled()

    async def leave(self, name: str) -> None:
        self.ends[name].set()
        await self.tasks[name]
        await settled()

    async def close(self) -> None:
        for end in self.ends.values():
            end.set()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


async def settled() -> None:
    """Run the event loop until all tasks are blocked."""
    for _ in range(20):
        await asyncio.sleep(0)


def play(places: int, story: Callable[[Door], Awaitable[None]]) -> Door:
    async def played() -> Door:
        door = Door(places)
        try:
            await story(door)
        finally:
            await door.close()
        return door

    return asyncio.run(played())


@pytest.mark.parametrize("light", [LIGHT, OTHER], ids=["another workspace", "another caller"])
def test_a_thousand_requests_of_one_lane_leave_a_slot_to_others(light: Lane) -> None:
    async def story(door: Door) -> None:
        for number in range(1_000):
            await door.come(f"heavy {number}")
        assert door.inside == ["heavy 0", "heavy 1", "heavy 2"]
        await door.come("light", light)
        assert door.inside[3:] == ["light"]

    play(4, story)


def test_a_freed_slot_goes_to_a_lane_without_one() -> None:
    async def story(door: Door) -> None:
        for number in range(10):
            await door.come(f"heavy {number}")
            await door.come(f"other {number}", OTHER)
        assert len(door.inside) == 4
        await door.come("light", LIGHT)
        await door.leave(door.inside[0])
        assert door.inside[4:] == ["light"]

    play(4, story)


@pytest.mark.parametrize("places", [1, 2])
def test_a_lane_may_hold_all_of_one_or_two_slots(places: int) -> None:
    async def story(door: Door) -> None:
        for number in range(5):
            await door.come(f"heavy {number}")
        assert len(door.inside) == places

    play(places, story)


@pytest.mark.parametrize(("places", "most"), [(1, 1), (2, 1), (4, 3)])
def test_background_work_leaves_a_slot_to_questions(places: int, most: int) -> None:
    async def story(door: Door) -> None:
        for number in range(9):
            await door.come(f"derive {number}", lanes.BACKGROUND, "derive")
        assert len(door.inside) == most
        if places > 1:
            await door.come("question")
            assert door.inside[most:] == ["question"]

    play(places, story)


def test_a_request_that_times_out_is_refused_and_leaves_no_trace() -> None:
    async def story(door: Door) -> None:
        for number in range(4):
            await door.come(f"heavy {number}", Lane(f"w{number}", ""))
        for lane in (LIGHT, HEAVY):
            await door.come("late", lane, seconds=0)
            with pytest.raises(Busy):
                await door.tasks["late"]
        await door.leave("heavy 0")
        await door.come("next", LIGHT, seconds=0)
        assert door.inside[-1] == "next"

    assert not play(4, story).gate._lanes


def test_a_request_cancelled_while_waiting_holds_no_slot() -> None:
    async def story(door: Door) -> None:
        for number in range(6):
            await door.come(f"heavy {number}")
        for name in ("heavy 3", "heavy 1"):
            door.tasks[name].cancel()
        await settled()
        assert door.inside == ["heavy 0", "heavy 1", "heavy 2", "heavy 4"]

    assert not play(4, story).gate._lanes


def test_a_question_that_cannot_start_in_time_reports_a_busy_model() -> None:
    async def asked(url: str) -> None:
        options = {"model_base_url": url, "model_fallback": "openai:spare", "model_fallback_base_url": url}
        settings = Settings.model_validate(
            {"model": "openai:toy", "model_concurrency": 1, "model_timeout_seconds": 0.1, **options}
        )
        models = chat_models(settings)
        history = [Opening("Rules.", "Who keeps bees?").request()]
        try:
            async with models._gate.place("answer", None):
                await ModelCaller(models, "answer").spoken(history, 100, PLAIN, lambda _: None)
        finally:
            await models.aclose()

    with misbehaving(said("Bees.")) as provider:
        with pytest.raises(ModelBusy) as caught:
            asyncio.run(asked(provider.url))
        assert provider.asked == []
    assert caught.value.detail == "The model is busy: the request could not start within 0.05 s."
    assert caught.value.status == 503
