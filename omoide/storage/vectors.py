"""Stored vectors, and segments of rows with the signs of their vectors. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from omoide.core.lazy_import import lazy_import

with lazy_import("numpy"):
    import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

STORED = "<f2"
"""The type of a stored vector component: half precision, little-endian."""

Numbers: TypeAlias = "npt.NDArray[np.int64]"
Owners: TypeAlias = "npt.NDArray[np.uint32]"
Bits: TypeAlias = "npt.NDArray[np.uint64]"


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows of one workspace, in any order."""

    pks: Numbers
    first: Owners
    """Session of a message, observer of a conclusion."""
    second: Owners
    """Peer of a message, observed of a conclusion."""
    bits: Bits
    """Shape (words, rows), as `sign_bits` gives them."""

    def __len__(self) -> int:
        return len(self.pks)

    def at(self, places: npt.NDArray[np.bool_] | npt.NDArray[np.intp] | slice) -> Segment:
        return Segment(self.pks[places], self.first[places], self.second[places], self.bits[:, places])


def packed(vectors: npt.NDArray[np.floating]) -> list[bytes]:
    """Serialise each vector for storage."""
    return [row.tobytes() for row in vectors.astype(STORED)]


def sign_bits(vectors: npt.NDArray[np.floating | np.integer]) -> Bits:
    """The positive components of each row as bits, 64 per word: shape (words, rows)."""
    bytes_ = np.packbits(vectors > 0, axis=1)
    words = np.pad(bytes_, ((0, 0), (0, -bytes_.shape[1] % 8))).view(np.uint64)
    return np.ascontiguousarray(words.T)


def words_of(dimensions: int) -> int:
    """The number of 64-bit words for the signs of a vector."""
    return -(-dimensions // 64)
