"""What is stored about the reasoning over one message: the conclusions that rest on it, and the work that waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from omoide.core.job_payloads import InvalidPayload, JobKind, WorkUnit
from omoide.core.records import Conclusion, Json, Message, PendingJob
from omoide.storage import budgets, conclusion_times, job_stats, messages, observer_queries, queue
from omoide.storage.base import Transaction
from omoide.storage.conclusion_reach import Reach
from omoide.storage.conclusion_sources import as_readable
from omoide.storage.conclusions import COLUMNS, FROM_ROWS, record, seeing
from omoide.storage.dialect import array
from omoide.storage.messages import Stretch, WindowSize
from omoide.storage.observer_queries import MemberRow

MOST_CONCLUSIONS = 100
"""Maximum number of conclusions, the newest."""

BEFORE = 10
"""Messages before it with which a message is read again."""

_KEPT_ROWS = seeing(FROM_ROWS, conclusion_times.seen(with_ended=True))


@dataclass(frozen=True, slots=True)
class Unit:
    """The work that a message is part of."""

    job: PendingJob
    observers: Sequence[str]
    is_behind: bool
    """Whether work of the same peer and session has to be done before it."""


@dataclass(frozen=True, slots=True)
class MessageWork:
    message: Message
    is_muted: bool
    """Whether it was excluded from reasoning when it was stored."""
    conclusions: Sequence[Conclusion]
    """Those within reach that rest on it, current or ended, newest first."""
    total: int
    """The number of those of all observers."""
    unit: Unit | None
    paused_until: int | None
    """Until when the workspace does no work that reasons, because its budget is spent."""
    members: Sequence[MemberRow]
    """The author, and the members of the session that observe others, with their present flags."""
    configurations: tuple[Json, Json | None]
    """Of the workspace and of the session, at present."""
    window: Sequence[Message]
    """The message, after those with which it would be read if it were read now."""


class MessageKey(NamedTuple):
    workspace_id: str
    session_id: str
    message_id: str


def read(db: Transaction, key: MessageKey, reach: Reach, now: int, size: WindowSize) -> MessageWork:
    """Read it all in one snapshot. Raises NotFound as `messages.get` does."""
    workspace_id, session_id, message_id = key
    message = messages.get(db, workspace_id, session_id, message_id)
    pk, workspace, session, seq, author, muted = db.execute(
        "SELECT pk, workspace, session, seq, peer, muted FROM messages WHERE id = ?", (message_id,)
    ).fetchone()
    found, total = _conclusions(db, workspace_id, pk, reach)
    stretches = (Stretch(session, max(1, seq - BEFORE), seq), Stretch(session, seq, seq))
    windows = (messages.window(db, each, author, size).messages for each in stretches)
    return MessageWork(
        message,
        bool(muted),
        found,
        total,
        _unit(db, f"{session}:{author}", seq, now),
        budgets.paused_until(db, workspace, now),
        observer_queries.members(db, session, [author]),
        observer_queries.configurations_of(db, workspace_id, session_id),
        next((window for window in windows if message in window), ()),
    )


def _conclusions(db: Transaction, workspace_id: str, message: int, reach: Reach) -> tuple[Sequence[Conclusion], int]:
    links = db.execute("SELECT conclusion FROM conclusion_messages WHERE message = ?", (message,))
    pks = array([conclusion for (conclusion,) in links])
    (total,) = db.execute(f"SELECT count(*) {_KEPT_ROWS}", (pks, workspace_id)).fetchone()
    within = reach.conclusions()
    query = f"SELECT {COLUMNS} {_KEPT_ROWS} AND {within.sql} ORDER BY c.created_at DESC, c.pk DESC LIMIT ?"
    rows = db.execute(query, (pks, workspace_id, *within.params, MOST_CONCLUSIONS))
    return as_readable(db, workspace_id, [record(row) for row in rows.fetchall()], reach), total


def _unit(db: Transaction, key: str, seq: int, now: int) -> Unit | None:
    """The unit that the message is part of, a waiting one rather than one that failed; None if none is sound."""
    is_behind = False
    for job, payload in job_stats.of_key(db, JobKind.REPRESENTATION, key, now):
        try:
            unit = WorkUnit.from_json(queue.parse_payload(payload))
        except InvalidPayload:
            continue
        if unit.first <= seq <= unit.through:
            return Unit(job, unit.observers, is_behind and job.state != "failed")
        is_behind = True
    return None
