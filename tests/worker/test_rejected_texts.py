"""Texts that the embedding endpoint refuses do not block others; an outage marks no text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

import httpx
import numpy as np
import pytest
from click.testing import CliRunner

from omoide.cli.main import main
from omoide.core.clock import to_micros
from omoide.core.records import Message
from omoide.doctor.run_checks import run_checks
from omoide.inference import rejected_inputs
from omoide.inference.embedder_factory import make_embedder
from omoide.inference.embedders import Embedder, EmbeddingFailed
from omoide.inference.rejected_inputs import embed_or_zeros
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.extractive.reasoner import Extractive
from omoide.reasoner.protocol import SummaryTask
from omoide.search.semantic import SemanticSearch
from omoide.search.vector_group import Group
from omoide.storage import Store, Transaction, deletion_cascade, purge
from omoide.storage.sqlite.integrity import full_check, row_consistency
from tests import sql
from tests.inference.fault_proxy import FaultProxy, fault_proxy, send
from tests.read_now import read_now
from tests.search.test_embedding import Night, owed

DIMENSIONS = 8
LONG_AGO = to_micros(datetime(2025, 1, 1, tzinfo=UTC))
MOST_FOR_AN_OUTAGE = 2

Judge = Callable[[list[str]], int | bytes]
"""The endpoint's response to texts: a status, or a body; 200 for vectors."""


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejected_inputs, "PAUSE_SECONDS", 0.0)


@pytest.fixture
def endpoint() -> Iterator[FaultProxy]:
    with httpx.Client() as nobody, fault_proxy(nobody) as proxy:
        yield proxy


