"""Rebuild a damaged full-text index from the rows, in steps, while the server runs.

The first step empties the index, and the job stores the last row that it must index. Rows added later are indexed when
they are added; rows removed before the job reaches them are never in the new index.
"""

from __future__ import annotations

import contextlib

from omoide.core.job_payloads import IndexRebuild, JobKind
from omoide.core.jobs import NewJob
from omoide.storage import queue
from omoide.storage.base import Transaction
from omoide.storage.sqlite import reindexing
from omoide.storage.sqlite.fulltext import ENTRIES, INDEXES, TABLES, Index

CHARACTERS_AT_A_TIME = 100_000
"""Characters per step; indexing them blocks other writes for some ten milliseconds. A longer text is a step of its
own."""
ROWS_AT_A_TIME = 1_000


def request(db: Transaction, fault: str, now: int) -> None:
    """Enqueue a job for each index named in SQLite's error message; for all indexes if it names none."""
    for index in [each for each in INDEXES if each in fault] or INDEXES:
        queue.add(db, NewJob(JobKind.REBUILD_WORDS, IndexRebuild(index).to_json(), key=index), now)


def empty(db: Transaction, index: Index) -> IndexRebuild:
    """Remove all entries of an index, which may be damaged; returns the payload of the job that fills it."""
    db.execute(f"INSERT INTO {index} ({index}) VALUES ('delete-all')")
    reindexing.end(db, index)
    (last,) = db.execute(f"SELECT max(pk) FROM {TABLES[index]}").fetchone()
    return IndexRebuild(index, after=0, through=last or 0)


def add_missing(db: Transaction, index: Index, after: int, through: int) -> int | None:
    """Index the next rows after `after` that are missing in the index; returns the last row of the step, or None."""
    last = last_of_step(db, index, after, through)
    if last is not None:
        db.execute(
            f"""INSERT INTO {index} (rowid, place, text) SELECT {ENTRIES[index]} WHERE t.pk > ? AND t.pk <= ?
                AND NOT EXISTS (SELECT 1 FROM {index} w WHERE w.rowid = t.pk) ORDER BY t.pk""",
            (after, last),
        )
    return last


def last_of_step(db: Transaction, index: Index, after: int, through: int) -> int | None:
    """The last row of the step after the row `after`; None if there is none up to `through`."""
    query = f"SELECT pk, length(content) FROM {TABLES[index]} WHERE pk > ? AND pk <= ? ORDER BY pk LIMIT ?"
    last, characters = None, 0
    with contextlib.closing(db.execute(query, (after, through, ROWS_AT_A_TIME))) as rows:
        for pk, length in rows:
            characters += length or 0
            if last is not None and characters > CHARACTERS_AT_A_TIME:
                break
            last = pk
    return last
