"""The embedder protocol: texts in, unit vectors out, one exception for failures.

Implementations: `bge_embedder.py`, `wordllama_embedder.py` and `e5_embedder.py` (on this machine, no network), and
`openai_embedder.py` (any OpenAI-compatible endpoint); `embedder_factory.py` creates one. The store keeps vectors,
search compares them, and the worker retries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from omoide.core.errors import Unavailable
from omoide.core.lazy_import import lazy_import

with lazy_import("numpy"):
    import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

# Shape (texts, dimensions), float32. Each row has length 1, or is all zeros for a blank text.
Vectors: TypeAlias = "npt.NDArray[np.float32]"
# Shape (dimensions,), float32: one such row.
Vector: TypeAlias = "npt.NDArray[np.float32]"
EmbedNow: TypeAlias = "Callable[[Sequence[str]], Vectors]"


class EmbeddingFailed(Unavailable):
    """Embedding failed. `retryable`: the same call may succeed later.

    `reason` is a sentence for the operator and the job's record; it never contains a key or a text. `may_be_text`: one
    of the texts may be the cause, and the others may succeed without it.
    """

    def __init__(self, reason: str, *, retryable: bool, may_be_text: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable
        self.may_be_text = may_be_text


class Embedder(Protocol):
    """Turns texts into vectors whose dot product is their cosine similarity."""

    @property
    def name(self) -> str:
        """Identifies the model: vectors of different names must not be compared."""

    @property
    def dimensions(self) -> int:
        """The length of every vector, known before the first call."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return one row per text, in order; a row of zeros, which is similar to nothing, for a blank text.

        Raises EmbeddingFailed if any text fails.
        """

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Return rows to compare with those of `embed`: some models read a query and what answers it differently."""

    @property
    def embed_now(self) -> EmbedNow | None:
        """A synchronous `embed` that runs in the caller's thread; None if the embedder calls a provider."""

    @property
    def characters_on_demand(self) -> int:
        """Characters that a request may embed without a noticeable delay; 0 if the embedder calls a provider."""

    async def aclose(self) -> None:
        """Close connections. The embedder must not be used afterwards."""


def unit_rows(vectors: npt.NDArray[np.floating]) -> Vectors:
    """Scale the rows to length 1, as float32; rows of zeros stay unchanged."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled = np.zeros_like(vectors)
    np.divide(vectors, lengths, out=scaled, where=lengths > 0)
    return scaled.astype(np.float32, copy=False)
