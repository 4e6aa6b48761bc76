"""The default embedder: bge-small-en-v1.5, a BERT of 34 MB that is shipped with the package.

It reads words in their context, and so finds more than WordLlama, at 150 times the cost of a text: 3 ms for a short
one. Trained on English; text of other languages is read word by word in English (`glosses`).
"""

from __future__ import annotations

from collections.abc import Sequence

from omoide.core.lazy_import import lazy_import
from omoide.core.offload import offload
from omoide.fairness.thread_pool import checkpoint
from omoide.inference.batching import batches
from omoide.inference.embedders import Vector, Vectors, unit_rows
from omoide.inference.glosses import in_english
from omoide.inference.onnx_model import DATA, OnnxModel
from omoide.inference.wordpiece import wordpiece

with lazy_import("numpy"):
    import numpy as np

MODEL = "en-v1.5-int8+glosses"
DIMENSIONS = 384
WEIGHTS = DATA / "bge_small_en_v1.5.onnx"

WINDOW = 256
"""Tokens that the model reads at once, with two special ones: twice as many take three times as long."""

MOST_WINDOWS = 4
"""Windows of a long text, whose vectors are averaged: about 4,000 characters."""

BATCH_TEXTS, BATCH_CHARACTERS = 8, 1_000
"""Size of a batch between which other work may run: about 30 ms."""


class BgeEmbedder:
    """Embeds in threads; the model is loaded on first use."""

    name = f"bge-small:{MODEL}"
    dimensions = DIMENSIONS
    characters_on_demand = 4_000
    """About 0.1 s."""

    def __init__(self, *, threads: int = 1) -> None:
        self._model = OnnxModel(WEIGHTS, threads=threads)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`. A text counts up to `MOST_WINDOWS`. A cancelled call stops after the current batch."""
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        done = 0
        for batch in batches(texts, most_texts=BATCH_TEXTS, most_characters=BATCH_CHARACTERS):
            vectors[done : done + len(batch)] = await offload(self.embed_now, batch)
            done += len(batch)
        return vectors

    def embed_now(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed_now`."""
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in enumerate(texts):
            if text.strip():
                vectors[row] = self._vector(text)
                checkpoint()
        return unit_rows(vectors)

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed_queries`. Queries are texts like others."""
        return await self.embed(texts)

    async def aclose(self) -> None:
        """Do nothing: there are no connections."""

    def warm(self) -> None:
        """Load the model now."""
        self._model.warm()
        wordpiece()

    def _vector(self, text: str) -> Vector:
        """The mean of the windows' unit vectors."""
        tokenizer, room = wordpiece(), WINDOW - 2
        pieces = tokenizer.ids(in_english(text), MOST_WINDOWS * room)
        windows = [pieces[start : start + room] for start in range(0, len(pieces), room)] or [[]]
        ids = [[tokenizer.cls, *window, tokenizer.sep] for window in windows]
        vectors = unit_rows(np.stack([self._model.run(each, [0] * len(each))[0] for each in ids]))
        mean: Vector = np.add.reduce(vectors, axis=0)
        return mean
