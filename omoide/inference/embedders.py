"""What an embedder is: texts in, unit vectors out, and the one way in which it fails.

The embedders themselves stand in `wordllama_embedder.py` (embedded, no network) and `openai_embedder.py` (any
OpenAI-compatible endpoint); `embedder_choice.py` picks one. Keeping and comparing vectors belongs to the store and
to search, trying again to the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from omoide.deferred import deferred
from omoide.errors import Unavailable

with deferred("numpy"):
    import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

# Shape (texts, dimensions), float32. Each row has length 1, or is all zeros where there was nothing to embed.
Vectors: TypeAlias = "npt.NDArray[np.float32]"
# Shape (dimensions,), float32: one such row.
Vector: TypeAlias = "npt.NDArray[np.float32]"
EmbedNow: TypeAlias = "Callable[[Sequence[str]], Vectors]"


class EmbeddingFailed(Unavailable):
    """No vectors for these texts. `retryable` says whether the same call may succeed later, unchanged.

    `reason` is a sentence for the operator and the job's record; it never holds a key or a text. `may_be_text` says
    whether one of the texts may be the cause, so that others may succeed without it.
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
        """The length of every vector; known before the first call."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text, in the order of `texts`; a blank text gives a row of zeros, which resembles nothing.

        Raises EmbeddingFailed when a vector cannot be had; then none is returned.
        """

    @property
    def embed_now(self) -> EmbedNow | None:
        """The same without waiting for anybody, in the caller's thread; None where a provider has to be asked."""

    async def aclose(self) -> None:
        """Lets connections go. The embedder is not used afterwards."""


def unit_rows(vectors: npt.NDArray[np.floating]) -> Vectors:
    """The rows of `vectors` scaled to length 1 in float32; rows of zeros stay as they are."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled = np.zeros_like(vectors)
    np.divide(vectors, lengths, out=scaled, where=lengths > 0)
    return scaled.astype(np.float32, copy=False)
