"""Check segments against the vectors that they were made from: one line per kind of fault and segment.

Segments are loaded one at a time, with the vectors of their rows; only the row numbers are kept for all of them, so
memory grows by eight bytes per row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

import orjson

from omoide.core.lazy_import import lazy_import
from omoide.storage import rows
from omoide.storage.embedding_tables import SOURCES, TAKEN_FROM, VECTORS, Source
from omoide.storage.sqlite.connection import Connection
from omoide.storage.vector_segments import bytes_of, is_sound, made, read
from omoide.storage.vectors import Numbers, Segment, words_of

with lazy_import("numpy"):
    import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

Stored: TypeAlias = "tuple[int, int, int, int, int, bytes]"
"""Row of `segments`, workspace, first and last number, size, rows."""

Owners: TypeAlias = "npt.NDArray[np.uint32]"


_MARKS = ("dimensions", "messages_signed", "conclusions_signed")


def segment_faults(db: Connection) -> Iterator[str]:
    """All faults in the segments. The file must have the current schema."""
    row = db.execute(f"SELECT {', '.join(_MARKS)} FROM embedder").fetchone()
    if row is None:
        (count,) = db.execute("SELECT count(*) FROM segments").fetchone()
        if count:
            yield f"{count:,} segments exist without an embedder"
        return
    dimensions, *signed = rows.mended([f"embedder.{column}" for column in _MARKS], row)
    for source, reach in zip(SOURCES, signed, strict=True):
        yield from _of_source(db, source, dimensions, reach)


def _of_source(db: Connection, source: Source, dimensions: int, reach: int) -> Iterator[str]:
    held: list[Numbers] = []
    query = """SELECT pk, CAST(workspace AS INTEGER), first, last, CAST(size AS INTEGER), CAST(rows AS BLOB)
        FROM segments WHERE source = ? ORDER BY pk"""
    for stored in db.execute(query, (source,)):
        pk, size, content = stored[0], stored[4] or 0, stored[5] or b""
        needed = bytes_of(size, dimensions)
        if size < 1 or len(content) != needed:
            yield f"segment {pk} of {source} has {len(content):,} bytes, but {size:,} rows need {needed:,}"
            continue
        segment = read(content, size, words_of(dimensions))
        held.append(segment.pks)
        yield from _of_segment(db, source, dimensions, reach, stored, segment)
    there, times = np.unique(np.concatenate([np.zeros(0, np.int64), *held]), return_counts=True)
    yield from _told(there[times > 1], f"rows of {source} are in more than one segment")
    # When a workspace is purged, its segments are removed first.
    missing = f"""SELECT v.pk FROM {VECTORS[source]} v CROSS JOIN {source} t ON t.pk = v.pk
        JOIN workspaces w ON w.pk = t.workspace WHERE v.pk <= ? AND w.deleted_at IS NULL"""
    expected = np.fromiter((pk for (pk,) in db.execute(missing, (reach,))), np.int64)
    yield from _told(np.setdiff1d(expected, there), f"rows of {source} have a vector but are in no segment")


def _of_segment(
    db: Connection, source: Source, dimensions: int, reach: int, stored: Stored, segment: Segment
) -> Iterator[str]:
    pk, workspace, first, last, _, _ = stored
    lowest, highest = int(segment.pks.min()), int(segment.pks.max())
    if (lowest, highest) != (first, last):
        yield f"segment {pk} of {source} declares rows {first} to {last}, but holds rows {lowest} to {highest}"
    yield from _told(segment.pks[segment.pks > reach], f"rows in segment {pk} of {source} are beyond row {reach}")
    workspaces, vectors = _vectors(db, source, dimensions, segment.pks)
    known = np.isin(segment.pks, vectors.pks)
    yield from _told(segment.pks[~known], f"rows in segment {pk} have no vector in {source}")
    ours = segment.at(known)
    places = np.searchsorted(vectors.pks, ours.pks)
    theirs = vectors.at(places)
    foreign = workspaces[places] != workspace
    yield from _told(ours.pks[foreign], f"rows in segment {pk} of {source} belong to a different workspace")
    merging = _merging(db)
    ours_by, theirs_by = _owners(source, ours, merging), _owners(source, theirs, merging)
    moved = (ours_by[0] != theirs_by[0]) | (ours_by[1] != theirs_by[1])
    kinds = " or ".join(TAKEN_FROM[source])
    yield from _told(ours.pks[moved], f"rows in segment {pk} of {source} have a different {kinds} in it")
    turned = (ours.bits != theirs.bits).any(axis=0)
    yield from _told(ours.pks[turned], f"rows in segment {pk} of {source} have signs that differ from their vectors")


def _merging(db: Connection) -> Sequence[tuple[int, int]]:
    """The peers that are being merged, each with the other one: segments follow at the end."""
    return db.execute(
        """SELECT p.pk, a.peer FROM peers p JOIN peer_aliases a ON a.workspace = p.workspace AND a.id = p.id
           WHERE p.kind = 'merged' AND a.peer IS NOT NULL"""
    ).fetchall()


def _owners(source: Source, segment: Segment, merging: Sequence[tuple[int, int]]) -> tuple[Owners, Owners]:
    """The filter columns of a segment, as if all merges had ended."""
    first, second = segment.first, segment.second
    for old, into in merging:
        if source == "conclusions":
            first = np.where(first == old, np.uint32(into), first)
        second = np.where(second == old, np.uint32(into), second)
    return first, second


def _vectors(db: Connection, source: Source, dimensions: int, pks: Numbers) -> tuple[npt.NDArray[np.int64], Segment]:
    """The workspaces of the rows that have a valid vector, and a segment made from these rows, both in row order."""
    first, second = TAKEN_FROM[source]
    query = f"""SELECT t.workspace, t.pk, t.{first}, t.{second}, v.vector
        FROM (SELECT DISTINCT value FROM json_each(?)) wanted
        CROSS JOIN {VECTORS[source]} v ON v.pk = wanted.value CROSS JOIN {source} t ON t.pk = v.pk
        WHERE length(v.vector) = ? ORDER BY t.pk"""
    stored = db.execute(query, (orjson.dumps(pks.tolist()).decode(), 2 * dimensions))
    found = [row for row in stored if is_sound(row, dimensions)]
    return np.array([row[0] for row in found], np.int64), made(found, dimensions)


def _told(pks: Numbers, what: str) -> Iterator[str]:
    """One line for all rows with the same fault, if there are any."""
    if len(pks):
        yield f"{len(pks):,} {what}, for example row {int(pks.min())}"
