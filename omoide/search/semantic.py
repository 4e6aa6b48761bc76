"""Semantic search: embed a query, to find the nearest stored vectors.

If a query cannot be embedded in time, the result is None and the caller searches by words only.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from omoide.core import text_cache
from omoide.core.lazy_import import lazy_import
from omoide.inference.embedders import Embedder, EmbeddingFailed, Vector, Vectors
from omoide.search.on_demand_embedding import OnDemandEmbedder
from omoide.search.vector_index import VectorIndex

with lazy_import("numpy"):
    import numpy as np

logger = logging.getLogger("omoide.search")

QUERY_SECONDS = 5.0
"""Time limit for embedding a query."""

MOST_KEPT = 256
"""Query vectors that are kept: a question is searched for in messages and in conclusions."""

PAUSE_SECONDS = 30.0
"""How long a failed embedder is not called again, so that not every search waits for a time-out."""


class SemanticSearch:
    """Owns the vector index. One per process."""

    def __init__(
        self,
        embedder: Embedder,
        *,
        query_seconds: float = QUERY_SECONDS,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        embed, most = embedder.embed_now, embedder.characters_on_demand
        on_demand = OnDemandEmbedder(embed, most) if embed is not None else None
        self.index = VectorIndex(embedder.name, embedder.dimensions, on_demand=on_demand)
        self.is_current = on_demand is not None
        self._embedder = embedder
        self._query_seconds = query_seconds
        self._pause_seconds = pause_seconds
        self._silent_until = float("-inf")
        self._kept: dict[str, Vector] = {}
        text_cache.register(self)

    async def query_vector(self, text: str) -> Vector | None:
        """Embed the text; None if it is blank, or if embedding fails or takes too long."""
        vectors = await self.query_vectors([text])
        return vectors[0] if vectors is not None and vectors[0].any() else None

    async def query_vectors(self, texts: Sequence[str]) -> Vectors | None:
        """Embed the texts in one call, a blank one as zeros; None if embedding fails or takes too long."""
        kept = self._kept
        if all(text in kept for text in texts):
            return np.stack([kept[text] for text in texts]) if texts else None
        vectors = await self._embedded(texts)
        if vectors is not None:
            self._kept = dict([*kept.items(), *zip(texts, vectors, strict=True)][-MOST_KEPT:])
        return vectors

    def cache_clear(self) -> None:
        """Drop the kept query vectors."""
        self._kept = {}

    async def _embedded(self, texts: Sequence[str]) -> Vectors | None:
        now = asyncio.get_running_loop().time
        if now() < self._silent_until:
            return None
        try:
            async with asyncio.timeout(self._query_seconds):
                return await self._embedder.embed_queries(texts)
        except (EmbeddingFailed, TimeoutError) as error:
            self._silent_until = now() + self._pause_seconds
            reason = error.detail if isinstance(error, EmbeddingFailed) else f"no answer in {self._query_seconds:g} s"
            logger.warning("searching by words only for %g s: %s", self._pause_seconds, reason)
            return None
