"""Remove deleted words from the b-tree of a full-text index.

For each leaf of a segment FTS5 stores a separator in `<index>_idx`: the shortest prefix of the leaf's first word that
is greater than the last word of the previous leaf; for similar words (`canary1`, `canary2`) that is the whole word. It
remains when the word is removed. This module replaces such a separator by a prefix of the word that is now the first
one, which locates the leaf equally well. Formats: "Data Structures" in SQLite's `fts5_index.c`.
"""

from __future__ import annotations

from struct import unpack_from

from omoide.storage.base import Transaction
from omoide.storage.sqlite.doclist_pruning import SEGMENT_BITS
from omoide.storage.sqlite.fulltext import Index

LEAVES_AT_A_TIME = 500
"""Leaves (of about 4 KB) checked per write."""

Position = tuple[int, bytes]
"""Segment and separator of the last processed leaf."""

START: Position = (0, b"")


def renew(db: Transaction, index: Index, after: Position) -> Position | None:
    """Replace separators of the next leaves that are not a prefix of their first word; None after the last leaf."""
    rows = db.execute(
        f"""SELECT segid, CAST(term AS BLOB), pgno, block FROM (
                SELECT segid, term, pgno >> 1 AS pgno FROM {index}_idx WHERE (segid, term) > (?, ?)
                ORDER BY segid, term LIMIT ?)
            JOIN {index}_data ON id = (segid << {SEGMENT_BITS}) + pgno ORDER BY 1, 2""",
        (*after, LEAVES_AT_A_TIME),
    ).fetchall()
    for segment, separator, _, leaf in rows:
        first = first_term(leaf)
        if first is not None and not first.startswith(separator):
            end = next(n for n, (a, b) in enumerate(zip(separator, first, strict=False), 1) if a != b)
            db.execute(
                f"UPDATE {index}_idx SET term = ? WHERE segid = ? AND term = ?",
                (first[:end], segment, separator),
            )
    return (rows[-1][0], rows[-1][1]) if rows else None


def first_term(leaf: bytes) -> bytes | None:
    """The first word that begins on a leaf, including its leading index byte; None if there is none."""
    (size,) = unpack_from(">H", leaf, 2)
    if size >= len(leaf):
        return None
    offset, _ = _varint(leaf, size)
    length, start = _varint(leaf, offset)
    return leaf[start : start + length]


def _varint(block: bytes, at: int) -> tuple[int, int]:
    """Decode a varint (seven bits per byte); returns it and the offset of the next byte."""
    value = 0
    while True:
        value = value << 7 | block[at] & 0x7F
        at += 1
        if block[at - 1] < 0x80:
            return value, at
