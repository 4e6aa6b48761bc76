"""Maintain and query the full-text indexes of messages and conclusions.

A row of an index has the marks of where its text belongs, its words as a `tsvector`, and their number. The words are
split here, as SQLite's tokenizer splits them, so that both engines find the same; the server stems them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import orjson

from omoide.core.index_text import index_phrase, index_text
from omoide.storage.base import Transaction
from omoide.storage.filters import SqlClause
from omoide.storage.postgresql.dialect import array

Index = Literal["message_words", "conclusion_words"]
MESSAGES: Index = "message_words"
CONCLUSIONS: Index = "conclusion_words"
INDEXES = (MESSAGES, CONCLUSIONS)
TABLES: Mapping[Index, str] = {MESSAGES: "messages", CONCLUSIONS: "conclusions"}

ENTRIES: Mapping[Index, str] = {
    MESSAGES: """SELECT t.pk, ARRAY['w' || t.workspace, 's' || t.session, 'p' || t.peer],
        CASE WHEN p.kind = 'deleted' THEN substr(p.id, length(p.uid) + 2) ELSE p.id END || ': ' || t.content
        FROM messages t JOIN peers p ON p.pk = t.peer""",
    CONCLUSIONS: """SELECT t.pk, ARRAY['w' || t.workspace, 'r' || t.observer, 'd' || t.observed], t.content
        FROM conclusions t""",
}
"""Index → SQL that selects its entries (row, marks, text). The id of a deleted peer begins with more characters: see
`peer_deletion`."""

_ROWS: Mapping[Index, str] = {
    MESSAGES: "messages m WHERE m.pk = message_words.pk",
    CONCLUSIONS: "conclusions c WHERE c.pk = conclusion_words.pk",
}

SAMPLED = 1_000
"""Newest rows whose mean length stands for all of them."""

LONGEST_WORD = 500
"""Characters of a word that count: a lexeme has at most 2,046 bytes."""

_word = re.compile("(?:[^\\W_]|[\U000f0000-\U000ffffd])+")


@dataclass(frozen=True, slots=True)
class IndexScope:
    """Where to search for words: in one of the indexes, in all rows or only in those that have all the marks."""

    index: Index
    marks: tuple[str, ...] = ()
    condition: SqlClause | None = None
    """Restricts the rows further, where the newest are not enough: a condition on a row `c` (a conclusion) or `m`."""


def of_messages(
    workspace: int, session: int | None, peer: int | None, condition: SqlClause | None = None
) -> IndexScope:
    """The messages of a workspace, or only those of one of its sessions, or of one of its peers."""
    narrow = tuple(f"{letter}{pk}" for letter, pk in (("s", session), ("p", peer)) if pk is not None)
    return IndexScope(MESSAGES, narrow or (f"w{workspace}",), condition)


def of_conclusions(workspace: int, pair: tuple[int, int] | None, condition: SqlClause | None = None) -> IndexScope:
    """The conclusions of a workspace, or only those of a pair of observer and observed."""
    marks = (f"w{workspace}",) if pair is None else (f"r{pair[0]}", f"d{pair[1]}")
    return IndexScope(CONCLUSIONS, marks, condition)


def split(text: str) -> list[str]:
    """The words of a text as they are indexed, before they are stemmed."""
    return _words(index_text(text))


def _words(indexed: str) -> list[str]:
    folded = indexed.lower()
    if not folded.isascii():
        folded = unicodedata.normalize("NFD", folded)
        folded = unicodedata.normalize("NFC", re.sub("[\u0300-\u036f]", "", folded))
    return [word[:LONGEST_WORD] for word in _word.findall(folded)]


def add_messages(db: Transaction, session: int, first: int, last: int, *, characters: int = 0) -> None:
    """Index the session's messages from the position `first` to `last`."""
    _add(db, MESSAGES, "WHERE t.session = ? AND t.seq BETWEEN ? AND ?", (session, first, last))


def add_some_messages(db: Transaction, pks: Sequence[int]) -> None:
    """Index these messages, which must not be in the index."""
    add_entries(db, MESSAGES, pks)


def add_entries(db: Transaction, index: Index, pks: Sequence[int]) -> None:
    """Index these rows, which must not be in the index."""
    _add(db, index, "WHERE t.pk = ANY(CAST(? AS bigint[]))", (array(pks),))


def add_conclusion(db: Transaction, pk: int) -> None:
    _add(db, CONCLUSIONS, "WHERE t.pk = ?", (pk,))


def add_conclusions(db: Transaction, after: int) -> None:
    """Index all conclusions after the row `after` that are not indexed yet."""
    missing = "WHERE t.pk > ? AND NOT EXISTS (SELECT 1 FROM conclusion_words i WHERE i.pk = t.pk)"
    _add(db, CONCLUSIONS, missing, (after,))


def add_all(db: Transaction) -> None:
    """Index all rows. The indexes must be empty."""
    for index in INDEXES:
        _add(db, index, "", ())


