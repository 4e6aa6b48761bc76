"""A message says what was derived from it, what it waits for, and why nothing was found."""

from __future__ import annotations

from typing import Any

import pytest

from omoide.core import clock
from omoide.core.clock import DAY, SECOND
from omoide.core.jobs import PermanentFailure
from omoide.services import derivation
from omoide.services.derivation import Derivation
from omoide.storage.conclusion_reach import EVERYTHING
from omoide.storage.sqlite.leader_lock import LeaderLock
from tests import sql
from tests.read_now import read_now
from tests.worker.conftest import Play
from tests.worker.worker_fixture import Home, HookedReasoner, configure


async def of_last(home: Home) -> Derivation:
    """The derivation of the message that came last."""
    id = read_now(home.store, sql.value, "SELECT id FROM messages ORDER BY pk DESC LIMIT 1")
    return await derivation.of_message(home.deps, "w", "s", id, EVERYTHING)


async def told(home: Home) -> tuple[str, str]:
    found = await of_last(home)
    return found.status, found.reason


def test_waiting_work_tells_what_it_waits_for(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I live in Rome.")
        assert (await told(home)) == (
            "waiting",
            "No worker is running. Start `omoide serve` or `omoide worker`, and it will be read.",
        )
        lock = LeaderLock(home.store.path)
        assert lock.take()
        status, reason = await told(home)
        assert (status, reason.split(", until ")[0]) == ("waiting", "It is gathered with what alice says next")
        await sql_change(home, "UPDATE jobs SET due_at = ? WHERE kind = 'representation'", clock.now())
        assert (await told(home))[1] == "It is due, and the worker is busy with other jobs."
        await sql_change(home, "UPDATE jobs SET leased_until = ? WHERE kind = 'representation'", clock.now() + DAY)
        assert (await told(home))[1] == "It is being read now."
        found = await of_last(home)
        assert found.job is not None
        assert (found.job.state, found.observers, found.conclusions) == ("running", ["alice"], [])
        lock.close()

    play(story, debounce_seconds=60)


async def sql_change(home: Home, statement: str, *params: Any) -> None:
    await home.store.write(sql.change, statement, params)


def test_work_behind_other_work_of_its_peer_says_so(play: Play) -> None:
    async def story(home: Home) -> None:
        lock = LeaderLock(home.store.path)
        assert lock.take()
        await home.say("alice I live in Rome.")
        await configure(home, reasoning={"custom_instructions": "Be brief."})
        await home.say("alice I have a cat.")
        assert (await told(home))[1] == "What alice said before in this session is read first."
        lock.close()

    play(story, debounce_seconds=60)


def test_a_spent_budget_tells_until_when_it_waits(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I live in Rome.")
        until = clock.now() // DAY * DAY + DAY
        await sql_change(home, "INSERT INTO budget_pauses VALUES (1, ?)", until)
        found = await of_last(home)
        assert found.job is not None
        assert (found.status, found.job.state, found.job.due_at) == ("waiting", "paused", until)
        day = clock.from_micros(until).date()
        assert found.reason == (
            f"The workspace has spent its budget of tokens: it is read from {day} 00:00:00 UTC on, "
            "or once the budget is raised."
        )

    play(story)


class FailingDerivation(HookedReasoner):
    async def before(self, verb: str) -> None:
        if verb == "derive":
            raise PermanentFailure("the provider refused it\nwith words of its own")


class Faltering(HookedReasoner):
    async def before(self, verb: str) -> None:
        if verb == "derive":
            raise ValueError


def test_work_that_was_given_up_tells_its_error_and_how_to_retry(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I live in Rome.")
        await home.work()
        found = await of_last(home)
        assert found.job is not None
        assert (found.status, found.job.state, found.job.error) == ("failed", "failed", "the provider refused it")
        assert found.reason == (
            "Reading it was given up after 1 attempt: the provider refused it. "
            f"Job {found.job.pk} can be retried (`omoide queue retry {found.job.pk}`)."
        )

    play(story, FailingDerivation)


def test_work_that_is_tried_again_tells_when(play: Play) -> None:
    async def story(home: Home) -> None:
        lock = LeaderLock(home.store.path)
        assert lock.take()
        await home.say("alice I live in Rome.")
        await home.work()
        status, reason = await told(home)
        assert status == "waiting"
        assert reason.startswith("The last attempt failed: ")
        assert reason.endswith("(attempt 2 of 8).")
        lock.close()

    play(story, Faltering)


@pytest.mark.parametrize(
    ("session", "workspace", "settings", "why"),
    [
        ({"reasoning": {"enabled": False}}, {}, {}, "in the configuration of the session"),
        ({}, {"reasoning": {"enabled": False}}, {}, "in the configuration of the workspace"),
        ({}, {}, {"reasoning_enabled": False}, "on this server (OMOIDE_REASONING_ENABLED)"),
    ],
)
def test_a_message_that_was_excluded_tells_by_what(
    session: Any, workspace: Any, settings: Any, why: str, play: Play
) -> None:
    async def story(home: Home) -> None:
        await home.say("alice Hello.")
        await configure(home, **session)
        await configure(home, None, **workspace)
        await home.say("alice I live in Rome.")
        await home.work()
        found = await of_last(home)
        assert (found.status, found.observers) == ("disabled", ())
        assert found.reason.startswith(f"Reasoning is switched off {why}.")
        await configure(home, reasoning={"enabled": True})
        assert (await told(home))[1].startswith("Reasoning was switched off when it was stored")

    play(story, **settings)


def test_what_became_of_conclusions_is_told(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice I live in Rome.")
        await home.work()
        assert await told(home) == ("derived", "1 conclusion rests on it.")
        await sql_change(home, "UPDATE conclusions SET deleted_at = 1, ended_as = 'superseded'")
        assert await told(home) == ("derived", "1 conclusion rests on it; it was superseded by a later statement.")
        await sql_change(home, "UPDATE conclusions SET deleted_at = ?, ended_as = NULL", clock.now() + SECOND)
        status, reason = await told(home)
        assert status == "nothing_found"
        assert reason.startswith(
            "No conclusion rests on it, although it says something (\u201calice lives in Rome\u201d)"
        )

    play(story)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("Hi there!", "It holds only small talk."),
        ("Could you help me? And what's the weather like?", "It holds only a question."),
        ("Thanks! Where do you live?", "It holds only small talk and a question."),
        ("She said so.", "It holds only a remark that says nothing by itself."),
        ("The traffic was terrible this morning.", "It holds only a statement that will hardly matter in a month."),
        ("```\nprint(1)\n```", "It has no sentences of its own, only quotations, tables or code."),
        ("ERROR 2026-01-01 12:00:00 disk full", "It reads like code, a log or the output of a program."),
        ("\U0001f44d", "It has no words."),
        ("As an AI, I cannot do that.", "It reads like the words of an assistant or a bot, from which nothing is"),
    ],
)
def test_what_was_read_without_a_result_tells_what_it_holds(said: str, why: str, play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say(f"alice {said}")
        await home.work()
        status, reason = await told(home)
        assert status == "nothing_found"
        assert reason.startswith(why)

    play(story)


def test_a_model_that_found_nothing_is_named(play: Play) -> None:
    async def story(home: Home) -> None:
        await home.say("alice Hi there!")
        await home.work()
        assert (await told(home))[1].startswith("extractive read it and found nothing new in it.")

    play(story, model="openai:gpt-x", model_base_url="http://127.0.0.1:9/v1", model_api_key="x")
