"""The full-text indexes of messages and conclusions: what is in them, and which rows hold which words.

They keep no text of their own, so a row can only be taken out by saying once more what was put in: while the row is
still there. FTS5 expressions are built here from words, each quoted, so that no text of a caller is ever read as
syntax. Which words of a query count, and how much, is decided in `omoide.search`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import orjson
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.store.connection import Connection
from omoide.store.doclist_indexes import drop_stale
from omoide.store.group_commit import before_commit, do_owed
from omoide.store.sqlite_faults import damage_of, kind_of

Index = Literal["message_words", "conclusion_words"]
MESSAGES: Index = "message_words"
CONCLUSIONS: Index = "conclusion_words"
INDEXES = (MESSAGES, CONCLUSIONS)

REWRITTEN_PAGES = 200
"""Pages of about 4 KB that one call of `rewrite` writes."""

CHARACTERS_AT_ONCE = 100_000
"""Indexing so many takes several milliseconds, which no other write should be charged with."""

ENTRIES: Mapping[Index, str] = {
    MESSAGES: """t.pk, 'w' || t.workspace || ' s' || t.session || ' p' || t.peer, p.id || ': ' || t.content
        FROM messages t JOIN peers p ON p.pk = t.peer""",
    CONCLUSIONS: "t.pk, 'w' || t.workspace || ' r' || t.observer || ' d' || t.observed, t.content FROM conclusions t",
}
"""Index → SQL for its entries (row, marks, text) of the rows `t` of its table."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where words are looked for: in one of the indexes, in all of it or only where all the marks stand.

    To look at marks costs a step for every row that has them. Where most rows have them, it is quicker to look
    everywhere and to leave out what does not belong.
    """

    index: Index
    marks: tuple[str, ...] = ()


def of_messages(workspace: int, session: int | None, peer: int | None) -> Place:
    """The messages of a workspace, or only those of one of its sessions, or of one of its peers."""
    # Sessions and peers are of one workspace, which need not be said.
    narrow = tuple(f"{letter}{pk}" for letter, pk in (("s", session), ("p", peer)) if pk is not None)
    return Place(MESSAGES, narrow or (f"w{workspace}",))


def of_conclusions(workspace: int, pair: tuple[int, int] | None) -> Place:
    """The conclusions of a workspace, or only those of a pair of observer and observed."""
    return Place(CONCLUSIONS, (f"w{workspace}",) if pair is None else (f"r{pair[0]}", f"d{pair[1]}"))


def add_messages(db: Connection, session: int, first: int, last: int, *, characters: int = 0) -> None:
    """Index the session's messages from the position `first` to `last`, before they are committed.

    Not at once: at the end of a savepoint FTS5 writes what it has gathered, and many small writes cost it more. Where
    they have many `characters` together it is done at once, so that its time counts for their write.
    """
    if characters > CHARACTERS_AT_ONCE:
        _add_messages(db, session=session, first=first, last=last)
    else:
        before_commit(db, partial(_add_messages, session=session, first=first, last=last))


def _add_messages(db: Connection, *, session: int, first: int, last: int) -> None:
    db.execute(
        f"""INSERT INTO message_words (rowid, place, text) SELECT {ENTRIES[MESSAGES]}
            WHERE t.session = ? AND t.seq BETWEEN ? AND ?""",
        (session, first, last),
    )


def add_conclusion(db: Connection, pk: int) -> None:
    db.execute(f"INSERT INTO conclusion_words (rowid, place, text) SELECT {ENTRIES[CONCLUSIONS]} WHERE t.pk = ?", (pk,))


def add_conclusions(db: Connection, after: int) -> None:
    """Index all conclusions behind the row `after`."""
    db.execute(
        f"INSERT INTO conclusion_words (rowid, place, text) SELECT {ENTRIES[CONCLUSIONS]} WHERE t.pk > ?", (after,)
    )


def add_all(db: Connection) -> None:
    """Index everything, where the indexes are empty."""
    for index in INDEXES:
        db.execute(f"INSERT INTO {index} (rowid, place, text) SELECT {ENTRIES[index]}")


def _erase_when_removing(db: Connection, index: Index) -> None:
    """Have FTS5 remove the entries of rows that are taken out, and not only note that these are gone."""
    if not db.execute(f"SELECT 1 FROM {index}_config WHERE k = 'secure-delete' AND v = 1").fetchone():
        db.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('secure-delete', 1)")


def remove_messages(db: Connection, pks: Sequence[int]) -> None:
    """Take messages out of the index. They and their peers must still be there."""
    do_owed(db)
    _remove(db, MESSAGES, pks)


def remove_conclusions(db: Connection, pks: Sequence[int]) -> None:
    """Take conclusions out of the index. They must still be there."""
    _remove(db, CONCLUSIONS, pks)


def _remove(db: Connection, index: Index, pks: Sequence[int]) -> None:
    _erase_when_removing(db, index)
    # What is not in it must not be taken out, or the index is spoilt. In ascending order FTS5 writes once.
    try:
        db.execute(
            f"""INSERT INTO {index} ({index}, rowid, place, text) SELECT 'delete', {ENTRIES[index]}
                WHERE t.pk IN (SELECT value FROM json_each(?)) AND EXISTS (SELECT 1 FROM {index} WHERE rowid = t.pk)
                ORDER BY t.pk""",
            (_json(pks),),
        )
        _write_gathered(db)
    except sqlite3.DatabaseError as error:  # from a savepoint without the name of the index
        raise (damage_of(index, error) if kind_of(error) == sqlite3.SQLITE_CORRUPT else error) from error
    drop_stale(db, index)


def _write_gathered(db: Connection) -> None:
    """Have FTS5 write the changes that it gathers in memory, which it does at a savepoint."""
    db.execute("SAVEPOINT words")
    db.execute("RELEASE words")


def rewrite(db: Connection, index: Index, *, is_first: bool) -> bool:
    """Write the next part of the whole index again, without what was taken out of it; whether more is left to do."""
    before = db.total_changes
    pages = -REWRITTEN_PAGES if is_first else REWRITTEN_PAGES  # SQLite takes the minus sign for "everything"
    db.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('merge', ?)", (pages,))
    return db.total_changes - before >= 2  # https://www.sqlite.org/fts5.html#the_merge_command


def occurs(db: Connection, index: Index, word: str) -> bool:
    """Whether any row holds the word. One that the tokenizer knows nothing of is in none."""
    query = f"SELECT 1 FROM {index} WHERE {index} MATCH ? LIMIT 1"
    return db.execute(query, (_expression(Place(index), [word]),)).fetchone() is not None


def shares(db: Connection, index: Index, words: Iterable[str], most: int) -> dict[str, float]:
    """About which part of the rows holds each word, from the newest `most`: more than 0 and less than 1.

    Words that are nowhere are left out.
    """
    (last,) = db.execute(f"SELECT max(id) FROM {index}_docsize").fetchone()
    (rows,) = db.execute(f"SELECT count(*) FROM {index}_docsize WHERE id > ?", ((last or 0) - most,)).fetchone()
    query = f"SELECT count(*) FROM {index} WHERE {index} MATCH ? AND rowid > ?"
    found = {}
    for word in words:
        (held,) = db.execute(query, (_expression(Place(index), [word]), (last or 0) - most)).fetchone()
        if held or occurs(db, index, word):
            found[word] = (held + 0.5) / (rows + 1)
    return found


def holding(db: Connection, place: Place, words: Iterable[str], most: int, *, beside: Sequence[str] = ()) -> list[int]:
    """The newest `most` rows of the place that hold any of the words, and any of `beside` where that is given.

    Each of them must occur: any other is left out of the expression. Rows that were deleted may be among them.
    """
    query = f"SELECT rowid FROM {place.index} WHERE {place.index} MATCH ? ORDER BY rowid DESC LIMIT ?"
    return [pk for (pk,) in db.execute(query, (_expression(place, words, beside), most))]


def newest(db: Connection, place: Place, most: int) -> list[int]:
    """The newest `most` rows of a place that has marks, those that were deleted among them."""
    query = f"SELECT rowid FROM {place.index} WHERE {place.index} MATCH ? ORDER BY rowid DESC LIMIT ?"
    return [pk for (pk,) in db.execute(query, (f"place : ({' AND '.join(place.marks)})", most))]


def lengths(db: Connection, index: Index, pks: Collection[int]) -> dict[int, int]:
    """How many words each of the rows has."""
    query = f"SELECT id, sz FROM {index}_docsize WHERE id IN (SELECT value FROM json_each(?))"
    return {pk: sum(_numbers(sizes)) for pk, sizes in db.execute(query, (_json(pks),))}


def totals(db: Connection, index: Index) -> tuple[int, int]:
    """How many rows are in an index, and how many words these have together."""
    # The row that FTS5 keeps its averages in: the number of rows, then the words of each column.
    row = db.execute(f"SELECT block FROM {index}_data WHERE id = 1").fetchone()
    rows, *columns = [*_numbers(row[0])] if row and row[0] else [0]
    return rows, sum(columns)


def held(db: Connection, index: Index) -> int:
    """How many words the entries of an index have together: more than `totals` says if any were left behind.

    Reads all of the index. Raises sqlite3.DatabaseError if it is damaged.
    """
    (keeps_out,) = db.execute("PRAGMA query_only").fetchone()
    db.execute("PRAGMA query_only=OFF")  # which forbids even a table of the connection's own
    try:
        db.execute(f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.held_{index} USING fts5vocab (main, {index}, row)")
    finally:
        db.execute(f"PRAGMA query_only={keeps_out}")
    (count,) = db.execute(f"SELECT coalesce(sum(cnt), 0) FROM temp.held_{index}").fetchone()
    return int(count)


def _expression(place: Place, words: Iterable[str], beside: Sequence[str] = ()) -> str:
    parts = [f"place : ({' AND '.join(place.marks)})"] if place.marks else []
    parts += [f"text : ({_any_of(some)})" for some in (words, beside) if some]
    return " AND ".join(parts)


def _any_of(words: Iterable[str]) -> str:
    """An FTS5 expression that any of the words satisfies, each quoted."""
    return " OR ".join('"' + word.replace('"', '""').replace("\x00", " ") + '"' for word in words)


def _numbers(block: bytes) -> Iterable[int]:
    """The numbers in a blob of SQLite's: seven bits to a byte, the high bit says that more follow."""
    value = 0
    for byte in block:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            yield value
            value = 0


def _json(numbers: Collection[int]) -> str:
    return orjson.dumps([*numbers]).decode()
