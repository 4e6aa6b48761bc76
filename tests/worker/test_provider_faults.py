"""A failing provider only causes delay: messages wait with the reason, and are learned once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from omoide.core import clock
from omoide.core.job_payloads import DreamPayload, JobKind
from omoide.core.records import SessionChange
from omoide.core.settings import Settings
from omoide.inference.embedders import Embedder
from omoide.inference.model_registry import chat_models
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.agentic.reasoner import Agentic
from omoide.reasoner.factory import embedded_reasoner, make_reasoner
from omoide.storage import Transaction, dreams, job_stats, sessions, summaries, webhooks
from omoide.storage.summaries import LONG, SHORT
from tests import sql
from tests.inference.completions import error, saying
from tests.inference.fault_proxy import Fault, FaultProxy, answering, hanging_up, stalling
from tests.read_now import read_now
from tests.worker.provider import SENTENCE, Asked, half, half_said, is_repair, provider, wants_facts
from tests.worker.worker_fixture import Home, HookedReasoner, MakeReasoner

KEY = "sk-a-key-that-nobody-may-see"
FAULTS, MESSAGES, SESSIONS = 200, 500, 20

# Each with its text in the queue's status; the last two are retried at once and never appear there.
BREAKDOWNS: list[tuple[Fault, str | None]] = [
    (answering(429, error("slow down"), Retry_After="1"), "was asked too often (HTTP 429)"),
    (answering(500, b"oops"), "failed (HTTP 500)"),
    (answering(401, error(f"Incorrect API key provided: {KEY}")), "refused the key (HTTP 401)"),
    (hanging_up, "could not be reached, or broke off"),
    (half, "could not be reached, or broke off"),
    (answering(200, b'{"choices": ['), "gave no answer that can be read"),
    (answering(503, b""), "is overloaded or down (HTTP 503)"),
    (answering(429, error("no credit left", "insufficient_quota"), Retry_After="3600"), "has no quota or credit left"),
    (answering(200, b"{}"), "gave no answer that can be read"),
    (stalling, "did not answer in time"),
    (saying("I would rather not."), None),
    (half_said, None),
]


class Injector:
    """Five faults before every answer, each kind in turn, up to a total."""

    def __init__(self, faults: int) -> None:
        self.left = faults
        self._asked = 0

    def __call__(self, asked: Asked) -> Fault | None:
        self._asked += 1
        if self._asked % 6 == 0 or self.left == 0:
            return None
        fault, reason = BREAKDOWNS[self.left % len(BREAKDOWNS)]
        if reason is None and (is_repair(asked) or not wants_facts(asked)):
            return None  # a model that never keeps the form is unfit, which is not a fault
        self.left -= 1
        return fault


def said(number: int) -> str:
    return f"I own item number {number}."


def options(proxy: FaultProxy, **more: Any) -> dict[str, Any]:
    return {"model": "openai:toy", "model_base_url": f"{proxy.url}/v1", "model_api_key": KEY, **more}


def without_pauses(settings: Settings) -> MakeReasoner:
    """The reasoner with the model from the settings, without waits between attempts."""

    async def no_pause(_: float) -> None:
        await asyncio.sleep(0)

    def make(_: Embedder, tokens: TokenCounter) -> Agentic:
        return Agentic(chat_models(settings, pause=no_pause, chance=lambda: 0.0), tokens)

    return make


def run(path: Path, story: Callable[[Home], Awaitable[None]], make: MakeReasoner, **more: Any) -> None:
    async def told() -> None:
        home = Home(path, make, **more)
        try:
            await home.open()
            await story(home)
        finally:
            await home.reasoner.aclose()
            home.store.close()

    asyncio.run(told())


async def later(home: Home) -> None:
    """Make jobs due that wait after a failure."""
    await home.store.write(sql.change, "UPDATE jobs SET due_at = 0 WHERE error IS NOT NULL")


@pytest.mark.parametrize("retries", [0])
def test_two_hundred_faults_lose_nothing_and_repeat_nothing(retries: int, db_path: Path) -> None:
    injector = Injector(FAULTS)

    async def story(home: Home) -> None:
        seen: set[str] = set()

        async def round() -> None:
            await asyncio.gather(*(home.work() for _ in range(4)))
            for count in home.status().values():
                assert (count.error is None) == (count.pending == 0), "a waiting job has the reason"
            owed = await home.store.read(job_stats.listed, clock.now(), failed_only=False, limit=MESSAGES)
            seen.update(job.error for job in owed if job.error)
            await later(home)

        for start in range(0, MESSAGES, 5):
            lines = [f"alice {said(number)}" for number in range(start, start + 5)]
            await home.say(*lines, session=f"s{start // 5 % SESSIONS}")
            if (start + 5) % 100 == 0:
                await round()
        while sum(count.pending for count in home.status().values()):
            await round()
        assert injector.left == 0
        for _, reason in BREAKDOWNS:
            assert retries or reason is None or any(reason in error for error in seen), reason
        assert all(reason.startswith("ProviderFailed: The provider of openai:toy ") for reason in seen)
        assert not any(KEY in reason for reason in seen)

        known = home.known()
        assert sorted(each.content for each in known) == sorted(
            f"alice said I own item number {n}." for n in range(500)
        )
        assert {each.times_derived for each in known} == {1}
        for count in home.status().values():
            summaries_made = (1, 2)  # of 25 messages, the first 20, and if they have been quiet the first 10
            assert (count.pending, count.errored) == (0, 0)
            assert count.completed - MESSAGES / SESSIONS in summaries_made
            assert count.error is None
        for number in range(SESSIONS):
            (summary,) = (await home.store.read(summaries.of_session, "w", f"s{number}")).values()
            assert (summary.seq, summary.content) == (20, SENTENCE)

    with provider(injector) as proxy:
        chosen = options(proxy, model_timeout_seconds=0.5, model_retries=retries)
        more = {"model_flush_tokens": 40, "batch_tokens": 128, "dream_enabled": False, "reasoning_attempts": 1}
        make = without_pauses(Settings.model_validate(chosen))
        run(db_path, story, make, **chosen, **more, deduplicate=False)


def test_messages_waiting_for_a_provider_are_learned_in_order_after_the_outage(db_path: Path) -> None:
    async def story(home: Home) -> None:
        proxy.fault = answering(500, b"oops")
        await home.say("alice I live in Porto.")
        for _ in range(12):
            await home.work()
            await later(home)
        await home.say("alice I live in Lisbon.")
        status = home.status()["s"]
        assert (status.completed, status.pending, status.errored) == (0, 2, 0)
        assert status.error == "ProviderFailed: The provider of openai:toy failed (HTTP 500)."
        proxy.fault = healthy
        await home.work()
        assert home.texts() == ["alice said I live in Porto.", "alice said I live in Lisbon."]
        assert home.status()["s"].error is None

    with provider() as proxy:
        healthy, chosen = proxy.fault, options(proxy)
        make = without_pauses(Settings.model_validate(chosen))
        run(db_path, story, make, **chosen, reasoning_attempts=1)


def test_a_rejected_request_fails_alone_with_the_reason(db_path: Path) -> None:
    def strict(asked: Asked) -> Fault | None:
        forbidden = "unspeakable" in str(asked["messages"])
        return answering(400, error(f"blocked: {KEY}", "content_filter")) if forbidden else None

    async def story(home: Home) -> None:
        await home.say("alice I own something unspeakable.", session="bad")
        await home.say("alice I own a boat.", session="good")
        for attempts in (1, 2):
            await home.work()
            (job,) = await home.store.read(job_stats.listed, clock.now(), failed_only=False, limit=9)
            assert (job.state, job.attempts) == ("waiting", attempts)
            await later(home)
        await home.work()
        (job,) = await home.store.read(job_stats.listed, clock.now(), failed_only=True, limit=9)
        assert job.error == (
            "RequestRefused: The provider of openai:toy refused the request (HTTP 400). (after 3 attempts)"
        )
        await home.say("alice I own a kite.", session="bad")
        await home.work()
        assert home.texts() == ["alice said I own a boat.", "alice said I own a kite."]
        assert (home.status()["bad"].pending, home.status()["bad"].errored) == (0, 1)

    with provider(strict) as proxy:
        chosen = options(proxy)
        run(db_path, story, without_pauses(Settings.model_validate(chosen)), **chosen, reasoning_attempts=3)


def test_jobs_wait_for_a_corrected_configuration_without_a_limit_of_attempts(db_path: Path) -> None:
    faults = {
        401: "refused the key (HTTP 401)",
        403: "refused the key (HTTP 403)",
        404: "does not know this model or address (HTTP 404)",
    }

    async def story(home: Home) -> None:
        await home.say("alice I live in Porto.")
        for status, why in faults.items():
            proxy.fault = answering(status, error("no"))
            for _ in range(3):
                await home.work()
                await later(home)
            waiting = home.status()["s"]
            assert (waiting.pending, waiting.errored) == (1, 0)
            assert waiting.error == f"ProviderFailed: The provider of openai:toy {why}."
        proxy.fault = healthy
        await home.work()
        assert home.texts() == ["alice said I live in Porto."]

    with provider() as proxy:
        healthy, chosen = proxy.fault, options(proxy)
        run(db_path, story, without_pauses(Settings.model_validate(chosen)), **chosen, reasoning_attempts=1)


def test_the_embedded_reasoner_replaces_the_model_only_for_derive(db_path: Path) -> None:
    async def story(home: Home) -> None:
        proxy.fault = hanging_up
        await home.say("alice I live in Lisbon.", *["bob Really?"] * 19)
        await home.work()
        assert home.texts() == ["alice lives in Lisbon"]
        status = home.status()["s"]
        assert (status.completed, status.pending) == (20, 1), "a summary waits for the model"
        assert status.error == "ProviderFailed: The provider of openai:toy could not be reached, or broke off."
        proxy.fault = healthy
        await later(home)
        await home.say("alice I like figs.")
        await home.work()
        assert home.texts() == ["alice lives in Lisbon", "alice said I like figs."]
        assert (await home.store.read(summaries.of_session, "w", "s"))[SHORT].content == SENTENCE

    with provider() as proxy:
        healthy, chosen = proxy.fault, options(proxy, model_retries=0, derive_fallback=True)
        settings = Settings.model_validate(chosen)

        def reasoner_of(embedder: Embedder, tokens: TokenCounter) -> Any:
            return make_reasoner(settings, tokens, embedded_reasoner(settings, embedder, tokens))

        run(db_path, story, reasoner_of, **chosen)


def books(home: Home) -> dict[str, Any]:
    """The counts, without the content."""

    def rows(db: Transaction) -> dict[str, list[Any]]:
        told = [
            orjson.loads(payload)
            for payload in sql.column(db, "SELECT payload FROM jobs WHERE kind = 'deliver_webhook'")
        ]
        conclusions = """SELECT observer, observed, session, count(*), sum(times_derived) FROM conclusions
            WHERE level = 'explicit' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""
        return {
            "events": sorted(orjson.dumps([event["type"], event["data"]]) for event in told),
            "conclusions": sql.rows(db, conclusions),
            "dreams": sql.rows(db, "SELECT observer, observed, explicit_since, last_at IS NOT NULL FROM dreams"),
            "jobs": sql.rows(db, "SELECT kind, units FROM jobs WHERE kind <> 'deliver_webhook' ORDER BY pk"),
        }

    counts = {name: (each.completed, each.pending, each.errored) for name, each in home.status(now=0).items()}
    slots = {}
    for name in ("s", "quiet", "watched"):
        found = read_now(home.store, summaries.of_session, "w", name)
        slots[name] = {kind: (each.seq, bool(each.content)) for kind, each in found.items()}
    return {"counts": counts, "slots": slots, **read_now(home.store, rows)}


