"""The persistent index of semantic search: segments of rows with the signs of their vectors, loaded into memory.

A segment belongs to one workspace. It holds, column by column, the numbers of up to `FULL` rows, two filter columns
(session and peer of a message, observer and observed of a conclusion), and the signs of the vector's components.
Segments are made from the stored vectors, in the transaction that stores them or, for older vectors, in batches in the
background; two columns of `embedder` record the progress. Small segments are merged, so that a workspace has few. They
are ordinary rows: after a crash, a copy or a restored backup they are as consistent as the vectors themselves.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from omoide.core.lazy_import import lazy_import
from omoide.storage import rows
from omoide.storage.base import Transaction
from omoide.storage.dialect import ORDERED_JOIN, array, in_array, is_blob, is_integer, unnest
from omoide.storage.embedding_tables import TAKEN_FROM, VECTORS, Source
from omoide.storage.vectors import Segment, sign_bits, words_of

with lazy_import("numpy"):
    import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

logger = logging.getLogger("omoide.storage")

FULL = 4_096
"""Rows of a full segment, which is not merged further: 200 kB for 256 dimensions."""

LOOSE = 32
"""Number of smaller segments of a workspace that triggers a merge."""

TAKEN = 4_096
"""Rows added to segments per call."""


def lacks_conclusion(pk: str) -> str:
    """SQL condition: semantic search cannot find this conclusion yet, which has no vector or is in no segment."""
    return f"""({pk} > (SELECT conclusions_signed FROM embedder)
        OR NOT EXISTS (SELECT 1 FROM conclusion_vectors v WHERE v.pk = {pk}))"""


IS_VECTOR = f"{is_blob('v.vector')} AND length(v.vector) = ?"
"""SQL: the row of the table `v` is a vector of the given size in bytes. Any other is damaged, and treated as absent."""


IS_SEGMENT = f"""({is_integer("size")} AND size > 0 AND {is_blob("rows")}
    AND length(rows) = size * (16 + 8 * ?))"""
"""SQL: a row of `segments` has the right size in bytes, given the number of words for the signs of a vector."""


def reach(db: Transaction, source: Source) -> int:
    """The row up to which all rows with a vector are in a segment."""
    row = db.execute(f"SELECT {source}_signed FROM embedder").fetchone()
    return int(rows.mended([f"embedder.{source}_signed"], row)[0]) if row else 0


def is_behind(db: Transaction, source: Source) -> bool:
    """Whether there are embedded rows that are not in a segment yet."""
    return db.execute(f"SELECT 1 FROM embedder WHERE {source}_signed < {source}_through").fetchone() is not None


def extend(db: Transaction, source: Source) -> None:
    """Add the next embedded rows to segments, if there are any."""
    row = db.execute(f"SELECT dimensions, {source}_signed, {source}_through FROM embedder").fetchone()
    if row is None:
        return
    columns = ["embedder.dimensions", f"embedder.{source}_signed", f"embedder.{source}_through"]
    dimensions, signed, through = rows.mended(columns, row)
    if signed >= through:
        return
    first, second = TAKEN_FROM[source]
    query = f"""SELECT t.workspace, t.pk, t.{first}, t.{second}, v.vector
        FROM {VECTORS[source]} v {ORDERED_JOIN} {source} t ON t.pk = v.pk
        WHERE v.pk > ? AND v.pk <= ? ORDER BY v.pk LIMIT ?"""
    found = db.execute(query, (signed, through, TAKEN)).fetchall()
    sound = [row for row in found if is_sound(row, dimensions)]
    for workspace, some in itertools.groupby(sorted(sound, key=_workspace), key=_workspace):
        _append(db, source, workspace, made([*some], dimensions))
    reached = found[-1][1] if len(found) == TAKEN else through
    db.execute(f"UPDATE embedder SET {source}_signed = ?", (reached,))


def late(db: Transaction) -> int:
    """The number of vectors stored out of order, and of reloads. When it changes, rows before `reach` were added."""
    row = db.execute("SELECT late FROM embedder").fetchone()
    return int(rows.mended(["embedder.late"], row)[0]) if row else 0


def reload(db: Transaction) -> None:
    """Make every process load the segments again, because rows that were dropped from memory are current again."""
    db.execute("UPDATE embedder SET late = late + 1")


def add_late(db: Transaction, source: Source, pks: Sequence[int]) -> None:
    """Add rows that got their vector later than the rows around them."""
    row = db.execute(f"SELECT dimensions, {source}_signed FROM embedder").fetchone()
    if row is None or not pks:
        return
    first, second = TAKEN_FROM[source]
    query = f"""SELECT t.workspace, t.pk, t.{first}, t.{second}, v.vector
        FROM {unnest("bigint", "wanted")} {ORDERED_JOIN} {VECTORS[source]} v ON v.pk = wanted.value
        {ORDERED_JOIN} {source} t ON t.pk = v.pk WHERE v.pk <= ?"""  # `extend` adds later rows
    dimensions, signed = rows.mended(["embedder.dimensions", f"embedder.{source}_signed"], row)
    stored = db.execute(query, (array(pks), signed))
    found = sorted((row for row in stored if is_sound(row, dimensions)), key=_workspace)
    for workspace, some in itertools.groupby(found, key=_workspace):
        _append(db, source, workspace, made([*some], dimensions))
    db.execute("UPDATE embedder SET late = late + ?", (len(found),))


def of_workspace(db: Transaction, source: Source, workspace: int, words: int, after: int) -> Iterator[Segment]:
    """The workspace's segments, without rows up to `after`. `words` is the number of words for a vector's signs."""
    whole = f"{IS_SEGMENT} AND {is_integer('last')}"
    damaged = f"SELECT pk FROM segments WHERE workspace = ? AND source = ? AND NOT ({whole}) LIMIT 1"
    if row := db.execute(damaged, (workspace, source, words)).fetchone():
        _log(*row)
        yield from _of_vectors(db, source, workspace, after)
        return
    query = "SELECT size, rows FROM segments WHERE workspace = ? AND source = ? AND last > ? ORDER BY last"
    for size, stored in db.execute(query, (workspace, source, after)):
        segment = read(stored, size, words)
        newer = segment.pks > after
        yield segment if newer.all() else segment.at(newer)


def _of_vectors(db: Transaction, source: Source, workspace: int, after: int) -> Iterator[Segment]:
    """Make the workspace's segments for rows after `after` from the vectors, because the stored ones are damaged."""
    row = db.execute(f"SELECT dimensions, {source}_signed FROM embedder").fetchone()
    dimensions, reach = rows.mended(["embedder.dimensions", f"embedder.{source}_signed"], row)
    first, second = TAKEN_FROM[source]
    query = f"""SELECT t.workspace, t.pk, t.{first}, t.{second}, v.vector
        FROM {VECTORS[source]} v {ORDERED_JOIN} {source} t ON t.pk = v.pk
        WHERE v.pk > ? AND v.pk <= ? AND t.workspace = ? ORDER BY v.pk LIMIT ?"""
    while found := db.execute(query, (after, reach, workspace, TAKEN)).fetchall():
        if sound := [row for row in found if is_sound(row, dimensions)]:
            yield made(sound, dimensions)
        after = found[-1][1]


