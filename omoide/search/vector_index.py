"""Nearest-neighbour search: binary quantization in memory, rescoring with the stored vectors.

Only the sign of each component is kept in memory, 32 bytes for 256 dimensions, with the row id and the columns that a
search can filter by. The rows whose signs agree best are read from the store and compared exactly; in a small group,
all of them. A group is all messages of a workspace, or all of its conclusions. Groups are loaded from their segments on
first use (a million rows: a tenth of a second), updated as rows are added, also by other processes, and evicted when
memory is short, least recently used first. Deleted rows are dropped when a search meets them. Rows that are in no
segment yet are embedded by the search if the embedder is local (`on_demand_embedding.py`); otherwise they are found by
words until a job has embedded them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from omoide.core.lazy_import import lazy_import
from omoide.fairness.thread_pool import uninterrupted
from omoide.inference.embedders import Vector
from omoide.search.on_demand_embedding import OnDemandEmbedder
from omoide.search.vector_group import Group
from omoide.storage import Transaction, embeddings, vector_segments
from omoide.storage.vectors import STORED, Numbers, Owners, Segment, sign_bits, words_of

with lazy_import("numpy"):
    import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

ALIKE = 2_500
"""Rows kept by the first pass; the second compares their signs with the query's components, not only its signs."""

RESCORED = 500
"""Rows of these that are compared exactly. Measured recall of the 50 nearest, with WordLlama and a million similar
messages: 93 %; with 300 rows 87 %, with 600 rows 95 %."""

MOST_BYTES = 64_000_000
"""Memory for all groups together: about 1.3 million vectors of 256 dimensions."""

BLOCK = 65_536
"""Rows scanned at a time: one word of signs of each fits a processor's cache."""
SMALLEST_BLOCK = 256

DELETIONS_AT_ONCE = 8
"""How often a search is repeated because it met deleted rows."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Restricts the rows of a group; None means no restriction."""

    first: Collection[int] | None = None
    """Sessions of messages, or observers of conclusions."""
    second: int | None = None
    """The author of a message, or the observed peer of a conclusion."""
    pks: Numbers | None = None

    def places(self, rows: Segment) -> npt.NDArray[np.intp] | None:
        """Indices of the allowed rows in the segment; None for all."""
        mask: npt.NDArray[np.bool_] | None = None
        for given in (self._of_first(rows.first), self._of_second(rows.second), self._of_pks(rows.pks)):
            if given is not None:
                mask = given if mask is None else mask & given
        return None if mask is None or mask.all() else np.flatnonzero(mask)

    def _of_first(self, first: Owners) -> npt.NDArray[np.bool_] | None:
        if self.first is None:
            return None
        firsts = np.array([*self.first], np.uint32)
        return first == firsts[0] if len(firsts) == 1 else np.isin(first, firsts)

    def _of_second(self, second: Owners) -> npt.NDArray[np.bool_] | None:
        return None if self.second is None else second == self.second

    def _of_pks(self, pks: Numbers) -> npt.NDArray[np.bool_] | None:
        return None if self.pks is None else np.isin(pks, self.pks)


EVERYTHING = Allowed()


class _Block:
    """Up to `BLOCK` rows. More are appended in place, which does not affect concurrent readers."""

    def __init__(self, words: int, room: int) -> None:
        none = np.zeros(room, np.uint32)
        self._room = Segment(np.zeros(room, np.int64), none, none.copy(), np.zeros((words, room), np.uint64))
        self.rows = self._room.at(slice(0, 0))

    @property
    def size(self) -> int:
        room = self._room
        return sum(column.nbytes for column in (room.pks, room.first, room.second, room.bits))

    def take(self, some: Segment) -> int:
        """Append as many of the rows as fit; return their number."""
        start = len(self.rows)
        end = min(len(self._room), start + len(some))
        target, new = self._room.at(slice(start, end)), some.at(slice(0, end - start))
        for column, values in (
            (target.pks, new.pks),
            (target.first, new.first),
            (target.second, new.second),
            (target.bits, new.bits),
        ):
            column[...] = values
        self.rows = self._room.at(slice(0, end))
        return end - start


class _Entry:
    """A group in memory: its rows up to row `through` of its table, as of `vector_segments.late`."""

    def __init__(self, words: int) -> None:
        self.blocks: list[_Block] = []
        self.through = 0
        self.late = 0
        self.lock = Lock()
        self._words = words

    @property
    def size(self) -> int:
        return sum(block.size for block in self.blocks)

    def rows(self) -> list[Segment]:
        return [block.rows for block in self.blocks]

    def take(self, some: Segment) -> None:
        """Append rows. The caller holds the lock."""
        taken = self.blocks[-1].take(some) if self.blocks else 0
        while taken < len(some):
            rest = some.at(slice(taken, len(some)))
            last = self.blocks[-1] if self.blocks else None
            if last is None or len(last.rows) >= BLOCK:
                self.blocks.append(_Block(self._words, _room(len(rest))))
            else:
                grown = _Block(self._words, _room(2 * (len(last.rows) + len(rest))))
                grown.take(last.rows)
                self.blocks[-1] = grown
            taken += self.blocks[-1].take(rest)

    def keep(self, choose: Callable[[Segment], npt.NDArray[np.bool_]]) -> None:
        with self.lock:
            remaining: list[_Block] = []
            for block in self.blocks:
                kept = choose(block.rows)
                if kept.all():
                    remaining.append(block)
                elif kept.any():
                    rows = block.rows.at(kept)
                    smaller = _Block(self._words, _room(len(rows)))
                    smaller.take(rows)
                    remaining.append(smaller)
            self.blocks = remaining  # replaced atomically: concurrent searches see all remaining rows


