"""Remove stale doclist indexes from a full-text index.

FTS5 stores the rows of a word in a doclist; a doclist of several leaves has a doclist index, which lets FTS5 skip
leaves. A flag on the doclist's first leaf marks it as present for the last word of that leaf. With `secure-delete`,
FTS5 (SQLite 3.53.4 and before) removes a word together with its last row, but leaves the flag: the word that is now the
last on the leaf is looked up with the doclist index of the removed one. Searches then miss rows of that word, and
removing these rows leaves entries in the index or corrupts it.

Formats: "Data Structures" in SQLite's `fts5_index.c`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from omoide.storage.base import Transaction

if TYPE_CHECKING:
    from omoide.storage.sqlite.fulltext import Index

SEGMENT_BITS = 37
"""Bits by which the segment number is shifted in the row number of its leaves and doclist indexes."""
DOCLIST_INDEX = 1 << 36
"""The bit of a row number that is set for a doclist index and not for a leaf."""
HEIGHT_BITS = 31
"""Bits by which the height of a doclist index is shifted; the lower bits are the leaf number."""
HEIGHTS = 5
"""Above the height of any doclist index: https://www.sqlite.org/src/file/ext/fts5/fts5_index.c, FTS5_DATA_HEIGHT_B."""

EMPTY = 4
"""Size of an empty leaf in bytes: the offset of its first row and its size, two bytes each."""


def drop_stale(db: Transaction, index: Index) -> int:
    """Remove doclist indexes whose doclists no longer continue after their first leaf; returns their number.

    Call it in the transaction that removed rows, after FTS5 has flushed its changes.
    """
    dropped = 0
    for (segment,) in db.execute(_SEGMENTS.format(index=index)).fetchall():
        base = (segment << SEGMENT_BITS) + DOCLIST_INDEX
        leaves = db.execute(
            f"SELECT id - ? FROM {index}_data WHERE id BETWEEN ? AND ?", (base, base, base + (1 << HEIGHT_BITS) - 1)
        ).fetchall()
        for (leaf,) in leaves:
            following = _goes_on_until(db, index, segment, leaf)
            if following is not None:
                _drop(db, index, segment, leaf, following)
                dropped += 1
    return dropped


_SEGMENTS = """WITH RECURSIVE s (segid) AS (
    SELECT min(segid) FROM {index}_idx
    UNION ALL SELECT (SELECT min(segid) FROM {index}_idx i WHERE i.segid > s.segid) FROM s WHERE s.segid IS NOT NULL)
SELECT segid FROM s WHERE segid IS NOT NULL"""
"""Steps from segment to segment, without reading a row per leaf."""


def _goes_on_until(db: Transaction, index: Index, segment: int, leaf: int) -> int | None:
    """None if a later leaf has rows of the doclist; else the end (exclusive) of the stale doclist index."""
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
            if header[:2] != b"\0\0":  # rows before the first word of this leaf
                return None
            if int.from_bytes(header[2:EMPTY]) < length:  # words, which are listed at the end of the leaf
                return last
    return last + 1


def _drop(db: Transaction, index: Index, segment: int, leaf: int, following: int) -> None:
    db.execute(f"UPDATE {index}_idx SET pgno = ? WHERE segid = ? AND pgno = ?", (leaf << 1, segment, leaf << 1 | 1))
    base = (segment << SEGMENT_BITS) + DOCLIST_INDEX
    for height in range(HEIGHTS):
        low = base + (height << HEIGHT_BITS)
        db.execute(f"DELETE FROM {index}_data WHERE id >= ? AND id < ?", (low + leaf, low + following))
