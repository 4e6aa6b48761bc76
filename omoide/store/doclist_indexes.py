"""Removes doclist indexes that a full-text index has outlived.

FTS5 keeps the rows of a word in a doclist; for one of several leaves it adds a doclist index, by which it skips leaves.
A flag on the leaf where the doclist begins says that there is one, for the last word of that leaf. With `secure-delete`
FTS5 (SQLite 3.53.4 and before) removes a word whose last row is removed, but leaves the flag: then the word that is
last on the leaf now is looked up with the doclist index of the removed one. Rows of it are not found, so searches miss
them, and removing them leaves entries in the index or damages it.

Formats: "Data Structures" in SQLite's `fts5_index.c`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from omoide.store.connection import Connection

if TYPE_CHECKING:
    from omoide.store.words import Index

SEGMENT_BITS = 37
"""By how many bits the number of a segment is shifted in the row number of its leaves and doclist indexes."""
DOCLIST_INDEX = 1 << 36
"""The bit of a row number that tells a doclist index from a leaf."""
HEIGHT_BITS = 31
"""By how many bits the height of a doclist index is shifted; the numbers of leaves are below."""
HEIGHTS = 5
"""More than any doclist index has: https://www.sqlite.org/src/file/ext/fts5/fts5_index.c, FTS5_DATA_HEIGHT_B."""

EMPTY = 4
"""Bytes of a leaf that holds nothing: two numbers of two bytes, its first row's offset and its size."""


def drop_stale(db: Connection, index: Index) -> int:
    """Remove doclist indexes whose doclists no longer go on after their first leaf; how many these were.

    Call it in the transaction that removed rows, once FTS5 has written what it gathered.
    """
    dropped = 0
    for (segment,) in db.execute(_SEGMENTS.format(index=index)).fetchall():
        base = (segment << SEGMENT_BITS) + DOCLIST_INDEX
        found = db.execute(
            f"SELECT id - ? FROM {index}_data WHERE id BETWEEN ? AND ?", (base, base, base + (1 << HEIGHT_BITS) - 1)
        ).fetchall()
        for (leaf,) in found:
            following = _goes_on_until(db, index, segment, leaf)
            if following is not None:
                _drop(db, index, segment, leaf, following)
                dropped += 1
    return dropped


_SEGMENTS = """WITH RECURSIVE s (segid) AS (
    SELECT min(segid) FROM {index}_idx
    UNION ALL SELECT (SELECT min(segid) FROM {index}_idx i WHERE i.segid > s.segid) FROM s WHERE s.segid IS NOT NULL)
SELECT segid FROM s WHERE segid IS NOT NULL"""
"""Steps from segment to segment instead of reading a row for each leaf."""


def _goes_on_until(db: Connection, index: Index, segment: int, leaf: int) -> int | None:
    """None while rows of the doclist are on a leaf after its first; else the leaf before which it can have none."""
    first = segment << SEGMENT_BITS
    leaves = db.execute(
        f"""SELECT id - ?, substr(block, 1, {EMPTY}), length(block) FROM {index}_data
            WHERE id > ? AND id < ? ORDER BY id""",
        (first, first + leaf, first + DOCLIST_INDEX),
    )
    last = leaf
    with contextlib.closing(leaves):
        for number, header, length in leaves:
            last = int(number)
            if header[:2] != b"\0\0":  # rows that come before any word of this leaf
                return None
            if int.from_bytes(header[2:EMPTY]) < length:  # words, listed at the end
                return last
    return last + 1


def _drop(db: Connection, index: Index, segment: int, leaf: int, following: int) -> None:
    db.execute(f"UPDATE {index}_idx SET pgno = ? WHERE segid = ? AND pgno = ?", (leaf << 1, segment, leaf << 1 | 1))
    base = (segment << SEGMENT_BITS) + DOCLIST_INDEX
    for height in range(HEIGHTS):
        low = base + (height << HEIGHT_BITS)
        db.execute(f"DELETE FROM {index}_data WHERE id >= ? AND id < ?", (low + leaf, low + following))
