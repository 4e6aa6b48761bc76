"""The contents of a workspace in numbers, counted in indexes or in rows that hold no texts."""

from __future__ import annotations

from typing import Literal, NamedTuple

from omoide.core.clock import valid
from omoide.core.records import Workspace
from omoide.storage import rows, workspace_jobs, workspaces
from omoide.storage.base import Transaction
from omoide.storage.dialect import ORDERED_JOIN, count_or_zero, is_integer, use_index
from omoide.storage.workspace_jobs import JobCounts

MOST_COUNTED = 500_000
"""Rows of a table that are counted; of 450,000 conclusions that takes 0.03 s, of as many sessions 0.2 s."""


CountName = Literal["peers", "sessions", "messages", "conclusions", "ended_conclusions"]


class Overview(NamedTuple):
    """Counts of a workspace, the names of those that are too low because of `MOST_COUNTED`, and times in
    microseconds."""

    workspace: Workspace
    peers: int
    sessions: int
    messages: int
    conclusions: int
    ended_conclusions: int
    approximate: list[CountName]
    last_message_at: int | None
    last_conclusion_at: int | None
    queue: JobCounts


def read(db: Transaction, workspace_id: str, now: int, *, most: int = MOST_COUNTED) -> Overview:
    """Count the workspace's contents. Takes more than a millisecond. Raises NotFound."""
    workspace = workspaces.get(db, workspace_id)
    given = {"workspace": workspace.pk, "most": most}
    (peers,) = db.execute(_PEERS, given).fetchone()
    sessions, messages, last_message_at = db.execute(_SESSIONS, given).fetchone()
    (stored,) = db.execute(_CONCLUSIONS, given).fetchone()
    (hidden,) = db.execute(_HIDDEN, given).fetchone()
    (ended,) = db.execute(_ENDED, given).fetchone()
    newest = db.execute(_NEWEST_CONCLUSION, given).fetchone()
    counted: dict[CountName, int] = {
        "peers": peers,
        "sessions": sessions,
        "conclusions": stored,
        "ended_conclusions": ended,
    }
    approximate = [name for name, count in counted.items() if count >= most]
    if "sessions" in approximate:
        approximate.append("messages")
    return Overview(
        workspace=workspace,
        peers=peers,
        sessions=sessions,
        messages=max(0, messages),
        conclusions=max(0, stored - hidden),
        ended_conclusions=ended,
        approximate=approximate,
        last_message_at=None if last_message_at is None else valid(last_message_at),
        last_conclusion_at=rows.mended(["conclusions.created_at"], newest)[0] if newest else None,
        queue=workspace_jobs.counts(db, workspace.pk, now),
    )


_PEERS = """SELECT count(*) FROM (
    SELECT 1 FROM peers p WHERE p.workspace = :workspace AND p.kind = 'peer' LIMIT :most) counted"""

_SAID = "SELECT max(o.created_at) FROM said_order o WHERE o.session = s.pk"
_LAST = f"coalesce(s.last_said_at, ({_SAID}))"
_SESSIONS = f"""SELECT count(*), coalesce(sum(messages), 0),
        max(CASE WHEN messages > 0 AND {is_integer("said_at")} THEN said_at END)
    FROM (SELECT {count_or_zero("s.message_count")} - {count_or_zero("s.removed")} AS messages, {_LAST} AS said_at
        FROM sessions s WHERE s.workspace = :workspace AND s.deleted_at IS NULL
        ORDER BY s.created_at DESC LIMIT :most) counted"""
"""Messages that were deleted are in `message_count` and in `removed`."""

_CONCLUSIONS = """SELECT count(*) FROM (
    SELECT 1 FROM conclusions c WHERE c.workspace = :workspace AND c.deleted_at IS NULL LIMIT :most) counted"""

_HIDDEN = """SELECT count(*) FROM (
    SELECT c.pk FROM sessions s JOIN conclusions c ON c.session = s.pk
    WHERE s.workspace = :workspace AND s.deleted_at IS NOT NULL AND c.deleted_at IS NULL
    UNION SELECT c.pk FROM peers p JOIN conclusions c ON c.observer = p.pk
    WHERE p.workspace = :workspace AND p.kind = 'deleted' AND c.deleted_at IS NULL
    UNION SELECT c.pk FROM peers p JOIN conclusions c ON c.observed = p.pk
    WHERE p.workspace = :workspace AND p.kind = 'deleted' AND c.deleted_at IS NULL) hidden"""
"""Conclusions of sessions and peers that are being removed."""

_ENDED = f"""SELECT count(*) FROM (
    SELECT 1 FROM peers p {ORDERED_JOIN} conclusions c {use_index("conclusions_ended")} ON c.observer = p.pk
    WHERE p.workspace = :workspace AND p.kind <> 'deleted' AND c.ended_as IS NOT NULL LIMIT :most) counted"""

_NEWEST_CONCLUSION = """SELECT c.created_at FROM conclusions c
    JOIN peers obr ON obr.pk = c.observer AND obr.kind <> 'deleted'
    JOIN peers obd ON obd.pk = c.observed AND obd.kind <> 'deleted'
    LEFT JOIN sessions s ON s.pk = c.session
    WHERE c.workspace = :workspace AND c.deleted_at IS NULL AND s.deleted_at IS NULL
    ORDER BY c.created_at DESC LIMIT 1"""
