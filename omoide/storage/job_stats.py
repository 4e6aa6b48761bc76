"""Status of the job queue, for clients that wait for their work and for operators."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from omoide.core.job_payloads import REASONING, JobKind
from omoide.core.records import PendingJob, WorkCount
from omoide.storage import peer_aliases, rows
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.dialect import (
    array,
    count_or_zero,
    greatest,
    in_array,
    is_integer,
    json_holds_any,
    json_list_of,
    json_or_null,
)

STATES = ("waiting", "due", "running", "failed", "paused")
"""Job states: not due yet; due and not claimed; leased by a worker; failed for good; due, but the workspace has spent
its budget of tokens."""

_PAUSED = f"""j.kind {in_array("text", ":kinds")} AND EXISTS (
    SELECT 1 FROM budget_pauses p WHERE p.workspace = j.workspace AND p.until > :now)"""
_STATE = f"""CASE WHEN failed_at IS NOT NULL THEN 'failed' WHEN leased_until > :now THEN 'running'
    WHEN due_at > :now THEN 'waiting' WHEN {_PAUSED} THEN 'paused' ELSE 'due' END"""


_DUE_SINCE = f"""CASE WHEN {is_integer("due_at")} AND {is_integer("created_at")}
    THEN {greatest("due_at", "created_at")} END"""
"""A job with due_at 0 is due since it was added."""


@dataclass(frozen=True, slots=True)
class JobGroup:
    """The jobs of one kind in one state: their number, the longest time in microseconds that one of them has been due,
    and one of their errors."""

    kind: str
    state: str
    count: int
    oldest: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class JobStats:
    """All jobs of the database by kind and state: for readiness, metrics and the doctor."""

    groups: tuple[JobGroup, ...]

    def count(self, state: str) -> int:
        return sum(each.count for each in self.groups if each.state == state)

    @property
    def oldest(self) -> int:
        """The longest time that any job has been due, in microseconds; 0 if none is due."""
        return max((each.oldest for each in self.groups if each.state == "due"), default=0)

    @property
    def error(self) -> str | None:
        """Why a job that has not failed for good is to be retried; None if there is none."""
        return max((each.error for each in self.groups if each.error and each.state != "failed"), default=None)

    @property
    def failure(self) -> str | None:
        """Why a job failed for good; None if none did."""
        return max((each.error for each in self.groups if each.error and each.state == "failed"), default=None)


def job_stats(db: Transaction, now: int) -> JobStats:
    """Count the jobs by kind and state. Reads every job, so call it off the event loop."""
    found = db.execute(
        f"""SELECT kind, {_STATE} AS state, count(*), {greatest("0", f":now - coalesce(min({_DUE_SINCE}), :now)")},
                max(error)
            FROM jobs j GROUP BY kind, state ORDER BY kind, state""",
        {"now": now, "kinds": array(REASONING)},
    )
    return JobStats(
        tuple(
            JobGroup(as_text(kind), state, count, oldest, None if error is None else as_text(error))
            for kind, state, count, oldest, error in found
        )
    )


_PAYLOAD = json_or_null("j.payload")
_UNITS = count_or_zero("units")
_PENDING = f"""
    SELECT coalesce({_PAYLOAD} ->> 'session', '') AS session, {_PAYLOAD} ->> 'observed' AS observed,
        CASE WHEN {_PAYLOAD} ->> 'observer' IS NULL THEN coalesce({_PAYLOAD} -> 'observers', '[]')
             ELSE {json_list_of(f"{_PAYLOAD} ->> 'observer'")} END AS observers,
        0 AS done, CASE WHEN failed_at IS NOT NULL THEN {_UNITS} ELSE 0 END AS failed,
        CASE WHEN failed_at IS NULL THEN {_UNITS} ELSE 0 END AS pending,
        failed_at IS NULL AND (coalesce(j.leased_until > :now, FALSE) OR EXISTS (
            SELECT 1 FROM jobs h WHERE h.kind = j.kind AND h.key = j.key AND h.leased_until > :now)) AS held,
        CASE WHEN failed_at IS NULL THEN due_at END AS due_at, error
    FROM jobs j JOIN workspaces w ON w.pk = j.workspace
    WHERE w.id = :workspace AND w.deleted_at IS NULL AND j.kind {in_array("text", ":kinds")}
        AND (j.kind <> :dream OR j.attempts > 0 OR j.due_at <= :now OR failed_at IS NOT NULL)"""
_DONE = f"""
    SELECT d.session, d.observed, {json_or_null("d.observers")}, {count_or_zero("d.units")}, 0, 0, FALSE, NULL, NULL
    FROM done d JOIN workspaces w ON w.pk = d.workspace WHERE w.id = :workspace AND w.deleted_at IS NULL"""


def status(
    db: Transaction,
    workspace_id: str,
    now: int,
    *,
    observer: str | None = None,
    observed: str | None = None,
    session: str | None = None,
) -> dict[str | None, WorkCount]:
    """Counts of the workspace's pending and recently finished reasoning, by session (None: work of no session).

    The payload of a job names its `session`, its `observer` or a list of `observers`, and its `observed`. `session`
    restricts to one session, `observer` and `observed` to jobs that match either. In progress are jobs that are leased
    or that wait for a leased job with the same key. A dream that is not due yet is not counted, because no client waits
    for it.
    """
    restrictions = []
    if session is not None:
        restrictions.append("session = :session")
    if observer is not None or observed is not None:
        by_name = {f"observed {in_array('text', ':observed')}": observed}
        either = {**by_name, json_holds_any("observers", ":observer"): observer}
        restrictions.append(f"({' OR '.join(sql for sql, value in either.items() if value is not None)})")
    found = db.execute(
        f"""SELECT session, sum(done), sum(failed), sum(CASE WHEN held THEN pending ELSE 0 END),
                sum(CASE WHEN held THEN 0 ELSE pending END), min(due_at), max(error)
            FROM ({_PENDING} UNION ALL {_DONE}) work {"WHERE" if restrictions else ""} {" AND ".join(restrictions)}
            GROUP BY session ORDER BY session""",
        {
            "workspace": workspace_id,
            "now": now,
            "kinds": array(REASONING),
            "dream": JobKind.DREAM,
            "observer": _names(db, workspace_id, observer),
            "observed": _names(db, workspace_id, observed),
            "session": session,
        },
    )
    return dict(map(_count, found))


def _names(db: Transaction, workspace_id: str, peer_id: str | None) -> str | None:
    """A bound list of the id and of those of peers that are being merged into this one."""
    return None if peer_id is None else array([peer_id, *peer_aliases.merging(db, workspace_id, peer_id)])


def _count(row: rows.Row) -> tuple[str | None, WorkCount]:
    session, *counts = row[:5]
    done, failed, held, pending = (int(count or 0) for count in counts)
    due, error = rows.mended(["jobs.due_at?", "jobs.error"], row[5:])
    name = as_text(session) or None
    return name, WorkCount(done + failed, held, pending, failed, due, error)


_LISTED = ["", "jobs.kind", "workspaces.id?", *(f"jobs.{name}" for name in ("units", "attempts", "due_at"))]
_LISTED += ["jobs.created_at", "jobs.error", ""]


_LISTING = f"""SELECT j.pk, j.kind, w.id, j.units, j.attempts, j.due_at, j.created_at, j.error, {_STATE}, j.payload
    FROM jobs j LEFT JOIN workspaces w ON w.pk = j.workspace"""


def listed(db: Transaction, now: int, *, failed_only: bool, limit: int) -> list[PendingJob]:
    """All jobs of the database: those that failed for good first, then by due time."""
    found = db.execute(
        f"""{_LISTING}
            WHERE j.failed_at IS NOT NULL OR :failed_only = 0
            ORDER BY j.failed_at IS NULL, j.due_at, j.pk LIMIT :limit""",
        {"now": now, "kinds": array(REASONING), "failed_only": int(failed_only), "limit": limit},
    )
    return [_pending_job(row[:-1]) for row in found]


def of_key(db: Transaction, kind: str, key: str, now: int) -> list[tuple[PendingJob, object]]:
    """The jobs of a kind and key with their stored payloads, oldest first, and then those that failed for good."""
    found = db.execute(
        f"{_LISTING} WHERE j.kind = :kind AND j.key = :key ORDER BY j.failed_at IS NOT NULL, j.pk",
        {"now": now, "kinds": array(REASONING), "kind": kind, "key": key},
    )
    return [(_pending_job(row[:-1]), row[-1]) for row in found]


def _pending_job(row: rows.Row) -> PendingJob:
    pk, kind, workspace, units, attempts, due_at, created_at, error, state = rows.mended(_LISTED, row)
    due = max(due_at, created_at)  # a job with due_at 0 is due since it was added
    return PendingJob(pk, kind, workspace, units, attempts, state, due, created_at, error)


def retry(db: Transaction, now: int, pks: Collection[int] | None, *, workspace: int | None = None) -> int:
    """Make jobs that failed for good due again (None: all of them); returns their number.

    `workspace` (row) restricts it to the jobs of one workspace.
    """
    restrictions, params = "", [now]
    if workspace is not None:
        restrictions, params = " AND workspace = ?", [now, workspace]
    failed = f"UPDATE jobs SET failed_at = NULL, attempts = 0, due_at = ? WHERE failed_at IS NOT NULL{restrictions}"
    if pks is None:
        return int(db.execute(failed, params).rowcount)
    return int(db.execute(f"{failed} AND pk {in_array('bigint')}", (*params, array(pks))).rowcount)
