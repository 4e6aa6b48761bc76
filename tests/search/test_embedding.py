"""Texts are embedded in the background, whatever the embedding endpoint does, without loss."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from http.server import BaseHTTPRequestHandler

import pytest

from omoide.core import clock
from omoide.core.records import Change, NewConclusion, NewMessage
from omoide.core.settings import Settings
from omoide.inference.embedder_factory import make_embedder
from omoide.inference.embedders import Embedder, Vector
from omoide.inference.tokens import TokenCounter
from omoide.inference.wordllama_embedder import WordLlamaEmbedder
from omoide.search import on_demand_embedding
from omoide.search.conclusions import search as search_conclusions
from omoide.search.messages import search
from omoide.search.on_demand_embedding import OnDemandEmbedder
from omoide.search.semantic import SemanticSearch
from omoide.search.vector_group import Group
from omoide.search.vector_index import EVERYTHING, Allowed, VectorIndex
from omoide.services.container import open_services
from omoide.storage import Store, Transaction, conclusions, deletion_cascade, embeddings, messages, peers, purge
from omoide.storage.conclusion_search import ConclusionSearch
from omoide.storage.message_scope import MessageSearch
from omoide.worker.embed import BATCH
from omoide.worker.loop import Worker
from tests import sql
from tests.inference.fault_proxy import FaultProxy, answering, send, stalling
from tests.read_now import read_now

OBSERVERS = 10
DIMENSIONS = 384
SAID = ("We adopted a puppy last week.", "The train to Porto leaves at nine.", "")


def remote(endpoint: FaultProxy) -> Embedder:
    return make_embedder("openai:e5", tokens=TokenCounter(), base_url=f"{endpoint.url}/v1", dimensions=DIMENSIONS)


class Night:
    """A store with a worker that runs on demand, and a search with the same embedder."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        settings = Settings.model_validate({"db": store.location})
        self.store = store
        self.embedder = embedder
        self.worker = Worker(open_services(settings, store=store, embedder=embedder))
        self.finder = SemanticSearch(embedder, pause_seconds=0)

    async def begin(self) -> None:
        await self.store.write(embeddings.adopt, self.embedder.name, self.embedder.dimensions, clock.now())

    async def say(self, *contents: str, session: str = "s") -> None:
        batch = [NewMessage("alice", content, {}, 1, None) for content in contents]
        await self.store.write(messages.add, "w", session, batch, clock.now(), max_observers=OBSERVERS)

    async def work(self) -> None:
        while await self.worker.run_one():
            pass

    async def later(self) -> None:
        """Make failed jobs due."""
        await self.store.write(sql.make_due)
        await self.work()

    async def found(self, query: str) -> list[str]:
        wanted = MessageSearch("w", query)
        return [message.content for message in await search(self.store, self.finder, wanted, seconds=60)]

    def embedded(self) -> int:
        return len(read_now(self.store, all_vectors))


def all_vectors(db: Transaction) -> list[bytes]:
    tables = ("message_vectors", "conclusion_vectors")
    return [row[0] for table in tables for row in sql.rows(db, f"SELECT vector FROM {table}")]


def owed(db: Transaction) -> list[tuple[str, str | None]]:
    return [(kind, error) for kind, error in sql.rows(db, "SELECT kind, error FROM jobs WHERE kind <> 'erase'")]


def run(store: Store, embedder: Embedder, story: Callable[[Night], Awaitable[None]]) -> None:
    async def told() -> None:
        night = Night(store, embedder)
        await night.begin()
        try:
            await story(night)
        finally:
            await embedder.aclose()

    asyncio.run(told())


def test_stored_texts_are_embedded_once(store: Store) -> None:
    async def story(night: Night) -> None:
        await night.say(*SAID)
        pair = NewConclusion("alice has a dog", "alice", "alice", None)
        await store.write(conclusions.add, "w", [pair], clock.now())
        assert await store.read(owed) == [("embed", None)]
        await night.work()
        assert await store.read(owed) == []
        # A blank text has none.
        assert night.embedded() == 3
        progress = await store.read(embeddings.progress)
        assert progress is not None
        assert (progress.messages, progress.conclusions) == (3, 1)
        assert (await night.found("Which pets are there?"))[0] == SAID[0]

    run(store, WordLlamaEmbedder(), story)


