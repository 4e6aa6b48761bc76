"""The full-text index of messages: what is in it, and which rows hold which words.

The index keeps no text of its own, so a row can only be taken out by saying once more what was put in: while the
message is still there. FTS5 expressions are built here from words, each quoted, so that no text of a caller is ever
read as syntax. Which words of a query count is decided in `omoide.search`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Protocol

import orjson

from omoide.store.database import Connection, before_commit, do_owed

_INDEXED = """m.pk, 'w' || m.workspace || ' s' || m.session || ' p' || m.peer, p.id || ': ' || m.content
    FROM messages m JOIN peers p ON p.pk = m.peer"""


class Place(Protocol):
    """Where words are looked for: in a workspace, or only in one of its sessions, or with one of its peers.

    To look there costs a step for every message in the place. Where most messages are in it, it is quicker to look
    everywhere (None) and to leave out what does not belong.
    """

    @property
    def workspace(self) -> int: ...
    @property
    def session(self) -> int | None: ...
    @property
    def peer(self) -> int | None: ...


def add_messages(db: Connection, session: int, first: int, last: int) -> None:
    """Index the session's messages from the position `first` to `last`, before they are committed.

    Not at once: at the end of a savepoint FTS5 writes what it has gathered, and many small writes cost it more.
    """
    before_commit(db, partial(_add_messages, session=session, first=first, last=last))


def _add_messages(db: Connection, *, session: int, first: int, last: int) -> None:
    db.execute(
        f"""INSERT INTO message_words (rowid, place, text) SELECT {_INDEXED}
            WHERE m.session = ? AND m.seq BETWEEN ? AND ?""",
        (session, first, last),
    )


def remove_messages(db: Connection, pks: Sequence[int]) -> None:
    """Take messages out of the index. They and their peers must still be there."""
    do_owed(db)
    db.execute(
        f"""INSERT INTO message_words (message_words, rowid, place, text) SELECT 'delete', {_INDEXED}
            WHERE m.pk IN (SELECT value FROM json_each(?))""",
        (orjson.dumps([*pks]).decode(),),
    )


def count(db: Connection, place: Place | None, word: str, most: int) -> int:
    """How many messages in the place hold the word, counted no further than `most`."""
    query = "SELECT count(*) FROM (SELECT 1 FROM message_words WHERE message_words MATCH ? LIMIT ?)"
    (found,) = db.execute(query, (_expression(place, [word]), most)).fetchone()
    return int(found)


def ranked(db: Connection, place: Place | None, words: Iterable[str], most: int) -> list[int]:
    """The messages in the place that hold any of the words, best BM25 first, then newest.

    Of more than `most` such messages the newest are ranked. Messages that were deleted may be among them.
    """
    # A word that the tokenizer knows nothing of leaves the place alone in the expression, which scores 0.
    query = """SELECT rowid FROM
        (SELECT rowid, bm25(message_words, 0.0, 1.0) AS score FROM message_words WHERE message_words MATCH ?
         ORDER BY rowid DESC LIMIT ?)
        WHERE score < 0 ORDER BY score, rowid DESC"""
    return [row[0] for row in db.execute(query, (_expression(place, words), most))]


def any_of(words: Iterable[str]) -> str:
    """An FTS5 expression that any of the words satisfies, each quoted."""
    return " OR ".join('"' + word.replace('"', '""') + '"' for word in words)


def _expression(place: Place | None, words: Iterable[str]) -> str:
    text = f"text : ({any_of(words)})"
    if place is None:
        return text
    # Sessions and peers are of one workspace, which need not be said.
    narrow = [f"{letter}{pk}" for letter, pk in (("s", place.session), ("p", place.peer)) if pk is not None]
    return f"place : ({' AND '.join(narrow or [f'w{place.workspace}'])}) AND {text}"
