"""Vectors of the newest rows that no job has embedded yet, computed when somebody searches.

An embedder that needs no provider takes 20 µs for a text, so that what was stored a moment ago, by whatever process, is
found by its meaning at once and adding it costs nothing. How many rows and characters one search embeds is limited; the
rest is found by its words until the job has been there. Vectors are kept for the next searches: the number of a row is
never used twice, and its text never changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from omoide import text_cache
from omoide.deferred import deferred
from omoide.inference.embedders import EmbedNow
from omoide.store import Connection, embeddings, rows
from omoide.store.segments import Segment, packed
from omoide.store.sources import Source

with deferred("numpy"):
    import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

MOST_LOOKED_AT = 1_024
"""Newest rows, of all workspaces, that a search looks at: about as many as are added before the job comes."""

MOST_EMBEDDED = 256
"""Rows that one search embeds: 5 ms where each has 100 characters."""

MOST_CHARACTERS = 100_000
"""Characters that one search embeds, its first row aside."""

MOST_KEPT = 4_096
"""Vectors in memory: 2 MB for 256 dimensions."""

Places: TypeAlias = "Callable[[Segment], npt.NDArray[np.intp] | None]"
"""Which of a segment's rows are wanted; None for all of them."""


class Unembedded:
    """One for each index. It may be asked from several threads at a time."""

    def __init__(self, embed: EmbedNow) -> None:
        self._embed = embed
        self._kept: dict[tuple[Source, int], bytes] = {}
        self._lock = Lock()
        text_cache.register(self)

    def cache_clear(self) -> None:
        """Forget all vectors."""
        with self._lock:
            self._kept = {}

    def vectors(self, db: Connection, source: Source, workspace: int, after: int, places: Places) -> dict[int, bytes]:
        """Row → vector as it is stored, of the workspace's newest living rows behind `after` that are wanted.

        Blank texts are left out.
        """
        pks = _wanted(db, source, workspace, after, places)
        if not pks:
            return {}
        living = embeddings.living(db, source, pks)
        pks = [pk for pk in pks if pk in living]
        found = {pk: vector for pk in pks if (vector := self._kept.get((source, pk))) is not None}
        found |= self._embedded(source, _texts(db, source, [pk for pk in pks if pk not in found]))
        return {pk: vector for pk, vector in found.items() if any(vector)}

    def _embedded(self, source: Source, texts: Sequence[tuple[int, str]]) -> dict[int, bytes]:
        if not texts:
            return {}
        vectors = packed(self._embed([text for _, text in texts]))
        new = {pk: vector for (pk, _), vector in zip(texts, vectors, strict=True)}
        with self._lock:
            self._kept |= {(source, pk): vector for pk, vector in new.items()}
            for key in [*self._kept][: max(0, len(self._kept) - MOST_KEPT)]:
                del self._kept[key]
        return new


def _wanted(db: Connection, source: Source, workspace: int, after: int, places: Places) -> list[int]:
    found = [
        row
        for row in embeddings.newest(db, source, workspace, after, MOST_LOOKED_AT)
        if all(type(number) is int and 0 <= number < 2**32 for number in row[1:])
    ]
    if not found:
        return []
    pks, firsts, seconds = zip(*found, strict=True)
    none = np.zeros((0, len(pks)), np.uint64)
    newest = Segment(np.array(pks, np.int64), np.array(firsts, np.uint32), np.array(seconds, np.uint32), none)
    chosen = places(newest)
    wanted = newest.pks if chosen is None else newest.pks[chosen]
    return [int(pk) for pk in wanted[:MOST_EMBEDDED]]


def _texts(db: Connection, source: Source, pks: Sequence[int]) -> list[tuple[int, str]]:
    """Row and text of these rows, in this order, as far as there is room for them."""
    texts: list[tuple[int, str]] = []
    characters = 0
    for pk, stored in embeddings.texts(db, source, pks):
        (text,) = rows.mended([f"{source}.content"], (stored,))
        characters += len(text)
        if texts and characters > MOST_CHARACTERS:
            break
        texts.append((pk, text))
    return texts
