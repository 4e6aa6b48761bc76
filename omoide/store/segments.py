"""What the search by meaning holds in memory, ready to be loaded: segments of rows with the signs of their vectors.

A segment belongs to one workspace. It holds, column by column, the numbers of up to `FULL` rows, two numbers that each
row is narrowed by (session and peer of a message, observer and observed of a conclusion), and which of its vector's
numbers are positive. Segments are made from the stored vectors, in the transaction that stores these or, for what was
there before, piece by piece in the background; two marks in `embedder` say how far they reach. Small ones are merged,
so that a workspace has few. They are rows like any other: a crash, a copy or a restored backup leaves them as true as
the vectors themselves.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import orjson

from omoide.deferred import deferred
from omoide.store.database import Connection
from omoide.store.sources import TAKEN_FROM, VECTORS, Source

with deferred("numpy"):
    import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

FULL = 4_096
"""Rows of a segment that is not merged any more: 200 kB for 256 dimensions."""

LOOSE = 32
"""Smaller segments of a workspace that may lie about before they are merged."""

TAKEN = 4_096
"""Rows that are taken in at a time."""

STORED = "<f2"
"""The type of a stored number: half precision, little-endian."""

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
    """Each row as it is stored."""
    return [row.tobytes() for row in vectors.astype(STORED)]


def sign_bits(vectors: npt.NDArray[np.floating | np.integer]) -> Bits:
    """Which numbers of each row are positive, 64 to a word: shape (words, rows)."""
    bytes_ = np.packbits(vectors > 0, axis=1)
    words = np.pad(bytes_, ((0, 0), (0, -bytes_.shape[1] % 8))).view(np.uint64)
    return np.ascontiguousarray(words.T)


def reach(db: Connection, source: Source) -> int:
    """The row up to which everything that has a vector is in a segment."""
    row = db.execute(f"SELECT {source}_signed FROM embedder").fetchone()
    return int(row[0]) if row else 0


def is_behind(db: Connection, source: Source) -> bool:
    """Whether there are rows that have a vector and are in no segment yet."""
    return db.execute(f"SELECT 1 FROM embedder WHERE {source}_signed < {source}_through").fetchone() is not None


def extend(db: Connection, source: Source) -> None:
    """Take in the next rows that have a vector, if there are any."""
    row = db.execute(f"SELECT dimensions, {source}_signed, {source}_through FROM embedder").fetchone()
    if row is None or row[1] >= row[2]:
        return
    dimensions, signed, through = row
    first, second = TAKEN_FROM[source]
    query = f"""SELECT t.workspace, t.pk, t.{first}, t.{second}, v.vector
        FROM {VECTORS[source]} v CROSS JOIN {source} t ON t.pk = v.pk
        WHERE v.pk > ? AND v.pk <= ? ORDER BY v.pk LIMIT ?"""
    found = db.execute(query, (signed, through, TAKEN)).fetchall()
    for workspace, rows in itertools.groupby(sorted(found, key=_workspace), key=_workspace):
        _append(db, source, workspace, made([*rows], dimensions))
    reached = found[-1][1] if len(found) == TAKEN else through
    db.execute(f"UPDATE embedder SET {source}_signed = ?", (reached,))


def late(db: Connection) -> int:
    """How many vectors were stored after their turn: where this has changed, segments were added behind `reach`."""
    row = db.execute("SELECT late FROM embedder").fetchone()
    return int(row[0]) if row else 0


def add_late(db: Connection, source: Source, pks: Sequence[int]) -> None:
    """Take in rows that got their vector after those around them."""
    row = db.execute(f"SELECT dimensions, {source}_signed FROM embedder").fetchone()
    if row is None or not pks:
        return
    first, second = TAKEN_FROM[source]
    query = f"""SELECT t.workspace, t.pk, t.{first}, t.{second}, v.vector
        FROM json_each(?) wanted CROSS JOIN {VECTORS[source]} v ON v.pk = wanted.value
        CROSS JOIN {source} t ON t.pk = v.pk WHERE v.pk <= ?"""  # what lies beyond is taken in by `extend`
    found = db.execute(query, (orjson.dumps([*pks]).decode(), row[1])).fetchall()
    for workspace, rows in itertools.groupby(sorted(found, key=_workspace), key=_workspace):
        _append(db, source, workspace, made([*rows], row[0]))
    db.execute("UPDATE embedder SET late = late + ?", (len(found),))


def of_workspace(db: Connection, source: Source, workspace: int, words: int, after: int) -> Iterator[Segment]:
    """The workspace's segments, without rows up to the number `after`. `words` is how many hold a vector's signs."""
    query = "SELECT size, rows FROM segments WHERE workspace = ? AND source = ? AND last > ? ORDER BY last"
    for size, rows in db.execute(query, (workspace, source, after)):
        segment = read(rows, size, words)
        newer = segment.pks > after
        yield segment if newer.all() else segment.at(newer)


def remove(db: Connection, source: Source, pks: Sequence[int]) -> None:
    """Take out these rows. They must still be there themselves."""
    row = db.execute("SELECT dimensions FROM embedder").fetchone()
    if row is None or not pks:
        return
    gone = np.array(pks, np.int64)
    owners = f"SELECT DISTINCT workspace FROM {source} WHERE pk IN (SELECT value FROM json_each(?))"
    query = f"""SELECT pk, size, rows FROM segments
        WHERE workspace IN ({owners}) AND source = ? AND last >= ? AND first <= ?"""
    params = (orjson.dumps([*pks]).decode(), source, min(pks), max(pks))
    for pk, size, rows in db.execute(query, params).fetchall():
        segment = read(rows, size, words_of(row[0]))
        kept = ~np.isin(segment.pks, gone)
        if not kept.all():
            _replace(db, pk, segment.at(kept))


def remove_workspace(db: Connection, workspace: int) -> None:
    db.execute("DELETE FROM segments WHERE workspace = ?", (workspace,))


def remove_all(db: Connection) -> None:
    db.execute("DELETE FROM segments")


def begin_anew(db: Connection) -> None:
    """Have no segments, and owe all of them: `extend` makes them of the vectors."""
    remove_all(db)
    db.execute("UPDATE embedder SET messages_signed = 0, conclusions_signed = 0")


def words_of(dimensions: int) -> int:
    """How many words of 64 bits hold the signs of a vector."""
    return -(-dimensions // 64)


def bytes_of(size: int, dimensions: int) -> int:
    """How many bytes a stored segment of so many rows takes."""
    return size * (16 + 8 * words_of(dimensions))


def made(rows: Sequence[tuple[int, int, int, int, bytes]], dimensions: int) -> Segment:
    """A segment of rows, each with its workspace, its number, the two that it is narrowed by, and its vector."""
    pks, first, second, vectors = [*zip(*rows, strict=True)][1:] or ((),) * 4
    # Read as whole numbers these have the same signs, and are compared many times as fast.
    numbers = np.frombuffer(b"".join(vectors), "<i2").reshape(len(rows), dimensions)
    return Segment(np.array(pks, np.int64), np.array(first, np.uint32), np.array(second, np.uint32), sign_bits(numbers))


def _workspace(row: tuple[int, int, int, int, bytes]) -> int:
    return row[0]


def _append(db: Connection, source: Source, workspace: int, new: Segment) -> None:
    """Store a segment, together with the small ones once these are many."""
    query = "SELECT pk, size FROM segments WHERE workspace = ? AND source = ? AND size < ?"
    loose = db.execute(query, (workspace, source, FULL)).fetchall()
    if len(loose) < LOOSE:
        _insert(db, source, workspace, new)
        return
    kept = [
        read(db.execute("SELECT rows FROM segments WHERE pk = ?", (pk,)).fetchone()[0], size, len(new.bits))
        for pk, size in loose
    ]
    db.executemany("DELETE FROM segments WHERE pk = ?", [(pk,) for pk, _ in loose])
    whole = _joined([*kept, new])
    for start in range(0, len(whole), FULL):
        _insert(db, source, workspace, whole.at(slice(start, start + FULL)))


def _joined(parts: Sequence[Segment]) -> Segment:
    """All their rows, in the order of their numbers."""
    pks = np.concatenate([part.pks for part in parts])
    whole = Segment(
        pks,
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.second for part in parts]),
        np.concatenate([part.bits for part in parts], axis=1),
    )
    return whole.at(np.argsort(pks, kind="stable"))


def _insert(db: Connection, source: Source, workspace: int, segment: Segment) -> None:
    db.execute(
        "INSERT INTO segments (workspace, source, first, last, size, rows) VALUES (?, ?, ?, ?, ?, ?)",
        (workspace, source, *_range(segment), len(segment), _written(segment)),
    )


def _replace(db: Connection, pk: int, segment: Segment) -> None:
    if len(segment):
        db.execute(
            "UPDATE segments SET first = ?, last = ?, size = ?, rows = ? WHERE pk = ?",
            (*_range(segment), len(segment), _written(segment), pk),
        )
    else:
        db.execute("DELETE FROM segments WHERE pk = ?", (pk,))


def _range(segment: Segment) -> tuple[int, int]:
    return int(segment.pks.min()), int(segment.pks.max())


def _columns(segment: Segment) -> Iterable[npt.NDArray[np.generic]]:
    return (segment.pks.astype("<i8"), segment.first.astype("<u4"), segment.second.astype("<u4"), segment.bits)


def _written(segment: Segment) -> bytes:
    return b"".join(column.tobytes() for column in _columns(segment))


def read(rows: bytes, size: int, words: int) -> Segment:
    """A segment as it is stored. `words` is how many hold a vector's signs."""
    owners = 8 * size
    signs = owners + 8 * size
    return Segment(
        np.frombuffer(rows, "<i8", size),
        np.frombuffer(rows, "<u4", size, owners),
        np.frombuffer(rows, "<u4", size, owners + 4 * size),
        np.frombuffer(rows, np.uint64, size * words, signs).reshape(words, size),
    )
