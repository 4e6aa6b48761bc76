"""Find explicit conclusions without topics, for the job that adds them: those of earlier versions and imported ones."""

from __future__ import annotations

from typing import NamedTuple

from omoide.core.job_payloads import JobKind, TopicFill
from omoide.core.jobs import NewJob
from omoide.storage import conclusion_links, queue
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.rows import mended

ROWS_AT_A_TIME = 200


class Untold(NamedTuple):
    """A conclusion without topics. `pair` are rows, `said_at` microseconds."""

    pk: int
    id: str
    content: str
    observed_id: str
    pair: tuple[int, int]
    said_at: int


def enqueue(db: Transaction, workspace: int, now: int) -> None:
    """Enqueue the job for the conclusions of a workspace (its row)."""
    first, last = db.execute("SELECT min(pk), max(pk) FROM conclusions WHERE workspace = ?", (workspace,)).fetchone()
    if first is not None:
        payload = TopicFill(after=first - 1, through=last).to_json()
        queue.add(db, NewJob(JobKind.FILL_TOPICS, payload, key=JobKind.FILL_TOPICS), now)


def untold(db: Transaction, after: int, through: int) -> list[Untold]:
    """The next current conclusions in the range of rows that have no topics."""
    found = db.execute(
        """SELECT c.pk, c.id, c.content, p.id, c.observer, c.observed, c.said_at FROM conclusions c
           JOIN peers p ON p.pk = c.observed
           WHERE c.pk > ? AND c.pk <= ? AND c.level = 'explicit' AND c.deleted_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM conclusion_topics t WHERE t.conclusion = c.pk)
           ORDER BY c.pk LIMIT ?""",
        (after, through, ROWS_AT_A_TIME),
    )
    return [_untold(row) for row in found]


def _untold(row: tuple[int, str, str, str, int, int, int]) -> Untold:
    pk, id, content, observed_id, observer, observed, said_at = row
    (said_at,) = mended(["conclusions.said_at"], (said_at,))
    return Untold(pk, as_text(id), as_text(content), as_text(observed_id), (observer, observed), said_at)


def tell(db: Transaction, topics: list[tuple[Untold, frozenset[str]]]) -> None:
    """Store the topics of conclusions."""
    for each, told in topics:
        conclusion_links.set_topics(db, each.pair, [(each.id, told)])
