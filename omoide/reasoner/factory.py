"""Create the reasoner that the settings name. It is loaded on first use, to keep start-up fast."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from threading import Lock

from omoide.core.metrics import Meter
from omoide.core.records import Effect
from omoide.core.settings import Settings
from omoide.inference.embedders import Embedder
from omoide.inference.errors import ProviderFailed, RequestRefused
from omoide.inference.model_config import model_configs
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Batch, CardTask, Dreamed, DreamTask, Fact, Question, Reasoner, SummaryTask
from omoide.search.rerank import Reranker

logger = logging.getLogger("omoide.reasoner")

EXTRACTIVE = "extractive"


def name_of(settings: Settings) -> str:
    """Return the name of the configured reasoner."""
    return settings.model or EXTRACTIVE


def embedded_reasoner(
    settings: Settings,
    embedder: Embedder,
    tokens: TokenCounter,
    reranker: Reranker | None = None,
    *,
    judge: Embedder | None = None,
) -> Reasoner:
    """Create the embedded reasoner, which needs no model.

    It compares texts with `embedder`, many for an answer, and with `reranker` if there is one, and judges statements
    with `judge`, by default `embedder`.
    """

    def load() -> Reasoner:
        # Imported here: its dictionaries take half a second and 40 MB.
        from omoide.reasoner.extractive.reasoner import Extractive

        return Extractive(embedder, tokens, reranker, judge=judge, assistants=settings.assistant_ids)

    return LazyReasoner(EXTRACTIVE, load, keeps_cards=True, reads_known=False)


def make_reasoner(settings: Settings, tokens: TokenCounter, embedded: Reasoner, meter: Meter | None = None) -> Reasoner:
    """Create the reasoner for the configured model, or return the embedded one. Calls no provider.

    Model requests are counted in `meter`.

    Raises SettingsError, with a one-line message, for an unknown provider, or a missing extra or key.
    """

    def load() -> Reasoner:
        # Imported here: pydantic-ai and a provider's package take seconds to import, and are optional.
        from omoide.inference.model_registry import chat_models
        from omoide.reasoner.agentic.reasoner import Agentic

        return Agentic(chat_models(settings, meter=meter, tokens=tokens), tokens)

    if not settings.model:
        return embedded
    model_configs(settings)
    agentic = LazyReasoner(name_of(settings), load, keeps_cards=False, reads_known=True)
    return FallbackReasoner(agentic, embedded) if settings.derive_fallback else agentic


class LazyReasoner:
    """Lazy reasoner: the first call of a verb runs `load` in a thread."""

    def __init__(self, name: str, load: Callable[[], Reasoner], *, keeps_cards: bool, reads_known: bool) -> None:
        self.name = name
        self.keeps_cards = keeps_cards
        self.reads_known = reads_known
        self._load = load
        self._loading = Lock()
        self._reasoner: Reasoner | None = None

    async def prepare(self) -> None:
        await (await self._loaded()).prepare()

    async def derive(self, batch: Batch) -> Sequence[Fact]:
        return await (await self._loaded()).derive(batch)

    def judge(self, newer: str, older: str, peer_id: str) -> Effect | None:
        return self._load_once().judge(newer, older, peer_id)

    def as_fact(self, content: str, peer_id: str, said_at: int) -> Fact:
        return self._load_once().as_fact(content, peer_id, said_at)

    async def summarize(self, task: SummaryTask) -> str:
        return await (await self._loaded()).summarize(task)

    async def card(self, task: CardTask) -> Sequence[str]:
        return await (await self._loaded()).card(task)

    async def dream(self, task: DreamTask, memory: MemoryView) -> Dreamed:
        return await (await self._loaded()).dream(task, memory)

    async def answer(self, question: Question, memory: MemoryView) -> AsyncIterator[str]:
        said = (await self._loaded()).answer(question, memory)
        try:
            async for piece in said:
                yield piece
        finally:
            if (close := getattr(said, "aclose", None)) is not None:
                await close()

    async def aclose(self) -> None:
        if self._reasoner is not None:
            await self._reasoner.aclose()

    async def _loaded(self) -> Reasoner:
        reasoner = self._reasoner
        return await asyncio.to_thread(self._load_once) if reasoner is None else reasoner

    def _load_once(self) -> Reasoner:
        with self._loading:
            reasoner = self._reasoner or self._load()
            self._reasoner = reasoner
        return reasoner


class FallbackReasoner:
    """Wrapper around `reasoner` that derives with `relief` when the provider fails or refuses. No other verb does."""

    def __init__(self, reasoner: Reasoner, relief: Reasoner) -> None:
        self.name = reasoner.name
        self.keeps_cards = reasoner.keeps_cards
        self.reads_known = reasoner.reads_known
        self.judge, self.as_fact = relief.judge, relief.as_fact
        self.summarize, self.card = reasoner.summarize, reasoner.card
        self.dream, self.answer = reasoner.dream, reasoner.answer
        self._reasoner = reasoner
        self._relief = relief

    async def prepare(self) -> None:
        await self._reasoner.prepare()

    async def derive(self, batch: Batch) -> Sequence[Fact]:
        try:
            return await self._reasoner.derive(batch)
        except (ProviderFailed, RequestRefused) as failure:
            logger.warning("%s Falling back to the reasoner %r for this batch.", failure.reason, self._relief.name)
            return await self._relief.derive(batch)

    async def aclose(self) -> None:
        await self._reasoner.aclose()
        await self._relief.aclose()
