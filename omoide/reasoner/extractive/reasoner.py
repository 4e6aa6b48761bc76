"""`Reasoner` implementation without a model. CPU-bound work runs in threads.

Deterministic: equal inputs give equal facts, summaries, cards and answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from omoide.core import clock
from omoide.core.offload import offload
from omoide.core.records import Effect
from omoide.inference.embedders import Embedder
from omoide.inference.rejected_inputs import embed_or_zeros
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.extractive import answer, card, derive, dream, supersession
from omoide.reasoner.extractive.selection_model import SelectionModel
from omoide.reasoner.extractive.summary import Summarizer
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Batch, CardTask, Dreamed, DreamTask, Fact, Question, SummaryTask
from omoide.search.rerank import Reranker


class Extractive:
    """See `Reasoner`. Compares texts with the embedder and the cross-encoder; uses no other model."""

    name = "extractive"
    keeps_cards = True
    reads_known = False

    def __init__(
        self,
        embedder: Embedder,
        tokens: TokenCounter,
        reranker: Reranker | None = None,
        *,
        judge: Embedder | None = None,
        assistants: Sequence[str] = (),
    ) -> None:
        """`judge` embeds statements to tell whether they are worth keeping; by default `embedder` does. `assistants`:
        see `derive`."""
        judge = judge or embedder
        self._embedder = embedder
        self._assistants = assistants
        self._selection = SelectionModel(judge.name, judge.embed_now)
        self._reranker = reranker or Reranker(None)
        self._summarizer = Summarizer(embedder, tokens)

    async def prepare(self) -> None:
        """Load the dictionaries, which are loaded on first use, by processing one sentence."""
        await asyncio.to_thread(derive.fact_content, "I moved here yesterday.", "peer", clock.now())

    async def derive(self, batch: Batch) -> Sequence[Fact]:
        return await offload(derive.derive, batch, self._selection, self._assistants)

    def judge(self, newer: str, older: str, peer_id: str) -> Effect | None:
        return supersession.effect(newer, older, peer_id)

    def as_fact(self, content: str, peer_id: str, said_at: int) -> Fact:
        return derive.as_fact(content, peer_id, said_at)

    async def summarize(self, task: SummaryTask) -> str:
        return await self._summarizer.summarize(task)

    async def card(self, task: CardTask) -> Sequence[str]:
        return await offload(card.card, task)

    async def dream(self, task: DreamTask, memory: MemoryView) -> Dreamed:
        """Raises EmbeddingFailed while the embedder fails, because duplicates cannot be detected without vectors."""
        texts = [conclusion.content for conclusion in task.conclusions]
        vectors = await embed_or_zeros(self._embedder, texts)
        return await asyncio.to_thread(dream.dream, task, vectors)

    def answer(self, question: Question, memory: MemoryView) -> AsyncIterator[str]:
        return answer.answer(question, memory, self._embedder, self._reranker)

    async def aclose(self) -> None:
        """Do nothing: the server owns the embedder."""