def test_more_texts_than_a_batch_are_all_embedded(store: Store) -> None:
    async def story(night: Night) -> None:
        await night.say(*(f"message number {n}" for n in range(2 * BATCH + 5)))
        await night.work()
        assert night.embedded() == 2 * BATCH + 5

    run(store, WordLlamaEmbedder(), story)


def test_a_failing_endpoint_delays_vectors_and_nothing_else(store: Store, endpoint: FaultProxy) -> None:
    async def story(night: Night) -> None:
        endpoint.fault = answering(503, b"{}")
        await night.say(*SAID)
        await night.say("gone soon", session="t")
        await store.write(deletion_cascade.delete_session, "w", "t", clock.now())
        await night.work()
        # Other jobs have run, and words are found.
        ((kind, error),) = await store.read(owed)
        assert kind == "embed"
        assert "503" in str(error)
        assert not await store.read(purge.session, 2)
        assert (await night.found("puppy"))[0] == SAID[0]
        assert await night.found("pets") == []
        await night.say("One more.")
        assert len(await store.read(owed)) == 1
        endpoint.fault = None
        await night.later()
        assert await store.read(owed) == []
        assert night.embedded() == 3
        assert (await night.found("pets"))[0] == SAID[0]

    run(store, remote(endpoint), story)


def test_a_search_does_not_wait_for_a_hanging_endpoint(store: Store, endpoint: FaultProxy) -> None:
    async def story(night: Night) -> None:
        await night.say(*SAID)
        await night.work()
        endpoint.fault = stalling
        asked = len(endpoint.asked)
        finder = SemanticSearch(night.embedder, query_seconds=0.05, pause_seconds=3_600)
        for _ in range(3):
            found = await search(store, finder, MessageSearch("w", "puppy"), seconds=60)
            assert found[0].content == SAID[0]
        # It is called once, and then not again for a while.
        assert len(endpoint.asked) <= asked + 1

    run(store, remote(endpoint), story)


