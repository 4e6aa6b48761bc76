"""Which reasoner the settings name. It is loaded when it is first asked, so that the server starts without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from threading import Lock

from omoide.inference.embedders import Embedder
from omoide.inference.tokens import TokenCounter
from omoide.reasoning.memory import Memory
from omoide.reasoning.reasoner import Batch, CardTask, Dreamed, DreamTask, Fact, Question, Reasoner, SummaryTask


def reasoner_for(embedder: Embedder, tokens: TokenCounter) -> Reasoner:
    """The embedded reasoner, which needs no model."""

    def load() -> Reasoner:
        # Imported here: its dictionaries take half a second and 40 MB.
        from omoide.reasoning.extractive.reasoner import Extractive

        return Extractive(embedder, tokens)

    return Deferred("extractive", load, keeps_cards=True)


class Deferred:
    """A reasoner that is made by `load`, in a thread, when one of its verbs is first called."""

    def __init__(self, name: str, load: Callable[[], Reasoner], *, keeps_cards: bool) -> None:
        self.name = name
        self.keeps_cards = keeps_cards
        self._load = load
        self._loading = Lock()
        self._reasoner: Reasoner | None = None

    async def prepare(self) -> None:
        await (await self._loaded()).prepare()

    async def derive(self, batch: Batch) -> Sequence[Fact]:
        return await (await self._loaded()).derive(batch)

    async def summarize(self, task: SummaryTask) -> str:
        return await (await self._loaded()).summarize(task)

    async def card(self, task: CardTask) -> Sequence[str]:
        return await (await self._loaded()).card(task)

    async def dream(self, task: DreamTask, memory: Memory) -> Dreamed:
        return await (await self._loaded()).dream(task, memory)

    async def answer(self, question: Question, memory: Memory) -> AsyncIterator[str]:
        async for piece in (await self._loaded()).answer(question, memory):
            yield piece

    async def aclose(self) -> None:
        if self._reasoner is not None:
            await self._reasoner.aclose()

    async def _loaded(self) -> Reasoner:
        found = self._reasoner
        return await asyncio.to_thread(self._load_once) if found is None else found

    def _load_once(self) -> Reasoner:
        with self._loading:
            found = self._reasoner or self._load()
            self._reasoner = found
        return found