def _room(rows: int) -> int:
    return min(BLOCK, max(SMALLEST_BLOCK, rows))


class VectorIndex:
    """The vectors of one model. Thread-safe."""

    def __init__(
        self, name: str, dimensions: int, *, most_bytes: int = MOST_BYTES, on_demand: OnDemandEmbedder | None = None
    ) -> None:
        """`on_demand` has vectors of rows that no job has embedded yet; without it they are not found here."""
        self.embedder = name
        self._unembedded = on_demand
        self._model = (name, dimensions)
        self._words = words_of(dimensions)
        self._most_bytes = most_bytes
        self._entries: OrderedDict[Group, _Entry] = OrderedDict()
        self._lock = Lock()

    def nearest(
        self, db: Transaction, group: Group, vector: Vector, count: int, allowed: Allowed = EVERYTHING
    ) -> list[tuple[int, float]]:
        """Row and cosine distance (0 to 2) of up to `count` allowed rows of the group, nearest first.

        Empty while the store holds vectors of another model.
        """
        progress = embeddings.progress(db)
        if progress is None or (progress.name, progress.dimensions) != self._model:
            return []
        through = vector_segments.reach(db, group.source)
        entry = self._followed(db, group, through)
        near: list[tuple[int, float]] = []
        living: set[int] = set()
        for _ in range(DELETIONS_AT_ONCE):
            candidates = _alike(entry.rows(), vector, max(RESCORED, 2 * count), allowed)
            stored = embeddings.vectors(db, group.source, candidates, len(vector))
            near = _by_distance(stored, vector, count)
            living = group.living(db, [pk for pk, _ in near])
            if len(stored) == len(candidates) and len(living) == len(near):
                break
            # Another search may have loaded rows that this snapshot does not see; those are not deleted.
            kept = group.living(db, candidates)
            gone = [pk for pk in candidates if pk not in kept and pk <= through]
            if not gone:
                break
            _drop(entry, group, gone)
        hits = [hit for hit in near if hit[0] in living]
        if self._unembedded is None:
            return hits
        new = self._unembedded.vectors(db, group, through, allowed.places)
        known = {pk for pk, _ in hits}
        hits += [hit for hit in _by_distance(new, vector, count) if hit[0] not in known]
        return sorted(hits, key=lambda hit: (hit[1], -hit[0]))[:count]

    def likeness(self, db: Transaction, group: Group, pks: Sequence[int], vector: Vector) -> dict[int, float]:
        """Row → cosine of its vector and this one, for those of the rows that have a vector of this model."""
        progress = embeddings.progress(db)
        if progress is None or (progress.name, progress.dimensions) != self._model:
            return {}
        stored = embeddings.vectors(db, group.source, pks, len(vector))
        if self._unembedded is not None and len(stored) < len(pks):
            through = vector_segments.reach(db, group.source)
            new = self._unembedded.vectors(db, group, through, EVERYTHING.places)
            stored |= {pk: new[pk] for pk in pks if pk in new}
        return {pk: 1.0 - distance for pk, distance in _by_distance(stored, vector, len(pks))}

    def forget_deleted(self, db: Transaction) -> None:
        """Drop deleted rows, and groups that become empty."""
        with self._lock:
            entries = [*self._entries.items()]
        for group, entry in entries:
            for rows in entry.rows():
                if gone := _gone(db, group, rows):
                    _drop(entry, group, gone)
        with self._lock:
            for group, entry in entries:
                if not entry.blocks and self._entries.get(group) is entry:
                    del self._entries[group]

    def _followed(self, db: Transaction, group: Group, through: int) -> _Entry:
        """The group, loaded at least up to row `through`."""
        with self._lock:
            entry = self._entries.setdefault(group, _Entry(self._words))
            self._entries.move_to_end(group)
        late = vector_segments.late(db)
        with entry.lock, uninterrupted():
            if late != entry.late:  # rows were inserted before `through`
                entry.blocks, entry.through, entry.late = [], 0, late
            if through > entry.through:
                for some in vector_segments.of_workspace(db, group.source, group.workspace, self._words, entry.through):
                    entry.take(some)
                entry.through = through
        self._make_room()
        return entry

    def _make_room(self) -> None:
        with self._lock:
            used = sum(entry.size for entry in self._entries.values())
            while used > self._most_bytes and len(self._entries) > 1:
                _, dropped = self._entries.popitem(last=False)
                used -= dropped.size