def test_a_model_and_the_embedded_reasoner_give_the_same_counts(db_path: Path) -> None:
    kept: list[list[dict[str, Any]]] = []

    async def story(home: Home) -> None:
        kept.append([])
        await home.say("alice Hello.", session="watched")
        await home.work()
        await home.store.write(webhooks.get_or_create, "w", "http://127.0.0.1:9/hook", 0)
        silent = SessionChange(configuration={"reasoning": {"enabled": False}})
        await home.store.write(sessions.get_or_create, "w", "quiet", silent, 0)
        await home.say("alice Hello.", "bob Hello.", session="watched")
        await home.store.write(sql.change, "UPDATE members SET observe_others = 1")
        for number in range(60):
            await home.say(f"alice I own {number} boats.")
            await home.say(f"bob I own {number} cars.", session="watched")
            await home.say(f"alice I own {number} bikes.", session="quiet")
        await home.work()
        kept[-1].append(books(home))
        for observer in ("alice", "bob"):
            await home.store.write(dreams.request, "w", DreamPayload(observer, "alice", None, "omni"), 1)
        await home.work()
        kept[-1].append(books(home))

    more = {"webhook_secret": "x" * 32, "webhook_private_targets": True, "webhook_attempts": 1, "deduplicate": False}
    run(db_path, story, HookedReasoner, **more)
    with provider() as proxy:
        chosen = options(proxy)
        make = without_pauses(Settings.model_validate(chosen))
        run(db_path.with_name("model.db"), story, make, **chosen, **more)
    embedded, model = kept
    assert embedded == model
    assert all(embedded[0].values()), "there is something to compare"
    assert embedded[0]["slots"]["s"] == {SHORT: (60, True), LONG: (60, True)}
    assert {kind for kind, _ in embedded[0]["jobs"]} == {JobKind.DREAM}, "an automatic dream waits for its interval"
