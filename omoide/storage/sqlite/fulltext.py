"""Maintain and query the full-text indexes of messages and conclusions.

The indexes are contentless, so removing an entry needs the indexed text and must happen while the row still exists.
FTS5 expressions are built from quoted words, so that a caller's text is never parsed as syntax. `omoide.search` selects
and weighs the words of a query.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import orjson
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core.index_text import index_phrase
from omoide.storage.base import Transaction
from omoide.storage.filters import SqlClause
from omoide.storage.sqlite import reindexing
from omoide.storage.sqlite.connection import native
from omoide.storage.sqlite.doclist_pruning import drop_stale
from omoide.storage.sqlite.error_codes import damage_of, kind_of
from omoide.storage.sqlite.group_commit import flush_deferred, on_commit

Index = Literal["message_words", "conclusion_words"]
MESSAGES: Index = "message_words"
CONCLUSIONS: Index = "conclusion_words"
INDEXES = (MESSAGES, CONCLUSIONS)
TABLES: Mapping[Index, str] = {MESSAGES: "messages", CONCLUSIONS: "conclusions"}

REWRITTEN_PAGES = 200
"""Pages (of about 4 KB) that one call of `rewrite` writes."""

CHARACTERS_AT_ONCE = 100_000
"""Indexing this many takes several milliseconds, which should not be charged to other writes."""

ENTRIES: Mapping[Index, str] = {
    MESSAGES: f"""t.pk, 'w' || t.workspace || ' s' || t.session || ' p' || t.peer,
        CASE WHEN p.kind = 'deleted' THEN substr(p.id, length(p.uid) + 2) ELSE p.id END || ': '
        || {reindexing.text_of(MESSAGES)} FROM messages t JOIN peers p ON p.pk = t.peer""",
    CONCLUSIONS: f"""t.pk, 'w' || t.workspace || ' r' || t.observer || ' d' || t.observed,
        {reindexing.text_of(CONCLUSIONS)} FROM conclusions t""",
}
"""Index → SQL that selects its entries (row, marks, text) from the rows `t` of its table. The id of a deleted peer
begins with more characters: see `peer_deletion`."""

_TABLES: Mapping[Index, str] = {
    MESSAGES: "messages m WHERE m.pk = message_words.rowid",
    CONCLUSIONS: "conclusions c WHERE c.pk = conclusion_words.rowid",
}


@dataclass(frozen=True, slots=True)
class IndexScope:
    """Where to search for words: in one of the indexes, in all rows or only in those that have all the marks.

    Matching marks costs a step for every row that has them. If most rows have them, it is faster to search all rows and
    to filter the results.
    """

    index: Index
    marks: tuple[str, ...] = ()
    condition: SqlClause | None = None
    """Restricts the rows further, where the newest are not enough: a condition on a row `c` (a conclusion) or `m`."""


def of_messages(
    workspace: int, session: int | None, peer: int | None, condition: SqlClause | None = None
) -> IndexScope:
    """The messages of a workspace, or only those of one of its sessions, or of one of its peers."""
    # A session or a peer implies its workspace.
    narrow = tuple(f"{letter}{pk}" for letter, pk in (("s", session), ("p", peer)) if pk is not None)
    return IndexScope(MESSAGES, narrow or (f"w{workspace}",), condition)


def of_conclusions(workspace: int, pair: tuple[int, int] | None, condition: SqlClause | None = None) -> IndexScope:
    """The conclusions of a workspace, or only those of a pair of observer and observed."""
    marks = (f"w{workspace}",) if pair is None else (f"r{pair[0]}", f"d{pair[1]}")
    return IndexScope(CONCLUSIONS, marks, condition)


def add_messages(db: Transaction, session: int, first: int, last: int, *, characters: int = 0) -> None:
    """Index the session's messages from the position `first` to `last`, before they are committed.

    Usually deferred to the end of the group commit: FTS5 flushes at the end of each savepoint, and many small flushes
    are slower. Messages with many `characters` in total are indexed at once, so that the time is charged to their
    write.
    """
    if characters > CHARACTERS_AT_ONCE:
        _add_messages(db, session=session, first=first, last=last)
    else:
        on_commit(native(db), partial(_add_messages, session=session, first=first, last=last))


def _add_messages(db: Transaction, *, session: int, first: int, last: int) -> None:
    db.execute(
        f"""INSERT INTO message_words (rowid, place, text) SELECT {ENTRIES[MESSAGES]}
            WHERE t.session = ? AND t.seq BETWEEN ? AND ?""",
        (session, first, last),
    )


def add_some_messages(db: Transaction, pks: Sequence[int]) -> None:
    """Index these messages, which must not be in the index."""
    add_entries(db, MESSAGES, pks)


def add_entries(db: Transaction, index: Index, pks: Sequence[int]) -> None:
    """Index these rows, which must not be in the index."""
    db.execute(
        f"""INSERT INTO {index} (rowid, place, text) SELECT {ENTRIES[index]}
            WHERE t.pk IN (SELECT value FROM json_each(?)) ORDER BY t.pk""",
        (_json(pks),),
    )


def add_conclusion(db: Transaction, pk: int) -> None:
    db.execute(f"INSERT INTO conclusion_words (rowid, place, text) SELECT {ENTRIES[CONCLUSIONS]} WHERE t.pk = ?", (pk,))


def add_conclusions(db: Transaction, after: int) -> None:
    """Index all conclusions after the row `after`."""
    db.execute(
        f"INSERT INTO conclusion_words (rowid, place, text) SELECT {ENTRIES[CONCLUSIONS]} WHERE t.pk > ?", (after,)
    )


def add_all(db: Transaction) -> None:
    """Index all rows. The indexes must be empty."""
    for index in INDEXES:
        reindexing.end(db, index)
        db.execute(f"INSERT INTO {index} (rowid, place, text) SELECT {ENTRIES[index]}")


def _erase_when_removing(db: Transaction, index: Index) -> None:
    """Make FTS5 remove the entries of deleted rows instead of marking them as deleted."""
    if not db.execute(f"SELECT 1 FROM {index}_config WHERE k = 'secure-delete' AND v = 1").fetchone():
        db.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('secure-delete', 1)")


def remove_messages(db: Transaction, pks: Sequence[int]) -> None:
    """Remove messages from the index. They and their peers must still exist."""
    flush_deferred(native(db))
    _remove(db, MESSAGES, pks)


def remove_conclusions(db: Transaction, pks: Sequence[int]) -> None:
    """Remove conclusions from the index. They must still exist."""
    _remove(db, CONCLUSIONS, pks)


def _remove(db: Transaction, index: Index, pks: Sequence[int]) -> None:
    _erase_when_removing(db, index)
    # Deleting an entry that is not in the index would corrupt it. In ascending order, FTS5 flushes once.
    try:
        remove_entries(db, index, pks)
        _write_gathered(db)
    except sqlite3.DatabaseError as error:  # a savepoint's error does not name the index
        raise (damage_of(index, error) if kind_of(error) == sqlite3.SQLITE_CORRUPT else error) from error
    drop_stale(db, index)


def remove_entries(db: Transaction, index: Index, pks: Sequence[int]) -> None:
    """Remove the entries of these rows, of which some may have none."""
    db.execute(
        f"""INSERT INTO {index} ({index}, rowid, place, text) SELECT 'delete', {ENTRIES[index]}
            WHERE t.pk IN (SELECT value FROM json_each(?)) AND EXISTS (SELECT 1 FROM {index} WHERE rowid = t.pk)
            ORDER BY t.pk""",
        (_json(pks),),
    )


def _write_gathered(db: Transaction) -> None:
    """Make FTS5 flush its buffered changes, which it does at the end of a savepoint."""
    db.execute("SAVEPOINT words")
    db.execute("RELEASE words")


def rewrite(db: Transaction, index: Index, *, is_first: bool) -> bool:
    """Rewrite the next part of the index without deleted entries; returns whether there is more to do."""
    before = native(db).total_changes
    pages = -REWRITTEN_PAGES if is_first else REWRITTEN_PAGES  # a negative number merges the whole index
    db.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('merge', ?)", (pages,))
    return native(db).total_changes - before >= 2  # https://www.sqlite.org/fts5.html#the_merge_command


def occurs(db: Transaction, index: Index, word: str) -> bool:
    """Whether any row contains the word. False if the tokenizer finds no token in it."""
    query = f"SELECT 1 FROM {index} WHERE {index} MATCH ? LIMIT 1"
    return db.execute(query, (_expression(IndexScope(index), [word]),)).fetchone() is not None


def is_converted(db: Transaction, index: Index) -> bool:
    """Whether all entries have their current form: see `reindexing`."""
    return reindexing.remaining(db, index) is None


def shares(db: Transaction, index: Index, words: Iterable[str], most: int) -> dict[str, float]:
    """The estimated share of rows that contain each word, from the newest `most`: between 0 and 1, exclusive.

    Words that do not occur are left out.
    """
    (last,) = db.execute(f"SELECT max(id) FROM {index}_docsize").fetchone()
    (rows,) = db.execute(f"SELECT count(*) FROM {index}_docsize WHERE id > ?", ((last or 0) - most,)).fetchone()
    query = f"SELECT count(*) FROM {index} WHERE {index} MATCH ? AND rowid > ?"
    found = {}
    for word in words:
        (held,) = db.execute(query, (_expression(IndexScope(index), [word]), (last or 0) - most)).fetchone()
        if held or occurs(db, index, word):
            found[word] = (held + 0.5) / (rows + 1)
    return found


def holding(
    db: Transaction, place: IndexScope, words: Iterable[str], most: int, *, required: Sequence[str] = ()
) -> list[int]:
    """The newest `most` rows of the place that contain any of the words, and any of `required` if given.

    Every word must occur in the index. Deleted rows may be included.
    """
    return _newest(db, place, _expression(place, words, required), most)


def newest(db: Transaction, place: IndexScope, most: int) -> list[int]:
    """The newest `most` rows of a place that has marks, including deleted ones."""
    return _newest(db, place, f"place : ({' AND '.join(place.marks)})", most)


def _newest(db: Transaction, place: IndexScope, expression: str, most: int) -> list[int]:
    condition, params = "", []
    if place.condition is not None:
        condition = f" AND EXISTS (SELECT 1 FROM {_TABLES[place.index]} AND {place.condition.sql})"
        params = [*place.condition.params]
    query = f"SELECT rowid FROM {place.index} WHERE {place.index} MATCH ?{condition} ORDER BY rowid DESC LIMIT ?"
    return [pk for (pk,) in db.execute(query, (expression, *params, most))]


def lengths(db: Transaction, index: Index, pks: Collection[int]) -> dict[int, int]:
    """Row → its number of words."""
    query = f"SELECT id, sz FROM {index}_docsize WHERE id IN (SELECT value FROM json_each(?))"
    return {pk: sum(_numbers(sizes)) for pk, sizes in db.execute(query, (_json(pks),))}


def totals(db: Transaction, index: Index) -> tuple[int, int]:
    """The number of rows in an index, and their total number of words."""
    # FTS5 stores its totals in this row: the number of rows, then the number of words per column. `fts5vocab`
    # would read the whole index: 328 ms instead of 4 µs for 200,000 rows of twenty words, and
    # 805 ms for the length of one row.
    row = db.execute(f"SELECT block FROM {index}_data WHERE id = 1").fetchone()
    rows, *columns = [*_numbers(row[0])] if row and row[0] else [0]
    return rows, sum(columns)


def held(db: Transaction, index: Index) -> int:
    """The number of words in the entries of an index: more than in `totals` if it has entries without a row.

    Reads the whole index. Raises sqlite3.DatabaseError if it is damaged.
    """
    (query_only,) = db.execute("PRAGMA query_only").fetchone()
    db.execute("PRAGMA query_only=OFF")  # which would forbid even a temporary table
    try:
        db.execute(f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.held_{index} USING fts5vocab (main, {index}, row)")
    finally:
        db.execute(f"PRAGMA query_only={query_only}")
    (count,) = db.execute(f"SELECT coalesce(sum(cnt), 0) FROM temp.held_{index}").fetchone()
    return int(count)


def _expression(place: IndexScope, words: Iterable[str], required: Sequence[str] = ()) -> str:
    parts = [f"place : ({' AND '.join(place.marks)})"] if place.marks else []
    parts += [f"text : ({_any_of(some)})" for some in (words, required) if some]
    return " AND ".join(parts)


def _any_of(words: Iterable[str]) -> str:
    """An FTS5 expression that matches any of the words, each quoted."""
    return " OR ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    phrase, is_prefix = index_phrase(word)
    return '"' + phrase.replace('"', '""').replace("\x00", " ") + ('" *' if is_prefix else '"')


def _numbers(block: bytes) -> Iterable[int]:
    """Decode SQLite varints: seven bits per byte, the high bit set if more follow."""
    value = 0
    for byte in block:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            yield value
            value = 0


def _json(numbers: Collection[int]) -> str:
    return orjson.dumps([*numbers]).decode()