def test_a_refused_text_has_no_vector_and_does_not_block_others(store: Store, endpoint: FaultProxy) -> None:
    def refusing(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
        if b"poison" in asked:
            send(handler, 400, b'{"error": {"message": "not this one"}}')
        else:
            real = proxy.forwarded(handler.path, asked)
            send(handler, real.status_code, real.content)

    async def story(night: Night) -> None:
        endpoint.fault = refusing
        await night.say("a", "poison", "b")
        await night.work()
        assert await store.read(owed) == []
        assert night.embedded() == 2

    run(store, remote(endpoint), story)


def test_an_endpoint_that_refuses_everything_is_retried(store: Store, endpoint: FaultProxy) -> None:
    async def story(night: Night) -> None:
        endpoint.fault = answering(401, b"{}")
        await night.say(*(f"message {n}" for n in range(100)))
        await night.work()
        assert [kind for kind, _ in await store.read(owed)] == ["embed"]
        # It was not called for each of the hundred.
        assert len(endpoint.asked) < 20
        endpoint.fault = None
        await night.later()
        assert night.embedded() == 100

    run(store, remote(endpoint), story)


def test_a_new_model_embeds_everything_again_while_words_are_found(store: Store, endpoint: FaultProxy) -> None:
    async def before(night: Night) -> None:
        await night.say(*SAID)
        await night.work()
        assert {len(vector) for vector in await store.read(all_vectors)} == {2 * night.embedder.dimensions}

    async def after(night: Night) -> None:
        assert night.embedded() == 0
        assert await store.read(owed) == [("embed", None)]
        assert (await night.found("puppy"))[0] == SAID[0]
        await night.work()
        assert {len(vector) for vector in await store.read(all_vectors)} == {2 * DIMENSIONS}
        assert (await night.found("pets"))[0] == SAID[0]

    run(store, WordLlamaEmbedder(), before)
    run(store, remote(endpoint), after)


def test_a_process_with_another_model_does_not_change_the_vectors(store: Store, endpoint: FaultProxy) -> None:
    async def story(night: Night) -> None:
        await night.say(*SAID)
        stranger = Night(store, WordLlamaEmbedder())
        await stranger.work()
        assert night.embedded() == 0
        # It searches by words, because these vectors are of another model.
        assert (await stranger.found("puppy"))[0] == SAID[0]
        assert [kind for kind, _ in await store.read(owed)] == ["embed"]

    run(store, remote(endpoint), story)


def test_a_restart_with_the_same_model_enqueues_nothing(store: Store) -> None:
    async def story(night: Night) -> None:
        await night.say(*SAID)
        await night.work()
        await night.begin()
        assert await store.read(owed) == []
        assert night.embedded() == 2

    run(store, WordLlamaEmbedder(), story)


class InterruptedIndex(VectorIndex):
    """Finds by meaning, and embeds everything right after its first lookup."""

    def __init__(self, night: Night) -> None:
        embed = night.embedder.embed_now
        on_demand = OnDemandEmbedder(embed) if embed else None
        super().__init__(night.embedder.name, night.embedder.dimensions, on_demand=on_demand)
        self.then: Callable[[], Coroutine[None, None, None]] | None = night.work
        self.loop = asyncio.get_running_loop()

    def nearest(
        self, db: Transaction, group: Group, vector: Vector, count: int, allowed: Allowed = EVERYTHING
    ) -> list[tuple[int, float]]:
        found = super().nearest(db, group, vector, count, allowed)
        if self.then:
            work, self.then = self.then, None
            asyncio.run_coroutine_threadsafe(work(), self.loop).result()
        return found


def test_a_conclusion_that_is_embedded_during_the_search_is_found(store: Store) -> None:
    async def story(night: Night) -> None:
        known = [NewConclusion(content, "alice", "bob", None) for content in ("bob has a dog", "bob reports to carol")]
        for peer in ("alice", "bob"):
            await store.write(peers.get_or_create, "w", peer, Change(), clock.now())
        await store.write(conclusions.add, "w", known, clock.now())
        night.finder.index = InterruptedIndex(night)
        found = await search_conclusions(store, night.finder, ConclusionSearch("w", "dog", 2))
        assert night.embedded() == 2
        assert [conclusion.content for conclusion in found] == ["bob has a dog", "bob reports to carol"]

    run(store, WordLlamaEmbedder(), story)


DRAWN = ("bob adopted a puppy", "bob reports to carol", "bob takes the train to Porto")


async def draw(night: Night, *contents: str, observer: str = "alice", session: str | None = None) -> None:
    """Store a conclusion of an observer about bob, without running the worker."""
    for peer in ("alice", "bob"):
        await night.store.write(peers.get_or_create, "w", peer, Change(), clock.now())
    known = [NewConclusion(content, observer, "bob", session) for content in contents]
    await night.store.write(conclusions.add, "w", known, clock.now())


async def drawn(night: Night, text: str, *, limit: int = 1, most: float | None = None, **filters: str) -> list[str]:
    """The results of another process, with an empty index."""
    finder = SemanticSearch(night.embedder)
    request = ConclusionSearch("w", text, limit, filters=filters or None, max_distance=most)
    found = await search_conclusions(night.store, finder, request)
    return [conclusion.content for conclusion in found]


def test_a_conclusion_is_found_by_its_meaning_as_soon_as_it_is_stored(store: Store) -> None:
    async def story(night: Night) -> None:
        await draw(night, *DRAWN[:2])
        assert await drawn(night, "which pets are there") == [DRAWN[0]]
        await night.work()
        await draw(night, DRAWN[2], "bob likes tea", observer="bob")
        assert await drawn(night, "railway journey") == [DRAWN[2]]
        assert await drawn(night, "railway journey", observer_id="alice", observed_id="bob") != [DRAWN[2]]
        before = await drawn(night, "railway journey", limit=9)
        await night.work()
        assert await drawn(night, "railway journey", limit=9) == before, "the order is that of the stored vectors"
        assert len(before) == 4

    run(store, WordLlamaEmbedder(), story)


def test_a_row_deleted_before_it_was_embedded_is_not_found(store: Store) -> None:
    async def story(night: Night) -> None:
        await night.say("hi")
        await draw(night, DRAWN[0], session="s")
        await draw(night, DRAWN[1], DRAWN[2])
        finder, pets = SemanticSearch(night.embedder), ConclusionSearch("w", "pets", 9)
        assert len(await search_conclusions(store, finder, pets)) == 3
        (page,) = await store.read(sql.rows, "SELECT id FROM conclusions WHERE content = ?", DRAWN[1:2])
        await store.write(conclusions.delete, "w", page[0], clock.now())
        await store.write(deletion_cascade.delete_session, "w", "s", clock.now())
        found = await search_conclusions(store, finder, pets)
        assert [each.content for each in found] == [DRAWN[2]]
        assert await night.found("hi") == []

    run(store, WordLlamaEmbedder(), story)


def test_a_maximum_distance_applies_to_new_rows(store: Store) -> None:
    async def story(night: Night) -> None:
        await draw(night, *DRAWN)
        assert await drawn(night, "bob adopted a dog", limit=9, most=0.3) == [DRAWN[0]]
        await night.work()
        assert await drawn(night, "bob adopted a dog", limit=9, most=0.3) == [DRAWN[0]]

    run(store, WordLlamaEmbedder(), story)


def test_a_message_is_found_by_its_meaning_as_soon_as_it_is_stored(store: Store) -> None:
    async def story(night: Night) -> None:
        await night.say(*SAID)
        assert (await night.found("Which pets are there?"))[0] == SAID[0]
        assert night.embedded() == 0

    run(store, WordLlamaEmbedder(), story)


def test_of_many_new_rows_the_newest_are_found_by_meaning_others_by_words(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_demand_embedding, "MOST_EMBEDDED", 2)
    monkeypatch.setattr(on_demand_embedding, "MOST_KEPT", 1)

    async def story(night: Night) -> None:
        await draw(night, "bob owns a violin", *DRAWN)
        assert await drawn(night, "railway journey", limit=9) == [DRAWN[2], DRAWN[1]]
        assert set(await drawn(night, "violin", limit=9)) == {"bob owns a violin", DRAWN[2], DRAWN[1]}

    run(store, WordLlamaEmbedder(), story)


class SlowEmbedder(WordLlamaEmbedder):
    """An embedder that can embed about two short texts for a search."""

    characters_on_demand = 2 * on_demand_embedding.LEAST_CHARACTERS


def test_a_slow_embedder_embeds_few_new_rows_for_a_search(store: Store) -> None:
    async def story(night: Night) -> None:
        await draw(night, *DRAWN)
        request = ConclusionSearch("w", "railway journey", 9)
        found = [await search_conclusions(store, night.finder, request) for _ in range(2)]
        contents = [[each.content for each in some] for some in found]
        assert contents[0] == [DRAWN[2], DRAWN[1]]
        assert set(contents[1]) == {*DRAWN}, "the next search embeds the rest"

    run(store, SlowEmbedder(), story)


def test_of_a_bulk_import_a_slow_embedder_embeds_the_newest_only(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_demand_embedding, "MOST_EMBEDDED", 2)

    async def story(night: Night) -> None:
        await draw(night, *DRAWN)
        assert await drawn(night, "railway journey", limit=9) == [DRAWN[2]]
        await night.work()
        assert (await drawn(night, "railway journey", limit=9))[0] == DRAWN[2]

    run(store, SlowEmbedder(), story)