def _alike(blocks: Sequence[Segment], vector: Vector, count: int, allowed: Allowed) -> list[int]:
    """The `count` rows that are nearest to the vector by their signs, in any order."""
    some = max(ALIKE, 5 * count)
    candidates = [*_agreeing(blocks, sign_bits(vector[np.newaxis]), some, allowed)]
    if not candidates:
        return []
    pks = np.concatenate([rows.pks for rows in candidates])
    if len(pks) > count:
        bits = np.concatenate([rows.bits for rows in candidates], axis=1)
        signs = np.unpackbits(np.ascontiguousarray(bits.T).view(np.uint8), axis=1)
        against = signs[:, : len(vector)].astype(np.float32) @ vector
        pks = pks[np.argpartition(-against, count)[:count]]
    return [int(pk) for pk in pks]


def _agreeing(
    blocks: Sequence[Segment], query_bits: npt.NDArray[np.uint64], most: int, allowed: Allowed
) -> Iterator[Segment]:
    """Up to `most` allowed rows whose signs differ least from the query's, block by block.

    Sequential: two threads took as long or longer, because each step is short.
    """
    # A block, the indices of its allowed rows (None: all), and their Hamming distances.
    found: list[tuple[Segment, npt.NDArray[np.intp] | None, npt.NDArray[np.uint16]]] = []
    for rows in blocks:
        places = allowed.places(rows)
        if places is None or len(places):
            found.append((rows, places, _differing(rows.bits if places is None else rows.bits[:, places], query_bits)))
    histogram = np.zeros(64 * len(query_bits) + 1, np.int64)
    for _, _, differing in found:
        histogram += np.bincount(differing, minlength=len(histogram))
    reached = np.cumsum(histogram)
    # All rows below the limit, then the newest of those at the limit, up to `most`.
    limit = int(np.searchsorted(reached, most))
    room = most - (int(reached[limit - 1]) if limit else 0)
    for rows, places, differing in reversed(found):
        on_limit = np.flatnonzero(differing == limit)[-room:] if room else np.zeros(0, np.intp)
        room -= len(on_limit)
        chosen = np.concatenate([np.flatnonzero(differing < limit), on_limit])
        yield rows.at(chosen if places is None else places[chosen])


def _differing(bits: npt.NDArray[np.uint64], query_bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint16]:
    """Hamming distance of each row to the query."""
    total = np.zeros(bits.shape[1], np.uint16)
    for word, query_word in zip(bits, query_bits, strict=True):
        total += np.bitwise_count(word ^ query_word)
    return total


def _gone(db: Transaction, group: Group, rows: Segment) -> list[int]:
    """The deleted ones among the rows."""
    pks = rows.pks
    if group.source == "messages":
        # If the oldest message of a session exists, all do; only messages of other sessions are looked up. It must be
        # the oldest, because a later session may reuse the id of a deleted one.
        order = np.argsort(pks)
        sessions, oldest = np.unique(rows.first[order], return_index=True)
        living = group.living(db, pks[order][oldest].tolist())
        pks = pks[np.isin(rows.first, sessions[~np.isin(pks[order][oldest], [*living])])]
    living = group.living(db, pks.tolist())
    return [pk for pk in pks.tolist() if pk not in living]


def _drop(entry: _Entry, group: Group, gone: list[int]) -> None:
    """Drop deleted rows: a message is deleted with its whole session, a conclusion individually."""
    pks = np.array(gone, np.int64)
    rows = entry.rows()
    newest: dict[int, int] = {}
    if group.source == "messages":
        for some in rows:
            dead = np.isin(some.pks, pks)
            for session, pk in zip(some.first[dead].tolist(), some.pks[dead].tolist(), strict=True):
                newest[session] = max(pk, newest.get(session, 0))

    def living(some: Segment) -> npt.NDArray[np.bool_]:
        kept = ~np.isin(some.pks, pks)
        for session, last in newest.items():
            # A later session may reuse the id of a deleted one; its messages have larger row ids.
            kept &= ~((some.first == session) & (some.pks <= last))
        return kept

    entry.keep(living)


def _by_distance(vectors: dict[int, bytes], vector: Vector, most: int) -> list[tuple[int, float]]:
    """The `most` nearest rows; ties are sorted newest first."""
    if not vectors:
        return []
    pks = np.array([*vectors], np.int64)
    stored = np.frombuffer(b"".join(vectors.values()), STORED).reshape(len(vectors), len(vector))
    with np.errstate(invalid="ignore", over="ignore"):
        distances = np.clip(1.0 - stored.astype(np.float32) @ vector, 0.0, 2.0)
    is_number = np.isfinite(distances)  # skip damaged vectors
    pks, distances = pks[is_number], distances[is_number]
    nearest = np.lexsort((-pks, distances))[:most]
    return [*zip(pks[nearest].tolist(), distances[nearest].tolist(), strict=True)]
