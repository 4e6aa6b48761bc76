"""The embedded embedder: WordLlama's static word vectors, averaged over the tokens of a text.

Weights and tokenizer travel in the package, so that it needs no network, no key and no GPU. It knows words, not
their order: good enough to find what is meant in other words, and quick enough to embed a whole store in a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from omoide.deferred import deferred
from omoide.inference.batches import batches
from omoide.inference.embedders import Vectors, unit_rows

with deferred("numpy"):
    import numpy as np

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# The one model whose weights are in the package.
MODEL = "l2_supercat"
DIMENSIONS = 256

# What the tokenizer takes in one go and spreads over the cores. More gains nothing, and takes memory.
BATCH_TEXTS = 128
BATCH_CHARACTERS = 100_000
# Tokens whose vectors are gathered at a time (4 MB): a message of emoji makes 100,000 tokens.
TOKENS_AT_ONCE = 4_096


@dataclass(frozen=True, slots=True)
class _Model:
    tokenizer: Tokenizer
    # Shape (tokens known, DIMENSIONS): the vector of each token, by its id.
    token_vectors: Vectors


class WordLlamaEmbedder:
    """Embeds in threads, off the event loop. The model loads on first use, once (about 0.6 s and 80 MB)."""

    name = f"wordllama:{MODEL}"
    dimensions = DIMENSIONS

    def __init__(self) -> None:
        self._model: _Model | None = None
        self._loading = Lock()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`. Any length of text is taken whole; a cancelled call stops after the batch at work."""
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        done = 0
        for batch in batches(texts, most_texts=BATCH_TEXTS, most_characters=BATCH_CHARACTERS):
            vectors[done : done + len(batch)] = await asyncio.to_thread(self._embed_batch, batch)
            done += len(batch)
        return vectors

    async def aclose(self) -> None:
        """Nothing to let go."""

    def warm(self) -> None:
        """Loads the model now, so that no later call waits for it."""
        self._loaded()

    def _embed_batch(self, texts: list[str]) -> Vectors:
        model = self._loaded()
        encodings = model.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        # Blanks have vectors too, but mean nothing.
        ids = [encoding.ids if text.strip() else [] for text, encoding in zip(texts, encodings, strict=True)]
        return unit_rows(np.stack([_sum_of(model.token_vectors, each) for each in ids]))

    def _loaded(self) -> _Model:
        if self._model is None:
            with self._loading:
                if self._model is None:
                    self._model = _load()
        return self._model


def _sum_of(token_vectors: Vectors, ids: list[int]) -> Vectors:
    """The sum of the vectors of `ids`. It has the direction of their mean, and only the direction is kept."""
    total = np.zeros(token_vectors.shape[1], dtype=np.float32)
    for start in range(0, len(ids), TOKENS_AT_ONCE):
        total += token_vectors[ids[start : start + TOKENS_AT_ONCE]].sum(axis=0)
    return total


def _load() -> _Model:
    # wordllama configures the root logger when it is imported, unless that has a handler: lend it one.
    root, placeholder = logging.getLogger(), logging.NullHandler()
    root.addHandler(placeholder)
    try:
        # Imported here, not above: it takes 0.3 s and 30 MB, which a server with another embedder should not pay.
        import wordllama  # type: ignore[import-untyped]
    finally:
        root.removeHandler(placeholder)
    # It looks for its tokenizer in `cache_dir` only, never beside its own code, where the wheel puts it.
    package = Path(wordllama.__file__).parent
    model = wordllama.WordLlama.load(MODEL, cache_dir=package, dim=DIMENSIONS, disable_download=True)
    # Each text is pooled by itself, so padding to the longest of a batch would only cost time and memory.
    model.tokenizer.no_padding()
    return _Model(model.tokenizer, model.embedding)