def _add(db: Transaction, index: Index, condition: str, params: Sequence[object]) -> None:
    found = db.execute(f"{ENTRIES[index]} {condition}", params).fetchall()
    entries = [(pk, marks, words, len(words)) for pk, marks, text in found for words in [split(text)]]
    db.executemany(
        f"""INSERT INTO {index} (pk, marks, words, length)
            VALUES (?, CAST(? AS text[]), omoide_words(CAST(? AS text[])), ?)""",
        entries,
    )


def remove_messages(db: Transaction, pks: Sequence[int]) -> None:
    """Remove messages from the index."""
    remove_entries(db, MESSAGES, pks)


def remove_conclusions(db: Transaction, pks: Sequence[int]) -> None:
    """Remove conclusions from the index."""
    remove_entries(db, CONCLUSIONS, pks)


def remove_entries(db: Transaction, index: Index, pks: Sequence[int]) -> None:
    """Remove the entries of these rows, of which some may have none."""
    db.execute(f"DELETE FROM {index} WHERE pk = ANY(CAST(? AS bigint[]))", (array(pks),))


def rewrite(db: Transaction, index: Index, *, is_first: bool) -> bool:
    """The server does this itself (VACUUM): there is never more to do."""
    return False


def occurs(db: Transaction, index: Index, word: str) -> bool:
    """Whether any row contains the word. False if there is no token in it."""
    return bool(holding(db, IndexScope(index), [word], 1))


def is_converted(db: Transaction, index: Index) -> bool:
    """Whether all entries have their current form."""
    return True


def shares(db: Transaction, index: Index, words: Iterable[str], most: int) -> dict[str, float]:
    """The estimated share of rows that contain each word, from the newest `most`: between 0 and 1, exclusive.

    Words that do not occur are left out.
    """
    (last,) = db.execute(f"SELECT coalesce(max(pk), 0) FROM {index}").fetchone()
    (rows,) = db.execute(f"SELECT count(*) FROM {index} WHERE pk > ?", (last - most,)).fetchone()
    query = f"SELECT count(*) FROM {index} WHERE words @@ omoide_query(CAST(? AS jsonb)) AND pk > ?"
    found = {}
    for word in words:
        if not (expression := _any_of([word])):
            continue
        (held,) = db.execute(query, (expression, last - most)).fetchone()
        if held or occurs(db, index, word):
            found[word] = (held + 0.5) / (rows + 1)
    return found


def holding(
    db: Transaction, place: IndexScope, words: Iterable[str], most: int, *, required: Sequence[str] = ()
) -> list[int]:
    """The newest `most` rows of the place that contain any of the words, and any of `required` if given.

    Deleted rows may be included.
    """
    conditions: list[str] = []
    params: list[object] = []
    for some in (words, required):
        if some and not (expression := _any_of(some)):
            return []
        if some:
            conditions.append("words @@ omoide_query(CAST(? AS jsonb))")
            params.append(expression)
    return _newest(db, place, conditions, params, most)


def newest(db: Transaction, place: IndexScope, most: int) -> list[int]:
    """The newest `most` rows of a place that has marks, including deleted ones."""
    return _newest(db, place, [], [], most)


def _newest(db: Transaction, place: IndexScope, conditions: list[str], params: list[object], most: int) -> list[int]:
    if place.marks:
        conditions = ["marks @> CAST(? AS text[])", *conditions]
        params = [array(place.marks), *params]
    if place.condition is not None:
        conditions.append(f"EXISTS (SELECT 1 FROM {_ROWS[place.index]} AND {place.condition.sql})")
        params = [*params, *place.condition.params]
    query = f"SELECT pk FROM {place.index} WHERE {' AND '.join(conditions)} ORDER BY pk DESC LIMIT ?"
    return [pk for (pk,) in db.execute(query, (*params, most))]


def lengths(db: Transaction, index: Index, pks: Collection[int]) -> dict[int, int]:
    """Row → its number of words."""
    query = f"SELECT pk, length FROM {index} WHERE pk = ANY(CAST(? AS bigint[]))"
    return dict(db.execute(query, (array(pks),)).fetchall())


def totals(db: Transaction, index: Index) -> tuple[int, int]:
    """The estimated number of rows in an index, and their total number of words."""
    estimate = "SELECT CAST(reltuples AS bigint) FROM pg_class WHERE oid = CAST(? AS regclass)"
    (rows,) = db.execute(estimate, (index,)).fetchone()
    newest = f"SELECT length FROM {index} ORDER BY pk DESC LIMIT {SAMPLED}"
    count, words = db.execute(f"SELECT count(*), coalesce(sum(length), 0) FROM ({newest}) newest").fetchone()
    rows = max(int(rows), int(count))
    return rows, int(words * rows / count) if count else 0


def _any_of(words: Iterable[str]) -> str | None:
    """The argument of `omoide_query` for any of the words, each a phrase; None if there is no token in them."""
    phrases = [phrase for word in words if (phrase := _phrase(word))[0]]
    return orjson.dumps(phrases).decode() if phrases else None


def _phrase(word: str) -> tuple[list[str], bool]:
    """The words of a phrase, and whether the last one is a prefix."""
    phrase, is_prefix = index_phrase(word)
    return _words(phrase), is_prefix
