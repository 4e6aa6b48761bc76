"""Jobs and a provider's bad responses: an outage only delays them, a refusal uses up an attempt."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omoide.core import clock
from omoide.core.job_payloads import DreamPayload
from omoide.core.settings import Settings
from omoide.storage import cards, dreams, job_stats
from tests import sql
from tests.inference.faulty_provider import (
    MEGABYTE,
    Misbehaving,
    ProviderConnection,
    Script,
    answering,
    beginning,
    choice,
    chunk,
    endless,
    misbehaving,
    packed_zeros,
    payload,
    raw,
    said,
)
from tests.worker.test_provider_faults import later, run, without_pauses
from tests.worker.worker_fixture import Home

FACTS = said('{"facts": [{"content": "alice lives in Porto", "message_ids": [1]}]}')
MANY = "[" + ", ".join(f'{{"content": "fact {number}", "message_ids": [1]}}' for number in range(10_000)) + "]"
OUTAGES: dict[str, tuple[Script, str]] = {
    "no choices": (
        payload(choice({}) | {"choices": []}, chunk({}) | {"choices": []}),
        "gave no answer that can be read",
    ),
    "brackets": (raw(b"[" * 100_000), "gave no answer that can be read"),
    "no content": (answering({"content": None}), "gave no answer that can be read"),
    "an error": (answering({"content": "{"}, "error"), "ended its answer before it was complete"),
    "endless": (endless(b"x" * 65_536), "sent more than an answer may hold"),
    "packed": (
        lambda line, asked: line.say(beginning(asked, "Content-Encoding: gzip") + packed_zeros(8 * MEGABYTE)),
        "sent more than an answer may hold",
    ),
}


@pytest.fixture
def provider() -> Iterator[Misbehaving]:
    with misbehaving(FACTS) as running:
        yield running


def played(path: Path, provider: Misbehaving, story: object, **more: object) -> None:
    chosen = {
        "model": "openai:toy",
        "model_base_url": provider.url,
        "model_retries": 0,
        "model_answer_bytes": MEGABYTE,
        **more,
    }
    run(path, story, without_pauses(Settings.model_validate(chosen)), **chosen)  # type: ignore[arg-type]


@pytest.mark.parametrize(("script", "reason"), OUTAGES.values(), ids=OUTAGES.keys())
def test_messages_wait_while_a_provider_gives_no_answer(
    script: Script, reason: str, provider: Misbehaving, db_path: Path
) -> None:
    async def story(home: Home) -> None:
        provider.script = script
        await home.say("alice I live in Porto.")
        for _ in range(4):
            await home.work()
            await later(home)
        status = home.status()["s"]
        assert (status.pending, status.errored) == (1, 0)
        assert status.error == f"ProviderFailed: The provider of openai:toy {reason}."
        provider.script = FACTS
        await home.work()
        assert home.texts() == ["alice lives in Porto"]

    played(db_path, provider, story, reasoning_attempts=2)


def test_a_withheld_answer_fails_and_can_be_retried(provider: Misbehaving, db_path: Path) -> None:
    async def story(home: Home) -> None:
        provider.script = answering({"content": ""}, "content_filter")
        await home.say("alice I live in Porto.")
        for _ in range(2):
            await home.work()
            await later(home)
        (job,) = await home.store.read(job_stats.listed, clock.now(), failed_only=True, limit=9)
        reason = "ModelUnfit: The provider of openai:toy withheld the answer of the model. (after 2 attempts)"
        assert job.error == reason
        assert home.texts() == []
        provider.script = FACTS
        await home.store.write(job_stats.retry, clock.now(), None)
        await home.work()
        assert home.texts() == ["alice lives in Porto"]

    played(db_path, provider, story, reasoning_attempts=2)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"facts": ' * 20_000, "{} " * 20_000], ids=["[", "{", "{}"])
def test_messages_are_kept_if_a_model_ignores_the_form(text: str, provider: Misbehaving, db_path: Path) -> None:
    async def story(home: Home) -> None:
        provider.script = said(text)
        await home.say("alice I live in Porto.")
        await home.work()
        status = home.status()["s"]
        assert (status.completed, status.pending, status.errored) == (0, 1, 0)
        assert status.error is not None
        reason, sample = status.error.split("\n")
        assert reason == "UnreadableOutput: openai:toy gave no output that matches the form 'facts'."
        assert sample.startswith(f"It began: {text[:20]}")
        provider.script = FACTS
        await later(home)
        await home.work()
        assert home.texts() == ["alice lives in Porto"]

    played(db_path, provider, story)


def test_a_dream_is_kept_if_its_card_cannot_be_read(provider: Misbehaving, db_path: Path) -> None:
    def script(line: ProviderConnection, asked: dict[str, Any]) -> None:
        form = asked.get("response_format", {}).get("json_schema", {}).get("name")
        card = '{"lines": ["IDENTITY: lives in Porto"]}' if is_well else "I would rather not."
        (FACTS if form == "facts" else said(card if form == "card" else "Done."))(line, asked)

    is_well = False

    async def story(home: Home) -> None:
        nonlocal is_well
        provider.script = script
        await home.say("alice I live in Porto.")
        await home.work()
        await home.store.write(dreams.request, "w", DreamPayload("alice", "alice", None, "omni"), 1)
        await home.work()
        (job,) = await home.store.read(job_stats.listed, clock.now(), failed_only=False, limit=9)
        assert (job.kind, job.state) == ("dream", "waiting")
        assert await home.store.read(cards.get, "w", "alice", "alice") in (None, [])
        is_well = True
        await home.store.write(sql.change, "UPDATE jobs SET due_at = 0")
        await home.work()
        assert await home.store.read(cards.get, "w", "alice", "alice") == ["IDENTITY: lives in Porto"]

    played(db_path, provider, story)


def test_oversized_facts_are_truncated(provider: Misbehaving, db_path: Path) -> None:
    async def story(home: Home) -> None:
        provider.script = said(f'{{"facts": {MANY}}}')
        await home.say("alice I live in Porto.")
        await home.work()
        assert len(home.texts()) == 100

    played(db_path, provider, story)
