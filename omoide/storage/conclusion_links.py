"""What conclusions are connected with: the messages behind them, and the topics that they are about.

A topic is a key given by the reasoner ("home", "favourite colour"), stored as a hash. Only conclusions of one pair that
share a topic can supersede each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from omoide.storage import rows
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.content_hash import content_hash
from omoide.storage.dialect import ORDERED_JOIN, array, in_array, unnest

Pair = tuple[int, int]

IS_CURRENT = """(c.deleted_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.pk = c.session AND s.deleted_at IS NOT NULL))"""
"""Whether the conclusion `c` is current. Rows of a deleted session are not hidden themselves, but will be removed."""

MOST_RIVALS = 200
"""Maximum number of conclusions per pair that are compared with new ones, the newest."""


class Rival(NamedTuple):
    """A current conclusion that shares a topic with another. Times in microseconds."""

    pk: int
    id: str
    content: str
    digest: int
    said_at: int
    valid_from: int | None
    topics: frozenset[int]

    @property
    def start(self) -> int:
        """When it began to hold, as far as is known."""
        return self.said_at if self.valid_from is None else self.valid_from


def link(db: Transaction, messages: Iterable[tuple[str, str]]) -> None:
    """Connect messages with conclusions, given as pairs of ids. Messages that no longer exist are skipped."""
    db.executemany(
        """INSERT INTO conclusion_messages (message, conclusion) SELECT m.pk, c.pk FROM messages m, conclusions c
           WHERE m.id = ? AND c.id = ? ON CONFLICT DO NOTHING""",
        messages,
    )


def set_topics(db: Transaction, pair: Pair, topics: Iterable[tuple[str, Collection[str]]]) -> None:
    """Store the topics of conclusions of the pair, given by id."""
    db.executemany(
        """INSERT INTO conclusion_topics (observer, observed, topic, conclusion)
           SELECT ?, ?, ?, pk FROM conclusions WHERE id = ? ON CONFLICT DO NOTHING""",
        [(*pair, content_hash(topic), id) for id, each in topics for topic in sorted(each)],
    )


def rivals(db: Transaction, pair: Pair, topics: Collection[str]) -> list[Rival]:
    """The pair's newest current conclusions on these topics, in order of creation."""
    return rivals_on(db, pair, [*map(content_hash, topics)])


def topics_of(db: Transaction, pks: Sequence[int]) -> list[int]:
    """The topics of these conclusions, as hashes."""
    found = db.execute(
        f"SELECT DISTINCT topic FROM conclusion_topics WHERE conclusion {in_array('bigint')} ORDER BY topic",
        (array(pks),),
    )
    return [topic for (topic,) in found]


def rivals_on(db: Transaction, pair: Pair, topics: Sequence[int]) -> list[Rival]:
    """As `rivals`, of topics given as hashes."""
    found = db.execute(
        f"""SELECT c.pk, c.id, c.content, c.same, c.said_at, c.valid_from, t.topic
           FROM {unnest("bigint", "wanted")} {ORDERED_JOIN} conclusion_topics t
               ON t.observer = ? AND t.observed = ? AND t.topic = wanted.value
           {ORDERED_JOIN} conclusions c ON c.pk = t.conclusion
           WHERE {IS_CURRENT} ORDER BY c.pk DESC LIMIT ?""",
        (array(topics), *pair, MOST_RIVALS),
    ).fetchall()
    shared: dict[int, set[int]] = {}
    for row in found:
        shared.setdefault(row[0], set()).add(row[-1])
    by_pk = {row[0]: row for row in reversed(found)}
    return [_rival(row, frozenset(shared[pk])) for pk, row in by_pk.items()]


def _rival(row: rows.Row, topics: frozenset[int]) -> Rival:
    pk, id, content, digest, said_at, valid_from, _ = row
    (said_at, valid_from) = rows.mended(["conclusions.said_at", "conclusions.valid_from"], (said_at, valid_from))
    return Rival(pk, as_text(id), as_text(content), digest, said_at, valid_from, topics)


class Stored(NamedTuple):
    """A current explicit conclusion. Times in microseconds."""

    pk: int
    id: str
    said_at: int
    valid_from: int | None

    @property
    def start(self) -> int:
        """When it began to hold, as far as is known."""
        return self.said_at if self.valid_from is None else self.valid_from


_STORED = "c.pk, c.id, c.said_at, c.valid_from"


def with_text(db: Transaction, pair: Pair, digests: Sequence[int]) -> list[Stored]:
    """The pair's current explicit conclusions with these content hashes, in order of creation."""
    found = db.execute(
        f"""SELECT {_STORED} FROM {unnest("bigint", "wanted")} {ORDERED_JOIN} conclusions c
               ON c.observer = ? AND c.observed = ? AND c.same = wanted.value
           WHERE {IS_CURRENT} AND c.level = 'explicit' ORDER BY c.pk""",
        (array(digests), *pair),
    )
    return [_stored(row) for row in found]


def in_row(db: Transaction, pk: int) -> Stored | None:
    """The current conclusion in this row, if there is one."""
    row = db.execute(f"SELECT {_STORED} FROM conclusions c WHERE c.pk = ? AND {IS_CURRENT}", (pk,)).fetchone()
    return None if row is None else _stored(row)


def _stored(row: rows.Row) -> Stored:
    pk, id, said_at, valid_from = row
    said_at, valid_from = rows.mended(["conclusions.said_at", "conclusions.valid_from"], (said_at, valid_from))
    return Stored(pk, as_text(id), said_at, valid_from)


def copy_messages(db: Transaction, origin: int, target: int) -> None:
    """Connect a new conclusion with the messages of another."""
    db.execute(
        """INSERT INTO conclusion_messages (message, conclusion)
           SELECT message, ? FROM conclusion_messages WHERE conclusion = ?""",
        (target, origin),
    )


def copy(db: Transaction, origin: int, target: int) -> None:
    """Give a copy of a conclusion the messages and topics of the original."""
    copy_messages(db, origin, target)
    db.execute(
        """INSERT INTO conclusion_topics (observer, observed, topic, conclusion)
           SELECT c.observer, c.observed, t.topic, c.pk
           FROM conclusion_topics t, conclusions c WHERE t.conclusion = ? AND c.pk = ?""",
        (origin, target),
    )


def remove_conclusions(db: Transaction, pks: Sequence[int]) -> None:
    """Remove the links of conclusions whose rows are about to be removed."""
    for table in ("conclusion_messages", "conclusion_topics"):
        db.executemany(f"DELETE FROM {table} WHERE conclusion = ?", [(pk,) for pk in pks])


def remove_messages(db: Transaction, pks: Sequence[int]) -> None:
    """Remove the links of messages whose rows are about to be removed."""
    db.executemany("DELETE FROM conclusion_messages WHERE message = ?", [(pk,) for pk in pks])
