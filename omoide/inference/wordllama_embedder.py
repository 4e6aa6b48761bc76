"""The fast embedder: WordLlama's static word vectors, averaged over the tokens of a text.

The vectors are shipped with the package, so it needs no network, key or GPU. It ignores word order: good enough to find
paraphrases, and fast enough to embed a whole store. The file is WordLlama's own (MIT), read without its package, which
is four times as large and has many dependencies.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import Lock

import orjson

from omoide.core import malloc
from omoide.core.lazy_import import lazy_import
from omoide.core.offload import offload
from omoide.inference.batching import batches
from omoide.inference.embedders import Vector, Vectors, unit_rows
from omoide.inference.llama_tokenizer import LlamaTokenizer

with lazy_import("numpy"):
    import numpy as np

# The model whose weights are in the package.
MODEL = "l2_supercat"
DIMENSIONS = 256
WEIGHTS = Path(__file__).parent / "data" / "l2_supercat_256.safetensors"

# Size of a batch. Larger batches are not faster, and need more memory.
BATCH_TEXTS = 128
BATCH_CHARACTERS = 50_000
# Embedding shorter texts, such as a query, takes less time than passing them to a thread.
ON_LOOP_CHARACTERS = 500
# Tokens whose vectors are gathered at a time (4 MB): a message of emoji has 100,000 tokens.
TOKENS_AT_ONCE = 4_096


class TokenVectors:
    """Token id → vector. Stored in half precision, converted to single precision on access.

    The file is memory-mapped: processes share its pages, and only those in use are read. A trim unmaps them;
    the system keeps them, and mapping them again takes microseconds.
    """

    def __init__(self, weights: Path) -> None:
        # A safetensors file with one tensor: eight bytes with the length of a JSON header, the header, the numbers.
        with weights.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            (tensor,) = orjson.loads(file.read(length)).values()
            self._file = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._halves = np.frombuffer(self._file, "<u2", offset=8 + length).reshape(tensor["shape"])
        # numpy converts a number in eight nanoseconds; a look-up in a table of all 65,536 values takes one.
        malloc.register(self)
        self._singles = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)

    def sums(self, texts: Sequence[list[int]]) -> Vectors:
        """The sum of the vectors of each list of ids. Only its direction is used, which is that of the mean."""
        sums = np.zeros((len(texts), self._halves.shape[1]), dtype=np.float32)
        start = 0
        while start < len(texts):
            end, count = start, 0
            while end < len(texts) and (count := count + len(texts[end])) <= TOKENS_AT_ONCE:
                end += 1
            if end == start:
                sums[start] = self._sum_of_many(texts[start])
                end += 1
            else:
                self._add_up(texts[start:end], sums[start:end])
            start = end
        return sums

    def release_memory(self) -> None:
        """Unmap the pages: 16 MB of resident memory."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._file.madvise(mmap.MADV_DONTNEED)

    def _add_up(self, texts: Sequence[list[int]], sums: Vectors) -> None:
        # Words repeat, and converting a vector takes longer than adding it, so each is converted once.
        different, places = np.unique(np.array([*chain.from_iterable(texts)], np.intp), return_inverse=True)
        vectors = self._singles.take(self._halves.take(different, axis=0))
        end = 0
        for row, ids in enumerate(texts):
            start, end = end, end + len(ids)
            np.add.reduce(vectors.take(places[start:end], axis=0), axis=0, out=sums[row])

    def _sum_of_many(self, ids: list[int]) -> Vector:
        total = np.zeros(self._halves.shape[1], dtype=np.float32)
        for start in range(0, len(ids), TOKENS_AT_ONCE):
            halves = self._halves.take(ids[start : start + TOKENS_AT_ONCE], axis=0)
            total += self._singles.take(halves).sum(axis=0)
        return total


@dataclass(frozen=True, slots=True)
class _Model:
    tokenizer: LlamaTokenizer
    token_vectors: TokenVectors


class WordLlamaEmbedder:
    """Embeds in threads; short texts on the event loop.

    The model is loaded on first use: about 0.1 s, and 40 MB with numpy.
    """

    name = f"wordllama:{MODEL}"
    dimensions = DIMENSIONS
    characters_on_demand = 100_000

    def __init__(self) -> None:
        self._model: _Model | None = None
        self._loading = Lock()

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`. Texts are never cut. A cancelled call stops after the current batch."""
        if self._model is not None and sum(map(len, texts)) <= ON_LOOP_CHARACTERS:
            return self.embed_now(texts)
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        done = 0
        for batch in batches(texts, most_texts=BATCH_TEXTS, most_characters=BATCH_CHARACTERS):
            vectors[done : done + len(batch)] = await offload(self._embed_batch, batch)
            done += len(batch)
        return vectors

    def embed_now(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed_now`."""
        some = batches(texts, most_texts=BATCH_TEXTS, most_characters=BATCH_CHARACTERS)
        return np.concatenate([np.zeros((0, DIMENSIONS), np.float32), *map(self._embed_batch, some)])

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed_queries`. Queries are texts like others."""
        return await self.embed(texts)

    async def aclose(self) -> None:
        """Do nothing: there are no connections."""

    def warm(self) -> None:
        """Load the model now."""
        self._loaded()

    def _embed_batch(self, texts: list[str]) -> Vectors:
        model = self._loaded()
        # Blanks have vectors too, but no meaning.
        ids = [model.tokenizer.ids(text) if text.strip() else [] for text in texts]
        return unit_rows(model.token_vectors.sums(ids))

    def _loaded(self) -> _Model:
        if self._model is None:
            with self._loading:
                if self._model is None:
                    self._model = _Model(LlamaTokenizer(), TokenVectors(WEIGHTS))
        return self._model
