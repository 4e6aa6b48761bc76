"""Results follow the time of messages, even if older messages are imported later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from omoide.core.clock import to_micros
from omoide.core.job_payloads import DreamPayload
from omoide.core.records import MessageBatch, NewMessage
from omoide.reasoner.memory_view import MemoryScope, MemoryView
from omoide.reasoner.protocol import Dreamed, DreamTask, SummaryTask
from omoide.services import ingest
from omoide.services.context_builder import SessionContextRequest, session_context
from omoide.storage import cards, conclusion_search, dreams
from omoide.storage.conclusion_search import ConclusionSearch
from omoide.storage.dream_jobs import OMNI
from tests.read_now import read_now
from tests.worker.worker_fixture import Home, HookedReasoner

Play = Callable[..., Any]
NEWER, OLDER = (to_micros(datetime(year, 5, 1, tzinfo=UTC)) for year in (2025, 2020))


async def say(home: Home, at: int, *lines: str, session: str = "s") -> None:
    batch = [NewMessage("alice", line, {}, 0, at + number) for number, line in enumerate(lines)]
    await ingest.add_messages(home.deps, MessageBatch("w", session, batch))
    await home.work()


async def context(home: Home, budget: int, *, with_summary: bool = False) -> list[str]:
    request = SessionContextRequest("w", "s", budget, with_summary)
    found = await session_context(home.deps, request)
    assert bool(found.summary) is with_summary
    return [message.content for message in found.messages]


def lived(home: Home) -> list[str]:
    return [line for line in read_now(home.store, cards.get, "w", "alice", "alice") or [] if "lives in" in line]


def test_context_and_history_end_with_the_latest_message(play: Play) -> None:
    async def story(home: Home) -> None:
        await say(home, NEWER, "One.", "Two.")
        await say(home, OLDER, "Long ago.", "Less long ago.")
        assert await context(home, 1_000) == ["Long ago.", "Less long ago.", "One.", "Two."]
        assert await context(home, 4) == ["One.", "Two."]
        memory = MemoryView(
            home.store, home.deps.finder, home.deps.tokens, MemoryScope("w", "alice", "alice", session_id="s")
        )
        assert [message.content for message in await memory.get_recent_history(4)] == ["One.", "Two."]

    play(story)


def test_a_context_with_a_summary_ends_with_the_latest_message(play: Play) -> None:
    async def story(home: Home) -> None:
        await say(home, NEWER, "New one.", "New two.")
        await say(home, OLDER, *(f"Old {number}." for number in range(9)))
        said = await context(home, 1_000, with_summary=True)
        assert said == ["Old 7.", "Old 8.", "New two."]
        await say(home, NEWER + 100, "New three.")
        assert await context(home, 1_000, with_summary=True) == ["Old 7.", "Old 8.", "New three."]

    play(story, messages_per_short_summary=10)


def test_a_summary_has_messages_in_order_of_time(play: Play) -> None:
    tasks: list[SummaryTask] = []

    class SummaryRecorder(HookedReasoner):
        async def summarize(self, task: SummaryTask) -> str:
            tasks.append(task)
            return await super().summarize(task)

    async def story(home: Home) -> None:
        await say(home, NEWER, *(f"New {number}." for number in range(5)))
        await say(home, OLDER, *(f"Old {number}." for number in range(5)))
        said = [message.content for message in tasks[0].messages]
        assert said == [*(f"Old {number}." for number in range(5)), *(f"New {number}." for number in range(5))]

    play(story, SummaryRecorder, messages_per_short_summary=10)


def test_a_card_keeps_the_newer_value_when_an_older_one_is_imported(play: Play) -> None:
    async def story(home: Home) -> None:
        await say(home, NEWER, "I live in Lisbon.")
        await say(home, OLDER, "I live in Porto.", "My dog is Rex.", session="imported")
        assert lived(home) == ["ATTRIBUTE: lives in Lisbon"]
        assert "RELATIONSHIP: dog Rex" in (await home.store.read(cards.get, "w", "alice", "alice") or [])
        await say(home, NEWER + 100, "I moved to Madrid. I live in Madrid now.", session="imported")
        assert lived(home) == ["ATTRIBUTE: lives in Madrid"]

    play(story)


def test_the_most_recent_conclusions_are_those_said_last(play: Play) -> None:
    async def story(home: Home) -> None:
        await say(home, NEWER, "I live in Lisbon.")
        await say(home, OLDER, "My dog is Rex.", session="imported")
        request = ConclusionSearch("w", observer_id="alice", observed_id="alice")
        within = await home.store.read(conclusion_search.resolve, request)
        assert within is not None
        (newest,) = await home.store.read(conclusion_search.last_said, within, 1)
        assert newest.content == "alice lives in Lisbon"
        memory = MemoryView(home.store, home.deps.finder, home.deps.tokens, MemoryScope("w", "alice", "alice"))
        (newest,) = await memory.get_recent_observations(1)
        assert newest.content == "alice lives in Lisbon"

    play(story)


def test_a_dream_reads_conclusions_in_the_order_in_which_they_were_said(play: Play) -> None:
    tasks: list[DreamTask] = []

    class DreamRecorder(HookedReasoner):
        async def dream(self, task: DreamTask, memory: MemoryView) -> Dreamed:
            tasks.append(task)
            return await super().dream(task, memory)

    async def story(home: Home) -> None:
        await say(home, NEWER, "I live in Lisbon.")
        await say(home, OLDER, "My dog is Rex.", session="imported")
        await home.store.write(dreams.request, "w", DreamPayload("alice", "alice", None, OMNI), NEWER)
        await home.work()
        assert [each.content for each in tasks[0].conclusions] == ["alice's dog is Rex", "alice lives in Lisbon"]

    play(story, DreamRecorder)
