"""The jobs of one workspace, for those who look at it: their states, and what pending ones wait for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple, get_args

from omoide.core.job_payloads import IN_ORDER, REASONING, JobKind
from omoide.core.records import Page, PageRequest
from omoide.storage import budgets, job_stats, rows, waiting_units, workspaces
from omoide.storage.base import Transaction
from omoide.storage.dialect import ORDERED_JOIN, array, in_array, unnest
from omoide.storage.filters import SqlClause
from omoide.storage.queue import parse_payload

JobState = Literal["pending", "in_progress", "failed"]
WaitReason = Literal["worker", "more_messages", "schedule", "retry", "budget", "order"]


class JobCounts(NamedTuple):
    """Jobs by state: due or waiting; leased by a worker; failed for good."""

    pending: int
    in_progress: int
    failed: int


class Wait(NamedTuple):
    """Why a pending job is not in progress, and until when, in microseconds, if that is known."""

    reason: WaitReason
    until: int | None = None


class WorkspaceJob(NamedTuple):
    """A job of a workspace; times in microseconds. `messages` are those that it is to process."""

    pk: int
    kind: str
    state: JobState
    observer_ids: Sequence[str]
    observed_id: str | None
    session_id: str | None
    messages: int
    attempts: int
    error: str | None
    created_at: int
    due_at: int
    wait: Wait | None


def counts(db: Transaction, workspace: int, now: int) -> JobCounts:
    """Count the jobs of a workspace (row)."""
    found = db.execute(
        """SELECT CASE WHEN j.failed_at IS NOT NULL THEN 'failed' WHEN j.leased_until > :now THEN 'in_progress'
               ELSE 'pending' END, count(*) FROM jobs j WHERE j.workspace = :workspace GROUP BY 1""",
        {"workspace": workspace, "now": now},
    )
    by_state = dict(found.fetchall())
    return JobCounts(*(by_state.get(state, 0) for state in get_args(JobState)))


def _in_state(state: JobState | None, now: int) -> SqlClause:
    if state is None:
        return SqlClause("TRUE")
    if state == "failed":
        return SqlClause("j.failed_at IS NOT NULL")
    is_leased = "j.leased_until > ?" if state == "in_progress" else "NOT coalesce(j.leased_until > ?, FALSE)"
    return SqlClause(f"j.failed_at IS NULL AND {is_leased}", (now,))


_SHOWN = ("kind", "attempts", "error", "created_at", "due_at", "units", "leased_until", "failed_at")
_COLUMNS = f"j.pk, j.payload, {', '.join(f'j.{name}' for name in _SHOWN)}"
_VALIDATED = ["", "", *(f"jobs.{name}" for name in _SHOWN)]


def page(
    db: Transaction, workspace_id: str, state: JobState | None, now: int, request: PageRequest
) -> Page[WorkspaceJob]:
    """The jobs of a workspace in a state, or in any: failed ones first, then by due time. Raises NotFound."""
    workspace = workspaces.existing(db, workspace_id)
    within = _in_state(state, now)
    source = f"FROM jobs j WHERE j.workspace = ? AND {within.sql}"
    order = ("j.failed_at IS NULL", "j.due_at", "j.pk")
    listing = rows.Listing(_COLUMNS, source, (workspace, *within.params), order, lambda row: row)
    found = rows.page(db, listing, request)
    behind = _behind(db, [row[0] for row in found.items], now)
    paused_until = budgets.paused_until(db, workspace, now)
    jobs = [_job(row, now, paused_until, is_behind=row[0] in behind) for row in found.items]
    return Page(jobs, found.total, request)


def retry(db: Transaction, workspace_id: str, pks: Collection[int] | None, now: int) -> int:
    """Make jobs of the workspace that failed for good due again (None: all of them); returns their number.

    Raises NotFound.
    """
    return job_stats.retry(db, now, pks, workspace=workspaces.existing(db, workspace_id))


def flush(db: Transaction, workspace_id: str, now: int) -> int:
    """Make the units due that wait for more messages; returns their number. Raises NotFound."""
    workspaces.existing(db, workspace_id)
    return waiting_units.hasten(db, now, workspace_id=workspace_id)


def _behind(db: Transaction, pks: Collection[int], now: int) -> set[int]:
    """Those of the jobs that cannot be claimed before another job of their kind and key has run."""
    found = db.execute(
        f"""SELECT j.pk FROM {unnest("bigint", "listed", ":pks")} {ORDERED_JOIN} jobs j ON j.pk = listed.value
            WHERE EXISTS (SELECT 1 FROM jobs h WHERE h.kind = j.kind AND h.key = j.key AND h.pk <> j.pk
                AND h.failed_at IS NULL
                AND (h.leased_until > :now OR h.pk < j.pk AND j.kind {in_array("text", ":ordered")}))""",
        {"pks": array(pks), "now": now, "ordered": array(IN_ORDER)},
    )
    return {pk for (pk,) in found}


def _job(row: rows.Row, now: int, paused_until: int | None, *, is_behind: bool) -> WorkspaceJob:
    pk, stored, kind, attempts, error, created_at, due_at, units, leased_until, failed_at = rows.mended(_VALIDATED, row)
    state: JobState = "failed" if failed_at is not None else "in_progress" if (leased_until or 0) > now else "pending"
    payload = parse_payload(stored) or {}
    due_at = max(due_at, created_at)  # a job with due_at 0 is due since it was added
    pause = paused_until if kind in REASONING else None
    return WorkspaceJob(
        pk=pk,
        kind=kind,
        state=state,
        observer_ids=_texts(payload.get("observers", [payload.get("observer")])),
        observed_id=_text(payload.get("observed")),
        session_id=_text(payload.get("session")),
        messages=units if kind == JobKind.REPRESENTATION else 0,
        attempts=attempts,
        error=error,
        created_at=created_at,
        due_at=due_at,
        wait=_wait(kind, attempts, due_at, now, pause, is_behind=is_behind) if state == "pending" else None,
    )


def _wait(kind: str, attempts: int, due_at: int, now: int, paused_until: int | None, *, is_behind: bool) -> Wait:
    """The last of the reasons to end."""
    if is_behind:
        return Wait("order")
    if paused_until is not None and paused_until >= due_at:
        return Wait("budget", paused_until)
    if due_at <= now:
        return Wait("worker")
    if attempts:
        return Wait("retry", due_at)
    return Wait("more_messages" if kind == JobKind.REPRESENTATION else "schedule", due_at)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _texts(values: object) -> list[str]:
    return [each for each in values if isinstance(each, str)] if isinstance(values, list) else []
