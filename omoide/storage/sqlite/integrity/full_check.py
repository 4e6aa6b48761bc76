"""Check a whole database: file structure, schema, values, references, full text, segments, consistency rules."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.storage.sqlite import inspection
from omoide.storage.sqlite.backup import integrity
from omoide.storage.sqlite.engine import Connection
from omoide.storage.sqlite.integrity.damage import damages
from omoide.storage.sqlite.integrity.row_consistency import contradictions
from omoide.storage.sqlite.integrity.segment_check import segment_faults
from omoide.storage.sqlite.schema_objects import differences, missing

MOST_FAULTS = 100
"""Faults reported per category."""

SEGMENTS = "segments: "
"""Prefix of the lines that rebuilding the segments fixes."""

_WORDS = {"messages": "message_words_docsize", "conclusions": "conclusion_words_docsize"}
"""Table → shadow table with the numbers of its indexed rows."""


def faults(db: Connection) -> list[str]:
    """One line per fault; empty if there are none. Reads the whole database.

    For a file of another program or of a newer version, or one that is too damaged, only that is reported.
    """
    structure = [f"structure: {' '.join(line.split())}" for line in integrity(db, MOST_FAULTS)]
    try:
        return [*structure, *_beyond_structure(db)]
    except sqlite3.Error as error:
        if structure:
            return structure
        return [f"structure: cannot be read completely: {error}"]


def _beyond_structure(db: Connection) -> Iterator[str]:
    schema = inspection.schema(db)
    if schema.is_newer:
        yield "this database was written by a newer version of Omoide"
    elif not schema.applied:
        yield "this is a database, but not one of Omoide's"
    elif schema.is_current:
        yield from (f"schema: {line}" for line in differences(db))
        yield from values(db)
        if not any(each.type == "table" for each in missing(db)):
            yield from _unindexed(db)
            yield from (f"{SEGMENTS}{line}" for line in islice(segment_faults(db), MOST_FAULTS))
            yield from (f"rows: {line}" for line in contradictions(db))


def values(db: Connection) -> Iterator[str]:
    """One line per damaged value and per reference to a missing row, up to `MOST_FAULTS` of either."""
    counts = {"value": 0, "reference": 0}
    for damage in damages(db):
        sort = "reference" if damage.is_reference else "value"
        counts[sort] += 1
        if counts[sort] <= MOST_FAULTS:
            yield f"{sort}: {damage}"
    for sort, count in counts.items():
        if count > MOST_FAULTS:
            yield f"{sort}: {count - MOST_FAULTS:,} more"


def _unindexed(db: Connection) -> Iterator[str]:
    for table, words in _WORDS.items():
        for without, other, what in ((table, words, "is not indexed"), (words, table, "is indexed but does not exist")):
            ours, theirs = ("pk", "id") if without == table else ("id", "pk")
            rows = db.execute(
                f"SELECT {ours} FROM {without} WHERE {ours} NOT IN (SELECT {theirs} FROM {other}) LIMIT ?",
                (MOST_FAULTS,),
            )
            for (pk,) in rows:
                yield f"words: row {pk} of {table} {what}"