def remove(db: Transaction, source: Source, pks: Sequence[int]) -> None:
    """Remove these rows from the segments. The rows themselves must still exist."""
    row = db.execute("SELECT dimensions FROM embedder").fetchone()
    if row is None or not pks:
        return
    gone = np.array(pks, np.int64)
    owners = f"SELECT DISTINCT workspace FROM {source} WHERE pk {in_array('bigint')}"
    query = f"""SELECT pk, size, rows FROM segments
        WHERE workspace IN ({owners}) AND source = ? AND last >= ? AND first <= ?"""
    params = (array(pks), source, min(pks), max(pks))
    words = words_of(rows.mended(["embedder.dimensions"], row)[0])
    for pk, size, stored in db.execute(query, params).fetchall():
        segment = _sound(pk, size, stored, words)
        if segment is None:
            continue
        kept = ~np.isin(segment.pks, gone)
        if not kept.all():
            _replace(db, pk, segment.at(kept))


RELABELLED = 16
"""Segments that one call of `relabel` reads."""


def relabel(db: Transaction, source: Source, workspace: int, old: int, new: int, after: int) -> int | None:
    """Replace a peer by another in the workspace's next segments after the row `after`; returns the last one read, or
    None when done. Call it once the peer has no rows any more."""
    row = db.execute("SELECT dimensions FROM embedder").fetchone()
    if row is None:
        return None
    words = words_of(rows.mended(["embedder.dimensions"], row)[0])
    query = """SELECT pk, size, rows FROM segments WHERE workspace = ? AND source = ? AND pk > ?
        ORDER BY pk LIMIT ?"""
    found = db.execute(query, (workspace, source, after, RELABELLED)).fetchall()
    changed = 0
    for pk, size, stored in found:
        segment = _sound(pk, size, stored, words)
        if segment is None:
            continue
        first = segment.first if source == "messages" else _relabelled(segment.first, old, new)
        second = _relabelled(segment.second, old, new)
        if first is not segment.first or second is not segment.second:
            _replace(db, pk, Segment(segment.pks, first, second, segment.bits))
            changed += 1
    if changed:
        db.execute("UPDATE embedder SET late = late + 1")
    return int(found[-1][0]) if len(found) == RELABELLED else None


