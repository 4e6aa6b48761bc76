"""Which stored vectors are nearest to a given one: a rough first pass in memory, the exact distance from the store.

In memory is kept only the sign of each of a vector's numbers, 32 bytes for 256 of them, together with the row's number,
session and peer. The rows whose signs agree best are read from the store and compared exactly; of a small group that is
all of them. Groups are loaded when they are first asked for, followed as rows are added, by other processes too, and
dropped when memory is short, the least used first. Rows of what was deleted are dropped when they are come across.

What is asked about a group, and what becomes of the answer, does not belong here.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from omoide.deferred import deferred
from omoide.inference.embedders import Vector, Vectors
from omoide.store import Connection, embeddings
from omoide.store.embeddings import Group, MessagesOf

with deferred("numpy"):
    import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

ALIKE = 1_500
"""Rows whose signs agree best; each is then held against the query's own numbers, not only against their signs."""

RESCORED = 300
"""Rows of these that are compared exactly. Measured with WordLlama, 100,000 messages and their 50 nearest: 97 of 100
are among them."""

MOST_BYTES = 64_000_000
"""Memory for all groups together: about 1.3 million vectors of 256 dimensions."""

LOADED_AT_ONCE = 4_096
DELETIONS_AT_ONCE = 8
"""How often a search starts anew because it came across deleted rows."""

STORED = "<f2"
"""The type of a stored number: half precision, little-endian."""

Numbers: TypeAlias = "npt.NDArray[np.int64]"
Bits: TypeAlias = "npt.NDArray[np.uint64]"


def packed(vectors: Vectors) -> list[bytes]:
    """Each row as it is stored."""
    return [row.tobytes() for row in vectors.astype(STORED)]


