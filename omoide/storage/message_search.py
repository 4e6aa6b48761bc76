"""Queries for message search: find matching messages within its resolved restrictions.

`omoide.search` ranks the results; `fulltext` queries the full-text index.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from omoide.core.index_text import is_unspaced, literal_text
from omoide.core.records import Message
from omoide.storage import messages
from omoide.storage.base import Transaction
from omoide.storage.dialect import (
    CASELESS_LIKE,
    ORDERED_JOIN,
    array,
    array_of_rows,
    count_or_zero,
    holds_literally,
    in_array,
    unnest,
    unnest_rows,
    use_index,
)
from omoide.storage.engine import fulltext
from omoide.storage.message_scope import MessageScope
from omoide.storage.messages import Stretch

# Sources of a search. The order of their joins is fixed: from the given numbers to their rows.
_ALL = "messages m"
_LISTED = unnest("bigint", "wanted")
# The index by age would be scanned to its end for a session without recent messages.
_OF_SESSIONS = f"{_LISTED} {ORDERED_JOIN} messages m {use_index('messages_seq')} ON m.session = wanted.value"
_GIVEN = f"{_LISTED} {ORDERED_JOIN} messages m ON m.pk = wanted.value"
_OF_IDS = f"{unnest('text', 'wanted')} {ORDERED_JOIN} messages m ON m.id = wanted.value"
_IN_STRETCHES = f"""{unnest_rows("wanted", "session", "first", "last")} {ORDERED_JOIN} messages m
    ON m.session = wanted.session AND m.seq BETWEEN wanted.first AND wanted.last"""
_AROUND_GIVEN = f"""{_LISTED} {ORDERED_JOIN} messages h ON h.pk = wanted.value
    {ORDERED_JOIN} messages m ON m.session = h.session AND m.seq BETWEEN h.seq - 1 AND h.seq + 1"""


LIKE_CHARACTERS = 10_000
"""SQLite accepts patterns of 50,000 bytes (SQLITE_MAX_LIKE_PATTERN_LENGTH); escaping may double the length."""

QUESTION_MARKS = frozenset("?\uff1f\u061f\u055e\u037e")

SAMPLE = 64
SCATTER = 2_654_435_761
"""A prime (Knuth's multiplicative hashing), so that the sample does not follow periodic patterns."""


def share(db: Transaction, within: MessageScope) -> float:
    """The estimated share (0 to 1) of all messages that the workspace, session and peer select, from a sample."""
    (last,) = db.execute("SELECT max(pk) FROM messages").fetchone()
    if last is None:
        return 0.0
    given = (("workspace", within.workspace), ("session", within.session), ("peer", within.peer))
    restrictions = {column: value for column, value in given if value is not None}
    selected = " AND ".join(f"m.{column} = ?" for column in restrictions)
    query = f"SELECT avg(CASE WHEN {selected} THEN 1.0 ELSE 0.0 END) FROM {_GIVEN}"
    some = array({number * SCATTER % last + 1 for number in range(SAMPLE)})
    return float(db.execute(query, (*restrictions.values(), some)).fetchone()[0] or 0.0)


FEW = 3_000
"""Up to this many messages of a peer are all read, instead of searching for them among the newest of all."""

READ = 20_000
"""Messages scanned for a text that the full-text index cannot find, at about 2 µs each."""


def newest(
    db: Transaction, within: MessageScope, limit: int, *, oldest_first: bool = False, past: str | None = None
) -> list[int]:
    """The newest messages, or the oldest ones, by the time they were said, then by arrival.

    `past` is the id of a message: only those that follow it in this order.
    """
    sql, params = _out_of_all(db, within)
    if within.peer is not None and within.session is None:
        few = fulltext.newest(db, _place(within), FEW + 1)
        if len(few) <= FEW:
            sql, params = within.out_of(_GIVEN, [array(few)])
    order = "ASC" if oldest_first else "DESC"
    if past is not None:
        sql = f"""{sql} AND (m.created_at, m.pk) {">" if oldest_first else "<"}
            (SELECT p.created_at, p.pk FROM messages p WHERE p.id = ?)"""
        params = [*params, past]
    query = f"SELECT m.pk {sql} ORDER BY m.created_at {order}, m.pk {order} LIMIT ?"
    return [row[0] for row in db.execute(query, (*params, limit))]


def literal(db: Transaction, within: MessageScope, text: str, limit: int, *, words_first: bool = False) -> list[int]:
    """The messages that contain the literal text (see `literal_text`), newest first.

    Whole words, and any text of scripts without blanks, are found in any message. A text that begins or ends within a
    word, or has no words, is found only in the newest `READ` messages of the workspace, the session, the peer or the
    sessions; with `words_first`, only if there is none with whole words.
    """
    if words_first and fulltext.occurs(db, fulltext.MESSAGES, text):
        whole = fulltext.holding(db, _place(within), [text], READ)
        if found := _containing(db, within, whole, text, limit):
            return found
    return _containing(db, within, _candidates(db, within, text), text, limit)


def _containing(db: Transaction, within: MessageScope, pks: Sequence[int], text: str, limit: int) -> list[int]:
    sql, params = within.out_of(_GIVEN, [array(pks)])
    # LIKE is several times faster than our function, but is case-insensitive for ASCII only and limits the pattern.
    by_like = text.isascii() and len(text) <= LIKE_CHARACTERS
    holds = f"m.content {CASELESS_LIKE} ? ESCAPE '\\'" if by_like else holds_literally("m.content")
    sought = f"%{_like_escaped(text)}%" if by_like else literal_text(text)
    query = f"SELECT m.pk {sql} AND {holds} ORDER BY m.created_at DESC, m.pk DESC LIMIT ?"
    return [row[0] for row in db.execute(query, (*params, sought, limit))]


def _candidates(db: Transaction, within: MessageScope, text: str) -> list[int]:
    """The messages that are searched for a literal text."""
    if is_unspaced(text) and fulltext.is_converted(db, fulltext.MESSAGES):
        return fulltext.holding(db, _place(within), [text], READ)
    latest = _latest(db, within)
    if len(latest) == READ and fulltext.occurs(db, fulltext.MESSAGES, text):
        # Limited for whole words as well, so that a text of common words is not slower.
        latest = [*{*latest, *fulltext.holding(db, _place(within), [text], READ)}]
    return latest


def _place(within: MessageScope) -> fulltext.IndexScope:
    return fulltext.of_messages(within.workspace, within.session, within.peer, within.then)


def _out_of_all(db: Transaction, within: MessageScope) -> tuple[str, list[Any]]:
    """As `MessageScope.out_of`, from all messages, or from those of the sessions if there are few."""
    sessions = within.sessions
    if sessions is not None and len(sessions) <= READ and _count(db, sessions) <= READ:
        return within.out_of(_OF_SESSIONS, [array(sessions)])
    return within.out_of(_ALL)


def _latest(db: Transaction, within: MessageScope) -> list[int]:
    """The newest `READ` messages within reach, regardless of its clause but for the time."""
    if within.then is not None:
        sql, params = _out_of_all(db, replace(within, clause=within.then))
        query = f"SELECT m.pk {sql} ORDER BY m.created_at DESC, m.pk DESC LIMIT ?"
        params = [*params, READ]
    elif within.session is not None:
        query = "SELECT pk FROM messages WHERE session = ? ORDER BY seq DESC LIMIT ?"
        params = [within.session, READ]
    elif within.peer is not None:
        return fulltext.newest(db, _place(within), READ)
    elif within.allowed is not None and _count(db, within.allowed) <= 2 * READ:
        query = f"SELECT m.pk FROM {_OF_SESSIONS} ORDER BY m.pk DESC LIMIT ?"
        params = [array(within.allowed), READ]
    else:
        query = "SELECT pk FROM messages WHERE workspace = ? ORDER BY created_at DESC, pk DESC LIMIT ?"
        params = [within.workspace, READ]
    return [pk for (pk,) in db.execute(query, params)]


def _count(db: Transaction, sessions: Collection[int]) -> int:
    """The number of messages in the sessions."""
    count = count_or_zero("message_count")
    query = f"SELECT coalesce(sum({count}), 0) FROM sessions WHERE pk {in_array('bigint')}"
    return int(db.execute(query, (array(sessions),)).fetchone()[0])


def _like_escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def passing(db: Transaction, within: MessageScope, pks: Sequence[int]) -> list[int]:
    """Those of the messages that are within reach, in the order given."""
    sql, params = within.out_of(_GIVEN, [array(pks)])
    there = {row[0] for row in db.execute(f"SELECT m.pk {sql}", params)}
    return [pk for pk in pks if pk in there]


def all_within(db: Transaction, within: MessageScope) -> list[int]:
    """Every message within reach, in any order."""
    sql, params = _out_of_all(db, within)
    return [row[0] for row in db.execute(f"SELECT m.pk {sql}", params)]


def around(db: Transaction, within: MessageScope, pks: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Message → session and position, for these messages and their neighbours that are within reach."""
    sql, params = within.out_of(_AROUND_GIVEN, [array(pks)])
    return {pk: (session, seq) for pk, session, seq in db.execute(f"SELECT m.pk, m.session, m.seq {sql}", params)}


def speakers(db: Transaction, pks: Sequence[int]) -> dict[int, str]:
    """Message → id of the peer that said it."""
    query = f"SELECT m.pk, p.id FROM {_GIVEN} {ORDERED_JOIN} peers p ON p.pk = m.peer"
    return dict(db.execute(query, (array(pks),)).fetchall())


def holding(db: Transaction, pks: Sequence[int], needle: str) -> set[int]:
    """Those of the messages that contain the text, which is a `literal_text`."""
    query = f"SELECT m.pk FROM {_GIVEN} WHERE {holds_literally('m.content')}"
    return {row[0] for row in db.execute(query, (array(pks), needle))}


def fetch(db: Transaction, pks: Sequence[int]) -> list[Message]:
    """The messages in the order given."""
    found = messages.by_pks(db, pks)
    return [found[pk] for pk in pks if pk in found]


def positions(db: Transaction, within: MessageScope, ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Message → session (its row) and position, for those of the messages that are within reach."""
    sql, params = within.out_of(_OF_IDS, [array(ids)])
    return {id: (session, seq) for id, session, seq in db.execute(f"SELECT m.id, m.session, m.seq {sql}", params)}


def pks_of(db: Transaction, within: MessageScope, ids: Sequence[str]) -> dict[int, str]:
    """Row → message, for those of the messages that are within reach."""
    sql, params = within.out_of(_OF_IDS, [array(ids)])
    return dict(db.execute(f"SELECT m.pk, m.id {sql}", params).fetchall())


def stretches(db: Transaction, within: MessageScope, wanted: Sequence[Stretch]) -> Mapping[Stretch, list[Message]]:
    """Stretch → its messages that are within reach, oldest first."""
    found: dict[Stretch, list[Message]] = {each: [] for each in wanted}
    sql, params = within.out_of(_IN_STRETCHES, [array_of_rows(wanted)])
    pks = db.execute(f"SELECT wanted.key, m.pk {sql} ORDER BY wanted.key, m.seq", params).fetchall()
    there = messages.by_pks(db, [pk for _, pk in pks])
    for number, pk in pks:
        if pk in there:
            found[wanted[number]].append(there[pk])
    return found


def replied_to(db: Transaction, within: MessageScope, replies: Sequence[Message]) -> dict[str, str]:
    """Message id → the text of the message before it, where that is a question of another peer within reach."""
    at = positions(db, within, [each.id for each in replies])
    before = {id: Stretch(session, seq - 1, seq - 1) for id, (session, seq) in at.items()}
    # Any peer may have asked, also in a search for the messages of one.
    found = stretches(db, replace(within, peer=None), [*before.values()])
    asked = {each.id: found[before[each.id]] for each in replies if each.id in before}
    questions = {reply.id: question_to(reply, asked[reply.id][-1]) for reply in replies if asked.get(reply.id)}
    return {id: question for id, question in questions.items() if question}


def question_to(reply: Message, before: Message | None) -> str:
    """The text of the message before a reply if another peer asked something in it, else an empty one."""
    if before is None or before.peer_id == reply.peer_id or QUESTION_MARKS.isdisjoint(before.content):
        return ""
    return " ".join(before.content.split())