def judging(judge: Judge) -> Callable[[BaseHTTPRequestHandler, FaultProxy, bytes], None]:
    def answer(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
        texts = json.loads(asked)["input"]
        judged = judge(texts)
        if judged == 200:
            vectors = [{"index": n, "embedding": vector_of(text)} for n, text in enumerate(texts)]
            judged = json.dumps({"data": vectors}).encode()
        if isinstance(judged, bytes):
            send(handler, 200, judged)
        else:
            send(handler, judged, b'{"error": {"message": "internal error"}}')

    return answer


def vector_of(text: str) -> list[float]:
    return [1.0 + (sum(text.encode()) * (n + 3)) % 17 for n in range(DIMENSIONS)]


def refusing(word: str, with_: int | bytes = 500) -> Judge:
    return lambda texts: with_ if any(word in text for text in texts) else 200


def remote(endpoint: FaultProxy, model: str = "e5") -> Embedder:
    return make_embedder(f"openai:{model}", tokens=TokenCounter(), base_url=f"{endpoint.url}/v1", dimensions=DIMENSIONS)


def marked(db: Transaction) -> list[int]:
    return sql.column(db, "SELECT pk FROM refused_texts ORDER BY source, pk")


def nobody_left(night: Night) -> bool:
    return read_now(night.store, owed) == []


async def begun(store: Store, endpoint: FaultProxy, judge: Judge) -> Night:
    endpoint.fault = judging(judge)
    night = Night(store, remote(endpoint))
    await night.begin()
    return night


@pytest.mark.parametrize(
    ("bad", "answer"),
    [
        ([1], 500),
        ([200], 500),
        ([77], 500),
        ([1, 2, 3], 500),
        ([5, 100, 199], 500),
        (range(90, 100), 500),
        (range(1, 201), 500),
        ([5, 100, 199], 400),
        ([5, 100, 199], b'{"data": [{"embedding": null}]}'),
    ],
    ids=["first", "last", "one", "first ones", "some", "neighbours", "all", "status 400", "unreadable"],
)
def test_refused_texts_are_marked_and_all_others_embedded(
    bad: list[int], answer: int | bytes, store: Store, endpoint: FaultProxy
) -> None:
    async def story() -> None:
        night = await begun(store, endpoint, refusing("poison", answer))
        await night.say(*("poison" if n in bad else f"message {n}" for n in range(1, 101)))
        await night.say(*("poison" if n in bad else f"message {n}" for n in range(101, 201)))
        await night.work()
        assert nobody_left(night)
        assert await store.read(marked) == [*bad]
        assert night.embedded() == 200 - len(bad)
        asked = len(endpoint.asked)
        assert asked <= 30 + 16 * len(bad)
        await night.say("One more.")
        await night.work()
        assert len(endpoint.asked) == asked + 1, "marked texts are not sent again"
        assert list(consistency_faults(store)) == []

    asyncio.run(story())


def consistency_faults(store: Store) -> list[str]:
    return [*read_now(store, lambda db: [*row_consistency.contradictions(db), *full_check.faults(db)])]


@pytest.mark.parametrize("status", [500, 502, 503, 429, 401, 404, 408])
def test_an_outage_marks_nothing_and_costs_few_requests(status: int, store: Store, endpoint: FaultProxy) -> None:
    async def story() -> None:
        night = await begun(store, endpoint, lambda texts: status)
        await night.say(*(f"message {n}" for n in range(100)))
        await night.work()
        assert len(endpoint.asked) <= MOST_FOR_AN_OUTAGE
        assert [kind for kind, _ in await store.read(owed)] == ["embed"]
        assert await store.read(marked) == []
        endpoint.fault = judging(lambda texts: 200)
        await night.later()
        assert (night.embedded(), nobody_left(night)) == (100, True)

    asyncio.run(story())


@pytest.mark.parametrize("after", [1, 2, 5, 8, 9, 10, 11])
def test_an_outage_that_starts_meanwhile_marks_nothing(after: int, store: Store, endpoint: FaultProxy) -> None:
    def judge(texts: list[str]) -> int:
        return 500 if len(endpoint.asked) > after or "poison" in texts else 200

    async def story() -> None:
        night = await begun(store, endpoint, judge)
        await night.say(*("poison" if n == 5 else f"message {n}" for n in range(16)))
        await night.work()
        assert await store.read(marked) == []
        assert [kind for kind, _ in await store.read(owed)] == ["embed"]

    asyncio.run(story())


def test_a_text_that_is_refused_intermittently_is_embedded(store: Store, endpoint: FaultProxy) -> None:
    alone = 0

    def judge(texts: list[str]) -> int:
        nonlocal alone
        alone += texts == ["moody"]
        return 500 if "moody" in texts and alone < rejected_inputs.TRIES_ALONE else 200

    async def story() -> None:
        night = await begun(store, endpoint, judge)
        await night.say("a", "moody", "b")
        await night.work()
        assert (night.embedded(), await store.read(marked), nobody_left(night)) == (3, [], True)

    asyncio.run(story())


def test_refused_texts_are_retried_on_request(
    store: Store, endpoint: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    async def refused() -> Night:
        night = await begun(store, endpoint, refusing("poison"))
        await night.say("a", "poison", "b")
        await night.work()
        return night

    def invoke(*arguments: str) -> str:
        done = CliRunner().invoke(main, [*arguments, "--db", str(store.path)])
        assert done.exit_code == 0, done.output
        return done.output

    night = asyncio.run(refused())
    assert "1 messages refused by the embedder" in caplog.text
    assert "poison" not in caplog.text
    assert "1 message refused by the embedder, latest error: The embedding endpoint answered 500" in invoke("queue")
    searcher = SemanticSearch(night.embedder, pause_seconds=0)
    assert len(nearest(searcher, store)) == 2
    assert "1 text will be embedded again." in invoke("queue", "retry", "--all")
    asyncio.run(night.work())
    assert read_now(store, marked) == [2], "refused again, and not sent again"
    assert nobody_left(night)
    endpoint.fault = judging(lambda texts: 200)
    invoke("queue", "retry", "--all")
    asyncio.run(night.work())
    assert (read_now(store, marked), night.embedded(), nobody_left(night)) == ([], 3, True)
    assert len(nearest(searcher, store)) == 3, "also by a search that had the others in memory"
    assert consistency_faults(store) == []


def nearest(searcher: SemanticSearch, store: Store) -> list[tuple[int, float]]:
    vector = np.array(vector_of("a"), np.float32)
    return read_now(
        store, lambda db: searcher.index.nearest(db, Group("messages", 1), vector / np.linalg.norm(vector), 9)
    )


def test_doctor_counts_refused_texts(store: Store, endpoint: FaultProxy) -> None:
    async def story() -> None:
        night = await begun(store, endpoint, refusing("poison"))
        await night.say("a", "poison", "b")
        await night.work()
        settings = night.worker.deps.settings.model_copy(
            update={
                "embedder": "openai:e5",
                "embedder_base_url": f"{endpoint.url}/v1",
                "embedder_dimensions": DIMENSIONS,
            }
        )
        (verdict,) = [each for each in await run_checks(settings, is_local=True, seconds=60) if each.name == "embedder"]
        assert (verdict.state, verdict.figures["messages_refused"], verdict.figures["messages_without"]) == (
            "notice",
            1,
            0,
        )
        assert "found by full-text search only: 1 message." in verdict.text

    asyncio.run(story())


def test_marks_are_removed_with_the_embedder_and_with_their_texts(store: Store, endpoint: FaultProxy) -> None:
    async def story() -> None:
        night = await begun(store, endpoint, refusing("poison"))
        await night.say("a", "poison", "b")
        await night.say("poison", session="t")
        await night.work()
        assert await store.read(marked) == [2, 4]
        await store.write(deletion_cascade.delete_session, "w", "t", 1)
        while await store.write(purge.session, 2):
            pass
        assert await store.read(marked) == [2]
        endpoint.fault = judging(lambda texts: 200)
        other = Night(store, remote(endpoint, "another"))
        await other.begin()
        assert await store.read(marked) == []
        await other.work()
        assert other.embedded() == 3

    asyncio.run(story())


def test_reasoning_skips_a_refused_text_and_waits_during_an_outage(endpoint: FaultProxy) -> None:
    embedder = remote(endpoint)

    async def story() -> None:
        endpoint.fault = judging(refusing("poison"))
        texts = ["poison", *(f"message {n}" for n in range(100)), "poison", ""]
        vectors = await embed_or_zeros(embedder, texts)
        assert [place for place, vector in enumerate(vectors) if not vector.any()] == [0, 101, 102]
        assert (await embed_or_zeros(embedder, [])).shape == (0, DIMENSIONS)
        reasoner = Extractive(embedder, TokenCounter())
        turns = ["I study poison, and have done so for years.", "I live in Lisbon with my dog."]
        said = [Message(f"m{n}", "s", "w", "p", text, {}, 9, LONG_AGO) for n, text in enumerate(turns)]
        task = SummaryTask("s", "short", said, None, 100)
        assert "Lisbon" in await reasoner.summarize(task)
        endpoint.fault = judging(lambda texts: 500)
        with pytest.raises(EmbeddingFailed):
            await embed_or_zeros(embedder, texts)
        with pytest.raises(EmbeddingFailed):
            await Extractive(embedder, TokenCounter()).summarize(task)

    asyncio.run(story())
