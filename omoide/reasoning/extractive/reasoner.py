"""The five verbs without a model: what was said is taken apart, beside the event loop, and nothing is invented.

It is deterministic: the same texts give the same facts, summaries, cards and answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from omoide.aside import aside
from omoide.inference.embedders import Embedder
from omoide.inference.refusals import embed_or_zeros
from omoide.inference.tokens import TokenCounter
from omoide.reasoning.extractive import answer, card, derive, dream
from omoide.reasoning.extractive.summary import Summarizer
from omoide.reasoning.memory import Memory
from omoide.reasoning.reasoner import Batch, CardTask, Dreamed, DreamTask, Fact, Question, SummaryTask


class Extractive:
    """See `Reasoner`. Needs an embedder to compare texts by; it calls no other model."""

    name = "extractive"
    keeps_cards = True

    def __init__(self, embedder: Embedder, tokens: TokenCounter) -> None:
        self._embedder = embedder
        self._summarizer = Summarizer(embedder, tokens)

    async def prepare(self) -> None:
        """Dictionaries load when they are first looked into: so one sentence is taken apart for nothing."""
        await asyncio.to_thread(derive.fact_content, "I moved here yesterday.", "nobody", datetime.now(UTC))

    async def derive(self, batch: Batch) -> Sequence[Fact]:
        return await aside(derive.derive, batch)

    async def summarize(self, task: SummaryTask) -> str:
        return await self._summarizer.summarize(task)

    async def card(self, task: CardTask) -> Sequence[str]:
        return await aside(card.card, task)

    async def dream(self, task: DreamTask, memory: Memory) -> Dreamed:
        """Raises EmbeddingFailed while the embedder does: what says the same cannot be told then."""
        texts = [conclusion.content for conclusion in task.conclusions]
        vectors = await embed_or_zeros(self._embedder, texts)
        return await asyncio.to_thread(dream.dream, task, vectors)

    def answer(self, question: Question, memory: Memory) -> AsyncIterator[str]:
        return answer.answer(question, memory, self._embedder)

    async def aclose(self) -> None:
        """Nothing to let go: the embedder belongs to the server."""
