"""`Reasoner` implementation that uses language models through `inference.models`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from omoide.core.lazy_import import lazy_import
from omoide.core.offload import offload
from omoide.core.records import Effect
from omoide.fairness.fair_queue import FairSemaphore
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.agentic import answer, card, derive, dream, summary
from omoide.reasoner.agentic.model_client import ModelCaller, Models
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Batch, CardTask, Dreamed, DreamTask, Fact, Question, SummaryTask

with lazy_import("omoide.reasoner.extractive.derive", "omoide.reasoner.extractive.supersession"):
    # Their dictionaries take half a second and 40 MB.
    from omoide.reasoner.extractive import derive as rules
    from omoide.reasoner.extractive import supersession

OPENINGS = 4
"""Number of questions prefetched concurrently. The others wait: the searches of a thousand simultaneous questions would
delay all other requests."""


class Agentic:
    """See `Reasoner`. Verbs raise ProviderFailed, a subclass of Unavailable, while the provider is unavailable, and
    ModelUnfit if the model's output is unusable."""

    keeps_cards = False
    reads_known = True

    def __init__(self, models: Models, tokens: TokenCounter) -> None:
        self._models = models
        self._tokens = tokens
        self._openings = FairSemaphore(OPENINGS)

    @property
    def name(self) -> str:
        return self._models.name

    async def prepare(self) -> None:
        await asyncio.to_thread(self._tokens.warm)
        await asyncio.to_thread(self._models.of, "answer")

    async def derive(self, batch: Batch) -> Sequence[Fact]:
        facts = await derive.derive(batch, ModelCaller(self._models, "derive"), self._tokens)
        return await offload(_with_topics, facts, batch.observed_id)

    def judge(self, newer: str, older: str, peer_id: str) -> Effect | None:
        """Compare by rules, in addition to what the model says when it derives a fact: a weak model may say nothing,
        and it is shown only the nearest conclusions."""
        return supersession.effect(newer, older, peer_id)

    def as_fact(self, content: str, peer_id: str, said_at: int) -> Fact:
        """Read it by rules, because no request waits for the model."""
        return rules.as_fact(content, peer_id, said_at)

    async def summarize(self, task: SummaryTask) -> str:
        return await summary.summarize(task, ModelCaller(self._models, "summary"), self._tokens)

    async def card(self, task: CardTask) -> Sequence[str]:
        return await card.card(task, ModelCaller(self._models, "card"), self._tokens)

    async def dream(self, task: DreamTask, memory: MemoryView) -> Dreamed:
        return await dream.dream(task, memory, ModelCaller(self._models, "dream"), self._tokens)

    def answer(self, question: Question, memory: MemoryView) -> AsyncIterator[str]:
        caller = ModelCaller(self._models, "answer", purpose=f"chat_{question.level}")
        return answer.answer(question, memory, caller, openings=self._openings)

    async def aclose(self) -> None:
        await self._models.aclose()


def _with_topics(facts: Sequence[Fact], peer_id: str) -> list[Fact]:
    return [replace(fact, topics=supersession.topics_of(fact.content, peer_id)) for fact in facts]
