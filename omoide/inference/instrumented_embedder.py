"""Count an embedder's calls and failures in the metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from functools import partial

from omoide.core.metrics import Meter
from omoide.core.usage import EMBEDDING
from omoide.inference.embedders import Embedder, EmbeddingFailed, EmbedNow, Vectors
from omoide.inference.openai_embedder import OpenAIEmbedder


class InstrumentedEmbedder:
    """Wraps `embedder` and counts its calls in `meter`."""

    def __init__(self, embedder: Embedder, meter: Meter) -> None:
        self.name = embedder.name
        self.dimensions = embedder.dimensions
        self.characters_on_demand = embedder.characters_on_demand
        self.aclose = embedder.aclose
        self.embed_now = None if embedder.embed_now is None else self._counted(embedder.embed_now)
        self._embedder = embedder
        self._meter = meter
        if isinstance(embedder, OpenAIEmbedder):
            embedder.answered = partial(meter.usage.add, EMBEDDING, embedder.name)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`."""
        return await self._count(self._embedder.embed(texts), len(texts))

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed_queries`."""
        return await self._count(self._embedder.embed_queries(texts), len(texts))

    async def _count(self, embedding: Awaitable[Vectors], texts: int) -> Vectors:
        try:
            vectors = await embedding
        except EmbeddingFailed:
            self._meter.embedding_failed()
            raise
        self._meter.embedded(texts)
        return vectors

    def _counted(self, embed_now: EmbedNow) -> EmbedNow:
        def counted(texts: Sequence[str]) -> Vectors:
            vectors = embed_now(texts)
            self._meter.embedded(len(texts))
            return vectors

        return counted