def sign_bits(vectors: npt.NDArray[np.floating]) -> Bits:
    """Which numbers of each row are positive, 64 to a word: shape (words, rows)."""
    bytes_ = np.packbits(vectors > 0, axis=1)
    words = np.pad(bytes_, ((0, 0), (0, -bytes_.shape[1] % 8))).view(np.uint64)
    return np.ascontiguousarray(words.T)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a group in the order of their numbers, column by column."""

    pks: Numbers
    sessions: Numbers
    peers: Numbers
    bits: Bits

    @property
    def size(self) -> int:
        return sum(column.nbytes for column in (self.pks, self.sessions, self.peers, self.bits))

    def where(self, mask: npt.NDArray[np.bool_]) -> Rows:
        return Rows(self.pks[mask], self.sessions[mask], self.peers[mask], self.bits[:, mask])

    def through(self, pk: int) -> Rows:
        """The rows up to a number."""
        end = int(np.searchsorted(self.pks, pk, side="right"))
        return Rows(self.pks[:end], self.sessions[:end], self.peers[:end], self.bits[:, :end])

    def with_more(self, more: list[Rows]) -> Rows:
        """These rows and those, which have greater numbers."""
        parts = [self, *more]
        pks = np.concatenate([part.pks for part in parts])
        order = np.argsort(pks, kind="stable")
        return Rows(
            pks[order],
            np.concatenate([part.sessions for part in parts])[order],
            np.concatenate([part.peers for part in parts])[order],
            np.concatenate([part.bits for part in parts], axis=1)[:, order],
        )


class _Entry:
    """A group in memory: its rows as far as the row `through` of its table."""

    def __init__(self, words: int) -> None:
        none = np.zeros(0, np.int64)
        self.rows = Rows(none, none, none, np.zeros((words, 0), np.uint64))
        self.through = 0
        self.lock = Lock()

    def keep(self, choose: Callable[[Rows], npt.NDArray[np.bool_]]) -> None:
        with self.lock:
            self.rows = self.rows.where(choose(self.rows))


class VectorIndex:
    """The vectors of one model. It may be asked from several threads at a time."""

    def __init__(self, name: str, dimensions: int, *, most_bytes: int = MOST_BYTES) -> None:
        self._model = (name, dimensions)
        self._words = -(-dimensions // 64)
        self._most_bytes = most_bytes
        self._entries: OrderedDict[Group, _Entry] = OrderedDict()
        self._lock = Lock()

    def nearest(
        self,
        db: Connection,
        group: Group,
        vector: Vector,
        count: int,
        *,
        sessions: Collection[int] | None = None,
        peer: int | None = None,
        pks: Numbers | None = None,
    ) -> list[tuple[int, float]]:
        """Row and cosine distance (0 to 2) of up to `count` rows of the group, nearest first.

        Only rows of these `sessions`, of this `peer`, and among these `pks`, where they are given. Nothing while the
        store holds vectors of another model. The first call for a group takes a while (100,000 rows: half a second).
        """
        progress = embeddings.progress(db)
        if progress is None or (progress.name, progress.dimensions) != self._model:
            return []
        entry = self._followed(db, group, progress.through(group.source))
        candidates: list[int] = []
        there: dict[int, bytes] = {}
        for _ in range(DELETIONS_AT_ONCE):
            # Another search may have followed further than what this connection sees.
            rows = entry.rows.through(progress.through(group.source))
            candidates = _alike(_allowed(rows, sessions, peer, pks), vector, max(RESCORED, 2 * count))
            there = embeddings.vectors(db, group.source, candidates)
            if len(there) == len(candidates):
                break
            _drop(entry, group, [pk for pk in candidates if pk not in there])
        return _by_distance(there, vector)[:count]

    def _followed(self, db: Connection, group: Group, through: int) -> _Entry:
        """The group, loaded at least as far as the row `through`."""
        with self._lock:
            entry = self._entries.setdefault(group, _Entry(self._words))
            self._entries.move_to_end(group)
        with entry.lock:
            if through > entry.through:
                added = list(_loaded(embeddings.embedded(db, group, entry.through, through), self._model[1]))
                if added:
                    entry.rows = entry.rows.with_more(added)
                entry.through = through
        self._make_room()
        return entry

    def _make_room(self) -> None:
        with self._lock:
            used = sum(entry.rows.size for entry in self._entries.values())
            while used > self._most_bytes and len(self._entries) > 1:
                _, dropped = self._entries.popitem(last=False)
                used -= dropped.rows.size


def _loaded(found: Iterator[tuple[int, int, int, bytes]], dimensions: int) -> Iterator[Rows]:
    """What the store gives, some thousand rows at a time, so that no more vectors than these are in memory."""
    while some := list(itertools.islice(found, LOADED_AT_ONCE)):
        pks, sessions, peers, vectors = zip(*some, strict=True)
        floats = np.frombuffer(b"".join(vectors), STORED).reshape(len(some), dimensions)
        yield Rows(np.array(pks), np.array(sessions), np.array(peers), sign_bits(floats))


def _allowed(rows: Rows, sessions: Collection[int] | None, peer: int | None, pks: Numbers | None) -> Rows:
    mask = np.ones(len(rows.pks), np.bool_)
    if sessions is not None:
        wanted = np.array([*sessions], np.int64)
        mask &= rows.sessions == wanted[0] if len(wanted) == 1 else np.isin(rows.sessions, wanted)
    if peer is not None:
        mask &= rows.peers == peer
    if pks is not None:
        mask &= np.isin(rows.pks, pks)
    return rows if mask.all() else rows.where(mask)


def _alike(rows: Rows, vector: Vector, count: int) -> list[int]:
    """The numbers of the `count` rows that seem nearest to the vector by their signs, in any order."""
    places = np.arange(len(rows.pks))
    some = max(ALIKE, 5 * count)
    if len(places) > some:
        differing = np.zeros(len(places), np.uint16)
        for word, asked in zip(rows.bits, sign_bits(vector[np.newaxis]), strict=True):
            differing += np.bitwise_count(word ^ asked)
        places = np.argpartition(differing, some)[:some]
    if len(places) > count:
        signs = np.unpackbits(np.ascontiguousarray(rows.bits[:, places].T).view(np.uint8), axis=1)
        against = signs[:, : len(vector)].astype(np.float32) @ vector
        places = places[np.argpartition(-against, count)[:count]]
    return [int(pk) for pk in rows.pks[places]]


def _drop(entry: _Entry, group: Group, gone: list[int]) -> None:
    """Forget rows that were deleted: a message goes with all of its session, a conclusion alone."""
    pks = np.array(gone, np.int64)

    def living(rows: Rows) -> npt.NDArray[np.bool_]:
        dead = np.isin(rows.pks, pks)
        kept = ~dead
        if isinstance(group, MessagesOf):
            for session in np.unique(rows.sessions[dead]):
                of_session = rows.sessions == session
                # A later session may have the number of one that is gone, and messages with greater numbers.
                kept &= ~(of_session & (rows.pks <= rows.pks[dead & of_session].max()))
        return kept

    entry.keep(living)


def _by_distance(vectors: dict[int, bytes], vector: Vector) -> list[tuple[int, float]]:
    if not vectors:
        return []
    stored = np.frombuffer(b"".join(vectors.values()), STORED).reshape(len(vectors), len(vector))
    distances = np.clip(1.0 - stored.astype(np.float32) @ vector, 0.0, 2.0)
    return sorted(zip(vectors, distances.tolist(), strict=True), key=lambda hit: (hit[1], -hit[0]))
