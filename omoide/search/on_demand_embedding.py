"""Embed the newest rows at search time, until a job has embedded them.

A local embedder takes 20 µs to 5 ms for a text, so a row can be found by its meaning as soon as it is stored, by any
process, at no cost to the write. One search embeds a limited number of rows and characters; the others are found by
words until the job has run. Vectors are cached: row ids are never reused, and texts never change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from omoide.core import text_cache
from omoide.core.lazy_import import lazy_import
from omoide.inference.embedders import EmbedNow
from omoide.search.vector_group import Group
from omoide.storage import Transaction, embeddings, rows
from omoide.storage.embedding_tables import Source
from omoide.storage.engine import query_timeout
from omoide.storage.vectors import Segment, packed

with lazy_import("numpy"):
    import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

MOST_LOOKED_AT = 1_024
"""Newest rows, of all workspaces, that a search considers: about as many as are added before the job runs."""

MOST_EMBEDDED = 256
"""Rows that one search embeds. A group with more is a bulk import, and"""

BULK_SHARE = 8
"""this part of the usual number of characters is embedded by a slow embedder then: each search sees other new rows, and
the job needs the processor."""

FAST_CHARACTERS = 100_000
"""Characters that an embedder can embed for one search if it takes microseconds for a text."""

LEAST_CHARACTERS = 40
"""A shorter text counts as this many characters: it takes about as long."""

MOST_KEPT = 4_096
"""Cached vectors: 3 MB for 384 dimensions."""

Places: TypeAlias = "Callable[[Segment], npt.NDArray[np.intp] | None]"
"""Selects rows of a segment by index; None for all of them."""


class OnDemandEmbedder:
    """Embeds and caches vectors of rows without a stored one. Thread-safe; one for each index."""

    def __init__(self, embed: EmbedNow, most_characters: int = FAST_CHARACTERS) -> None:
        """One search embeds up to `most_characters`; its first row is exempt."""
        self._embed = embed
        self._most_characters = most_characters
        self._kept: dict[tuple[Source, int], bytes] = {}
        self._lock = Lock()
        text_cache.register(self)

    def cache_clear(self) -> None:
        """Drop all cached vectors."""
        with self._lock:
            self._kept = {}

    def vectors(self, db: Transaction, group: Group, after: int, places: Places) -> dict[int, bytes]:
        """Row → packed vector, for the group's newest rows after `after` that `places` selects.

        Deleted rows and blank texts are left out.
        """
        source = group.source
        wanted = _wanted(db, source, group.workspace, after, places)
        if not wanted:
            return {}
        living = group.living(db, wanted[:MOST_EMBEDDED])
        pks = [pk for pk in wanted[:MOST_EMBEDDED] if pk in living]
        found = {pk: vector for pk in pks if (vector := self._kept.get((source, pk))) is not None}
        is_bulk = len(wanted) > MOST_EMBEDDED and self._most_characters < FAST_CHARACTERS
        most = self._most_characters // BULK_SHARE if is_bulk else self._most_characters
        found |= self._embedded(source, _texts(db, source, [pk for pk in pks if pk not in found], most))
        return {pk: vector for pk, vector in found.items() if any(vector)}

    def _embedded(self, source: Source, texts: Sequence[tuple[int, str]]) -> dict[int, bytes]:
        if not texts:
            return {}
        with query_timeout.uncounted():
            vectors = packed(self._embed([text for _, text in texts]))
        new = {pk: vector for (pk, _), vector in zip(texts, vectors, strict=True)}
        with self._lock:
            self._kept |= {(source, pk): vector for pk, vector in new.items()}
            for key in [*self._kept][: max(0, len(self._kept) - MOST_KEPT)]:
                del self._kept[key]
        return new


def _wanted(db: Transaction, source: Source, workspace: int, after: int, places: Places) -> list[int]:
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
    selected = newest.pks if chosen is None else newest.pks[chosen]
    return [int(pk) for pk in selected]


def _texts(db: Transaction, source: Source, pks: Sequence[int], most_characters: int) -> list[tuple[int, str]]:
    """Row and text of these rows, in order, up to `most_characters`; at least one."""
    texts: list[tuple[int, str]] = []
    characters = 0
    for pk, stored in embeddings.texts(db, source, pks):
        (text,) = rows.mended([f"{source}.content"], (stored,))
        characters += max(LEAST_CHARACTERS, len(text))
        if texts and characters > most_characters:
            break
        texts.append((pk, text))
    return texts