def _relabelled(owners: npt.NDArray[np.uint32], old: int, new: int) -> npt.NDArray[np.uint32]:
    of_old = owners == old
    return np.where(of_old, np.uint32(new), owners) if of_old.any() else owners


def remove_workspace(db: Transaction, workspace: int) -> None:
    db.execute("DELETE FROM segments WHERE workspace = ?", (workspace,))


def remove_all(db: Transaction) -> None:
    db.execute("DELETE FROM segments")


def begin_anew(db: Transaction) -> None:
    """Remove all segments and reset the progress, so that `extend` rebuilds them from the vectors."""
    remove_all(db)
    db.execute("UPDATE embedder SET messages_signed = 0, conclusions_signed = 0")


def bytes_of(size: int, dimensions: int) -> int:
    """The size in bytes of a stored segment with this number of rows."""
    return size * (16 + 8 * words_of(dimensions))


def made(rows: Sequence[tuple[int, int, int, int, bytes]], dimensions: int) -> Segment:
    """A segment of rows, each with its workspace, row number, two filter columns and vector."""
    pks, first, second, vectors = [*zip(*rows, strict=True)][1:] or ((),) * 4
    # Interpreted as integers, the values have the same signs, and comparing is many times faster.
    numbers = np.frombuffer(b"".join(vectors), "<i2").reshape(len(rows), dimensions)
    return Segment(np.array(pks, np.int64), np.array(first, np.uint32), np.array(second, np.uint32), sign_bits(numbers))


def is_sound(row: tuple[Any, ...], dimensions: int) -> bool:
    """Whether a row is valid for a segment. Its last value is the vector."""
    *numbers, vector = row
    return (
        all(type(number) is int and 0 < number < 2**63 for number in numbers)
        and all(number < 2**32 for number in numbers[2:])
        and type(vector) is bytes
        and len(vector) == 2 * dimensions
    )


def _sound(pk: int, size: object, stored: object, words: int) -> Segment | None:
    """Parse a stored segment; None if it is damaged."""
    if type(size) is int and size > 0 and type(stored) is bytes and len(stored) == size * (16 + 8 * words):
        return read(stored, size, words)
    _log(pk)
    return None


def _log(pk: int) -> None:
    rows.log_once(("segments", pk), "damaged: segment %d; omoide check --rebuild-segments fixes it", (pk,))


def _workspace(row: tuple[int, int, int, int, bytes]) -> int:
    return row[0]


def _append(db: Transaction, source: Source, workspace: int, new: Segment) -> None:
    """Store a segment, merged with the small ones if there are many."""
    query = "SELECT pk, size FROM segments WHERE workspace = ? AND source = ? AND size < ?"
    loose = db.execute(query, (workspace, source, FULL)).fetchall()
    if len(loose) < LOOSE:
        _insert(db, source, workspace, new)
        return
    kept: dict[int, Segment] = {}
    for pk, size in loose:
        (stored,) = db.execute("SELECT rows FROM segments WHERE pk = ?", (pk,)).fetchone()
        if segment := _sound(pk, size, stored, len(new.bits)):
            kept[pk] = segment
    whole = _joined([*kept.values(), new])
    for start in range(0, len(whole), FULL):
        _insert(db, source, workspace, whole.at(slice(start, start + FULL)))
    # Last, so that the new ones get higher numbers: `relabel` must not miss rows by having passed their new segment.
    db.executemany("DELETE FROM segments WHERE pk = ?", [(pk,) for pk in kept])


def _joined(parts: Sequence[Segment]) -> Segment:
    """All their rows in one segment, in row order."""
    pks = np.concatenate([part.pks for part in parts])
    whole = Segment(
        pks,
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.second for part in parts]),
        np.concatenate([part.bits for part in parts], axis=1),
    )
    return whole.at(np.argsort(pks, kind="stable"))


def _insert(db: Transaction, source: Source, workspace: int, segment: Segment) -> None:
    db.execute(
        "INSERT INTO segments (workspace, source, first, last, size, rows) VALUES (?, ?, ?, ?, ?, ?)",
        (workspace, source, *_range(segment), len(segment), _written(segment)),
    )


def _replace(db: Transaction, pk: int, segment: Segment) -> None:
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
    """Parse a stored segment. `words` is the number of words for a vector's signs."""
    owners = 8 * size
    signs = owners + 8 * size
    return Segment(
        np.frombuffer(rows, "<i8", size),
        np.frombuffer(rows, "<u4", size, owners),
        np.frombuffer(rows, "<u4", size, owners + 4 * size),
        np.frombuffer(rows, np.uint64, size * words, signs).reshape(words, size),
    )
