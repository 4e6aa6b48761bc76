"""Dreams of the worker: when they run, what they change, and cards that follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from omoide.core import clock
from omoide.core.job_payloads import DreamPayload
from omoide.core.jobs import Skipped
from omoide.reasoner.protocol import CardTask
from omoide.storage import cards, conclusions, dreams, queue, scopes
from omoide.worker.tasks import TASKS
from tests import sql
from tests.worker.worker_fixture import Home, HookedReasoner, configure, jobs

Play = Callable[..., Any]
HOUR = 3_600_000_000


async def learn_by_sessions(home: Home, *lines: str) -> None:
    for number, line in enumerate(lines):
        await home.say(line, session=f"s{number}")
        await home.work()


def test_an_automatic_dream_follows_enough_conclusions_and_idle_time(play: Play) -> None:
    async def story(home: Home) -> None:
        await learn_by_sessions(home, "alice I was born in Porto.", "alice I was born in Oslo.", "alice I like figs.")
        due = await home.store.read(queue.next_due, clock.now())
        assert due is not None
        assert [kind for kind, _ in jobs(home)] == ["dream"]
        await home.store.write(sql.make_due)
        await home.work()
        levels = {each.level for each in home.known()}
        assert levels > {"explicit"}
        for each in home.known():
            if each.level != "explicit":
                assert set(each.source_ids or ()) <= {known.id for known in home.known()}
        assert await home.store.read(dreams.since, (1, 1)) == 0

    play(story, dream_threshold=3, dream_idle_minutes=60)


def test_a_dream_reads_the_configuration_when_it_runs(play: Play) -> None:
    async def story(home: Home) -> None:
        await learn_by_sessions(home, "alice I live in Porto.", "alice I live in Lisbon.")
        await home.store.write(dreams.request, "w", DreamPayload("alice", "alice", None, "omni"), clock.now())
        await configure(home, None, dream={"enabled": False})
        await home.work()
        assert {each.level for each in home.known()} == {"explicit"}
        assert jobs(home) == []

    play(story)


def test_a_repeated_dream_changes_nothing(play: Play) -> None:
    async def story(home: Home) -> None:
        await learn_by_sessions(home, *["alice I like figs."] * 3, "alice I live in Porto.", "alice I live in Lisbon.")
        told = []
        for _ in range(2):
            await home.store.write(dreams.request, "w", DreamPayload("alice", "alice", None, "omni"), clock.now())
            await home.work()
            told.append([(each.id, each.content, each.times_derived) for each in home.known()])
        assert told[0] == told[1]
        assert "inductive" in {each.level for each in home.known()}

    play(story)


def test_conclusions_learned_during_a_dream_cause_the_next_one(play: Play) -> None:
    class BusyReasoner(HookedReasoner):
        home: Home

        async def before(self, verb: str) -> None:
            if verb == "dream" and len(self.home.known()) == 2:
                await learn_by_sessions(self.home, "alice I like tea.", "alice I have a dog called Rex.")

    async def story(home: Home) -> None:
        BusyReasoner.home = home
        await learn_by_sessions(home, "alice I live in Porto.", "alice I work in Lisbon.")
        await home.store.write(sql.make_due)
        await home.work()
        assert await home.store.read(dreams.since, (1, 1)) == 2
        ((kind, due),) = await home.store.read(sql.rows, "SELECT kind, due_at FROM jobs")
        assert kind == "dream"
        assert due > clock.now() + 7 * HOUR, "and it keeps the interval to the last one"

    play(story, BusyReasoner, dream_threshold=2, dream_idle_minutes=60, dream_min_hours=8)


def test_a_scope_that_dreams_during_a_removal_keeps_nothing_on_its_card(play: Play) -> None:
    class Overtaken(HookedReasoner):
        home: Home
        left = False

        async def card(self, task: CardTask) -> Sequence[str]:
            made = await super().card(task)
            if task.observer_id == "scope.team" and task.conclusions and not self.left:
                Overtaken.left = True
                await self.home.store.write(scopes.remove_session, "w", "team", "s", clock.now())
                # Concurrently, as other workers would: forgetting, and the dream that renews the card.
                while job := await self.home.store.write(
                    queue.claim, clock.now(), lease=HOUR, skipped=Skipped(kinds=["embed"])
                ):
                    await TASKS[job.kind](self.home.deps, job)
                    await self.home.store.write(queue.finish, job, clock.now())
            return made

    async def story(home: Home) -> None:
        Overtaken.home = home
        await home.store.write(scopes.get_or_create, "w", "team", None, 0)
        await home.say("alice I live in Porto.")
        await home.work()
        await home.store.write(scopes.add_sessions, "w", "team", ["s"], clock.now())
        await home.work()
        assert Overtaken.left
        assert home.texts("scope.team") == []
        assert not await home.store.read(cards.get, "w", "scope.team", "alice")

    play(story, Overtaken)


def test_a_card_rebuilt_without_conclusions_keeps_only_lines_of_callers(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.store.write(cards.put, "w", "alice", "alice", ["VIP"], clock.now())
        await home.say("alice I live in Porto.")
        await home.work()
        assert await home.store.read(cards.get, "w", "alice", "alice") == ["VIP", "ATTRIBUTE: lives in Porto"]
        for each in home.known():
            await home.store.write(conclusions.delete, "w", each.id, clock.now())
        await home.store.write(
            dreams.request, "w", DreamPayload("alice", "alice", None, "card_refresh", rebuild=True), clock.now()
        )
        await home.work()
        assert await home.store.read(cards.get, "w", "alice", "alice") == ["VIP"]

    play(story)


def test_a_rebuilt_card_is_based_only_on_conclusions(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I live in Porto. My dog is Rex.")
        await home.work()
        home_line = next(each for each in home.known() if "Porto" in each.content)
        await home.store.write(conclusions.delete, "w", home_line.id, clock.now())
        await home.store.write(
            dreams.request, "w", DreamPayload("alice", "alice", None, "card_refresh", rebuild=True), clock.now()
        )
        await home.work()
        assert await home.store.read(cards.get, "w", "alice", "alice") == ["RELATIONSHIP: dog Rex"]
        assert await home.store.read(dreams.since, (1, 1)) == 2, "only an omni dream counts as one"

    play(story)
