"""Messages become conclusions, cards and summaries exactly once, whatever fails in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest

from omoide.core import clock
from omoide.core.errors import Unavailable
from omoide.core.job_payloads import JobKind
from omoide.core.records import PageRequest
from omoide.storage import (
    Transaction,
    cards,
    conclusions,
    deletion_cascade,
    job_stats,
    messages,
    scopes,
    summaries,
    webhooks,
)
from omoide.storage.summaries import LONG, SHORT
from tests import sql
from tests.worker.worker_fixture import Home, HookedReasoner, configure, jobs

Play = Callable[..., Any]


def test_messages_become_conclusions_and_no_job_is_left(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I live in Lisbon.", "bob Nice! Do you like it?", "alice My dog is Rex.")
        await home.work()
        assert home.texts() == ["alice lives in Lisbon", "alice's dog is Rex"]
        assert home.texts("bob", "bob") == home.texts("bob", "alice") == []
        count = home.status()["s"]
        assert (count.completed, count.total) == (3, 3)
        assert jobs(home) == []

    play(story)


def test_a_long_unit_is_processed_window_by_window(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say(*[f"alice I own {number} boats and {'many ' * 30}oars." for number in range(40)])
        await home.work()
        assert len(home.known()) == 40
        assert {each.times_derived for each in home.known()} == {1}
        assert home.status()["s"].completed == 40 + 2

    play(story, batch_tokens=128)


def test_an_interrupted_window_is_processed_once(play: Play) -> None:
    class Fragile(HookedReasoner):
        calls = 0

        async def before(self, verb: str) -> None:
            self.calls += verb == "derive"
            if self.calls == 2:
                raise ValueError("out of breath")

    async def story(home: Home) -> None:
        await home.say(*[f"alice I own {number} boats and {'many ' * 30}oars." for number in range(9)])
        await home.work()
        halfway = len(home.known())
        assert 0 < halfway < 9
        assert home.status()["s"].completed == halfway, "finished work is counted at once"
        home.worker = home.new_worker()
        await home.store.write(sql.make_due)
        await home.work()
        assert [each.times_derived for each in home.known()] == [1] * 9

    play(story, Fragile, batch_tokens=128)


def test_every_observer_gets_conclusions_of_its_own(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("bob Hello.")
        await home.store.write(sql.change, "UPDATE members SET observe_others = 1")
        await home.say("alice I live in Lisbon.")
        await home.work()
        assert home.texts("bob", "alice") == home.texts("alice", "alice") == ["alice lives in Lisbon"]
        assert home.known("bob", "alice")[0].id != home.known("alice", "alice")[0].id
        assert await home.store.read(cards.get, "w", "bob", "alice") == ["ATTRIBUTE: lives in Lisbon"]

    play(story)


def test_scopes_learn_from_the_sessions_they_contain_when_the_job_runs(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice Hello.")
        for name in ("late", "gone"):
            await home.store.write(scopes.get_or_create, "w", name, None, 0)
        await home.store.write(scopes.add_sessions, "w", "gone", ["s"], 0)
        await home.work()
        await home.say("alice I live in Lisbon.")
        await home.store.write(scopes.add_sessions, "w", "late", ["s"], clock.now())
        await home.store.write(scopes.remove_session, "w", "gone", "s", clock.now())
        await home.work()
        assert home.texts("scope.late") == ["alice lives in Lisbon"]
        assert home.texts("scope.gone") == []

    play(story)


def test_a_scope_that_gets_the_session_meanwhile_misses_nothing(play: Play) -> None:
    async def story(home: Home) -> None:
        async def join() -> None:
            await home.store.write(scopes.get_or_create, "w", "late", None, 0)
            await home.store.write(scopes.add_sessions, "w", "late", ["s"], clock.now())
            await home.store.write(sql.change, "DELETE FROM jobs WHERE kind = 'scope_backfill'")

        home.meanwhile("card", join)
        await home.say("alice I live in Lisbon.")
        await home.work()
        assert home.texts("scope.late") == ["alice lives in Lisbon"], "although the copying found nothing yet"
        assert [each.times_derived for each in home.known()] == [1]

    play(story)


def test_a_card_follows_messages_and_keeps_lines_of_callers(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.store.write(cards.put, "w", "alice", "alice", ["Speaks in riddles."], 0)
        await home.say("alice I live in Porto.")
        await home.work()
        await home.say("alice I live in Lisbon now. I moved to Lisbon.")
        await home.work()
        card = await home.store.read(cards.get, "w", "alice", "alice") or []
        assert card[0] == "Speaks in riddles."
        assert [line for line in card if "lives in" in line] == ["ATTRIBUTE: lives in Lisbon"]

    play(story)


def test_no_card_is_kept_if_cards_are_disabled(play: Play) -> None:
    async def story(home: Home) -> None:
        await configure(home, peer_card={"create": False})
        await home.say("alice I live in Porto.")
        await home.work()
        assert await home.store.read(cards.get, "w", "alice", "alice") is None
        assert home.texts() == ["alice lives in Porto"]

    play(story)


def test_a_card_that_a_caller_writes_meanwhile_is_not_overwritten(play: Play) -> None:
    async def story(home: Home) -> None:
        line = ["Speaks in riddles."]
        home.meanwhile("card", lambda: home.store.write(cards.put, "w", "alice", "alice", line, 0))
        await home.say("alice I live in Porto.")
        await home.work()
        card = await home.store.read(cards.get, "w", "alice", "alice")
        assert card == ["Speaks in riddles.", "ATTRIBUTE: lives in Porto"]
        assert [each.times_derived for each in home.known()] == [1]

    play(story)


def test_a_session_that_is_deleted_meanwhile_leaves_nothing_behind(play: Play) -> None:
    async def story(home: Home) -> None:
        home.meanwhile("derive", lambda: home.store.write(deletion_cascade.delete_session, "w", "s", clock.now()))
        await home.say("alice I live in Porto.")
        await home.work()
        assert home.known() == []
        assert await home.store.read(sql.count, "conclusions") == 0
        assert jobs(home) == []

    play(story)


class AwayReasoner(HookedReasoner):
    """A reasoner whose provider does not answer while `is_away`."""

    is_away = True

    async def before(self, verb: str) -> None:
        if self.is_away:
            raise Unavailable("the provider does not answer")


def test_an_outage_uses_up_nothing_however_long_it_lasts(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I live in Porto.")
        for _ in range(5):
            await home.store.write(sql.make_due)
            await home.work()
        assert home.status()["s"].error == "Unavailable: the provider does not answer"
        assert (home.status()["s"].pending, home.status()["s"].errored) == (1, 0)
        await home.say("alice I like figs.")
        assert home.known() == []
        assert isinstance(home.reasoner, AwayReasoner)
        home.reasoner.is_away = False
        await home.store.write(sql.make_due)
        await home.work()
        assert home.texts() == ["alice lives in Porto", "alice likes figs"], "in the order in which it was said"

    play(story, AwayReasoner, reasoning_attempts=2)


def test_a_job_that_fails_by_a_bug_is_given_up_and_can_be_retried(play: Play) -> None:
    class Broken(HookedReasoner):
        is_broken = True

        async def before(self, verb: str) -> None:
            if self.is_broken:
                raise ZeroDivisionError("oops")

    async def story(home: Home) -> None:
        await home.say("alice I live in Porto.")
        for _ in range(3):
            await home.store.write(sql.make_due)
            await home.work()
        assert (home.status()["s"].errored, home.status()["s"].pending) == (1, 0)
        (failed,) = await home.store.read(job_stats.listed, clock.now(), failed_only=True, limit=9)
        assert failed.error == "ZeroDivisionError: oops (after 2 attempts)"
        assert isinstance(home.reasoner, Broken)
        home.reasoner.is_broken = False
        assert await home.store.write(job_stats.retry, clock.now(), None) == 1
        await home.work()
        assert home.texts() == ["alice lives in Porto"]
        assert home.status()["s"].errored == 0

    play(story, Broken, reasoning_attempts=2)


def events(db: Transaction) -> list[dict[str, Any]]:
    found = sql.column(db, "SELECT payload FROM jobs WHERE kind = ? ORDER BY pk", (JobKind.DELIVER_WEBHOOK,))
    return [orjson.loads(payload) for payload in found]


def test_queue_empty_is_sent_once_for_each_drained_unit(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("bob Hello.")
        await home.work()
        await home.store.write(webhooks.get_or_create, "w", "http://127.0.0.1:9/hook", 0)
        await home.say(*["alice I live in Porto."] * 19)
        await home.work()
        told = {event["data"]["queue_type"]: event for event in await home.store.read(events)}
        assert len(await home.store.read(events)) == len(told) == 2
        assert {event["type"] for event in told.values()} == {"queue.empty"}
        about = {"workspace_id": "w", "session_id": "s", "observer": None}
        assert told["representation"]["data"] == {**about, "queue_type": "representation", "observed": "alice"}
        assert told["summary"]["data"] == {**about, "queue_type": "summary", "observed": None}

    # Undeliverable events are kept, so that they can be inspected.
    play(story, webhook_secret="x" * 32, webhook_private_targets=True, webhook_attempts=1)


def test_summaries_follow_one_another_without_a_gap(play: Play) -> None:
    async def story(home: Home) -> None:
        for number in range(60):
            await home.say(f"alice I own {number} boats.")
        await home.work()
        found = await home.store.read(summaries.of_session, "w", "s")
        assert {kind: summary.seq for kind, summary in found.items()} == {SHORT: 60, LONG: 60}
        last = (await home.store.read(messages.page, "w", "s", PageRequest(1, 1, True))).items[0]
        assert found[SHORT].message_id == found[LONG].message_id == last.id
        assert found[SHORT].token_count == home.deps.tokens.count(found[SHORT].content) <= 1_000
        await configure(home, summary={"enabled": False})
        await home.say(*["alice I own more boats."] * 20)
        await home.work()
        assert (await home.store.read(summaries.of_session, "w", "s"))[SHORT].seq == 60

    play(story)


def test_summaries_that_are_due_together_are_made_together(play: Play) -> None:
    class CountingReasoner(HookedReasoner):
        calls = 0

        async def before(self, verb: str) -> None:
            self.calls += verb == "summarize"

    async def story(home: Home) -> None:
        for _ in range(2):
            await home.say(*[f"alice I own {number} boats." for number in range(100)])
        await home.work()
        assert isinstance(home.reasoner, CountingReasoner)
        assert home.reasoner.calls == 2, "one of each kind"
        found = await home.store.read(summaries.of_session, "w", "s")
        assert {kind: summary.seq for kind, summary in found.items()} == {SHORT: 200, LONG: 180}
        assert home.status()["s"].completed == 200 + 10

    play(story, CountingReasoner)


def test_queue_empty_is_sent_when_one_summary_replaces_many(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("bob Hello.")
        await home.store.write(webhooks.get_or_create, "w", "http://127.0.0.1:9/hook", 0)
        await home.say(*[f"alice I own {number} boats." for number in range(99)])
        await home.work()
        told = [event["data"]["queue_type"] for event in await home.store.read(events)]
        assert told.count("summary") == 1

    play(story, webhook_secret="x" * 32, webhook_private_targets=True, webhook_attempts=1)


@pytest.mark.parametrize("quiet", [0.0, 0.2])
def test_the_worker_wakes_after_the_debounce_interval(play: Play, quiet: float) -> None:
    async def story(home: Home) -> None:
        running = asyncio.create_task(home.worker.run())
        await home.say("alice I live in Porto.")
        home.worker.wake()
        async for _ in _ticks():
            if home.texts():
                break
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert home.texts() == ["alice lives in Porto"]

    play(story, debounce_seconds=quiet)


async def _ticks() -> AsyncIterator[None]:
    """Poll until the condition holds; for work without a notification."""
    for _ in range(3_000):
        yield
        await asyncio.sleep(0.01)
    raise AssertionError("it never came true")


def test_deleted_conclusions_are_removed_after_the_grace_period(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I live in Porto.")
        await home.work()
        await home.store.write(conclusions.delete, "w", home.known()[0].id, clock.now())
        assert await home.work() == 0, "they are kept for a while"
        await home.store.write(sql.make_due)
        await home.store.write(sql.change, "UPDATE conclusions SET deleted_at = 1")
        await home.work()
        assert await home.store.read(sql.count, "conclusions") == 0

    play(story)
