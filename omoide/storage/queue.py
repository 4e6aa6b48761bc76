"""The job queue: background work, enqueued in the transaction that causes it.

A worker claims the oldest due job of the workspace whose turn it is (`fair_share`) and holds it by a lease; if the
worker dies, the lease expires and another worker takes over. Finishing removes the row. So a job must be idempotent, or
do its work in the transaction that finishes it (`require`). `backlog` reports the status of the queue.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import orjson

from omoide.core import clock
from omoide.core.job_payloads import IN_ORDER, REASONING, JobKind
from omoide.core.jobs import LAST_RETRY_SECONDS, Job, LeaseLost, NewJob, Skipped
from omoide.storage import budgets, completed_work, fair_share, rows
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.dialect import (
    array,
    count_or_zero,
    for_key_share,
    for_update,
    greatest,
    in_array,
    is_integer,
    least,
    share_of,
    skip_locked,
)

logger = logging.getLogger("omoide.worker")

_HELD = "WHERE pk = ? AND attempts = ? AND leased_until IS NOT NULL"
"""The job as its worker claimed it: a worker that has lost its lease must not change the job."""

_WAITS = "kind = ? AND key = ? AND leased_until IS NULL AND failed_at IS NULL"

NOTHING = Skipped()

FIRST = 0
"""`due_at` of jobs that run before all other due jobs, because they are quick and others depend on them."""

FORGET_FAILED = 30 * clock.DAY
"""Microseconds until a job that failed for good is removed: 30 days, as in the public API."""
FORGET_AT_A_TIME = 20
"""Such jobs removed per call at most."""


def add(db: Transaction, job: NewJob, now: int) -> None:
    """Enqueue a job, unless it coalesces with a waiting one."""
    kind, payload, key, workspace, coalesce, due_at, units, grows = job
    due_at = now if due_at is None else due_at
    text = orjson.dumps(payload).decode()
    if key is not None and coalesce:
        waits = f"SELECT pk, attempts = 0 AND due_at > ? FROM jobs WHERE {_WAITS} AND payload = ? ORDER BY pk LIMIT 1"
        # Not claimed before this write has ended, or the job would not see it. One kind waits for such writes itself.
        held = "" if kind == JobKind.EMBED else for_key_share("jobs")
        if found := db.execute(f"{waits} {held}", (due_at, kind, key, text)).fetchone():
            if found[1]:
                db.execute("UPDATE jobs SET due_at = ? WHERE pk = ?", (due_at, found[0]))
            return
    db.execute(
        """INSERT INTO jobs (kind, payload, created_at, due_at, key, workspace, units, grows)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        (kind, text, now, due_at, key, workspace, units, int(grows)),
    )


def defer(db: Transaction, kind: str, key: str, due_at: int) -> bool:
    """Postpone the job until `due_at`; False if there is no waiting job that was never claimed."""
    changed = db.execute(f"UPDATE jobs SET due_at = ? WHERE {_WAITS} AND attempts = 0", (due_at, kind, key))
    return bool(changed.rowcount)


def cancel(db: Transaction, kind: str, key: str) -> None:
    """Delete waiting jobs."""
    db.execute(f"DELETE FROM jobs WHERE {_WAITS}", (kind, key))


def add_all(
    db: Transaction, kind: str, payloads: Sequence[dict[str, Any]], now: int, *, key: str, workspace: int
) -> None:
    """Enqueue jobs that are due now, each of them separate work, in this order."""
    columns = "jobs (kind, payload, created_at, due_at, key, workspace)"
    values = [(kind, orjson.dumps(payload).decode(), now, now, key, workspace) for payload in payloads]
    rows.insert_all(db, columns, values)


_created_at = rows.mender("jobs.created_at")


def open_job(db: Transaction, kind: str, key: str) -> tuple[int, dict[str, Any], int] | None:
    """Row, payload and creation time of the newest waiting job of a kind and key, if `append_units` is permitted for
    it."""
    query = f"SELECT pk, payload, created_at, grows FROM jobs WHERE {_WAITS} ORDER BY pk DESC LIMIT 1"
    row = db.execute(f"{query} {for_update('jobs')}", (kind, key)).fetchone()
    if row is None or row[3] != 1:
        return None
    payload = parse_payload(row[1])
    return None if payload is None else (row[0], payload, _created_at(row[2]))


def parse_payload(stored: object) -> dict[str, Any] | None:
    """The payload of a job; None if it is not a JSON object: such a job fails when it is claimed."""
    try:
        payload = orjson.loads(stored) if isinstance(stored, str) else None
    except ValueError:
        return None
    return payload if isinstance(payload, dict) else None


def append_units(db: Transaction, pk: int, payload: dict[str, Any], due_at: int, *, units: int) -> None:
    """Add `units` to a job returned by `open_job`."""
    db.execute(
        "UPDATE jobs SET payload = ?, due_at = ?, units = units + ? WHERE pk = ?",
        (orjson.dumps(payload).decode(), due_at, units, pk),
    )


def expedite(db: Transaction, kind: str, key: str, now: int) -> None:
    """Make jobs that were never claimed due now, and close them to `append_units`."""
    db.execute(
        f"UPDATE jobs SET grows = 0, due_at = {least('due_at', '?')} WHERE {_WAITS} AND attempts = 0", (now, kind, key)
    )


def reschedule(db: Transaction, kind: str, key: str, due_at: int) -> None:
    """Reschedule a job that was never claimed to `due_at`, unless it was enqueued as due at once."""
    db.execute(
        f"UPDATE jobs SET due_at = ? WHERE {_WAITS} AND attempts = 0 AND due_at > created_at", (due_at, kind, key)
    )


# A due job of one share that is not leased and does not have to wait for another one of its kind and key.
_CLAIMABLE = f"""FROM jobs j
    WHERE {share_of("j.workspace")} = :share AND failed_at IS NULL AND due_at <= :now
    AND (leased_until IS NULL OR leased_until <= :now) AND NOT kind {in_array("text", ":busy")}
    AND NOT EXISTS (SELECT 1 FROM jobs h WHERE h.kind = j.kind AND h.key = j.key AND h.leased_until > :now)
    AND NOT (j.kind {in_array("text", ":ordered")} AND EXISTS (
        SELECT 1 FROM jobs h WHERE h.kind = j.kind AND h.key = j.key AND h.pk < j.pk AND h.failed_at IS NULL))"""

_RUNNABLE = f"SELECT pk {_CLAIMABLE} ORDER BY due_at, pk LIMIT 1"
_FREE = f"{_RUNNABLE} {skip_locked()}"
_OTHERS_HOLD = bool(skip_locked())  # whether `_FREE` may miss a runnable job


def _claimable(db: Transaction, share: int, now: int, busy: Collection[str], query: str = _RUNNABLE) -> int | None:
    """The runnable job of a share that is due longest; none that reasons while the workspace has spent its budget."""
    values = {
        "share": share,
        "now": now,
        "busy": array(busy if budgets.paused_until(db, share, now) is None else [*busy, *REASONING]),
        "ordered": array(IN_ORDER),
    }
    row = db.execute(query, values).fetchone()
    return row[0] if row else None


def _next(db: Transaction, now: int, skipped: Skipped) -> tuple[int, int | None, list[int]]:
    """The share whose turn it is and its job, None if no job can run; and the skipped shares without any runnable
    job."""
    passed: list[int] = []
    for share in fair_share.ready(db):
        if share in skipped.workspaces:
            continue
        if (pk := _claimable(db, share, now, skipped.kinds, _FREE)) is not None:
            return share, pk, passed
        if not (skipped.kinds or _OTHERS_HOLD) or _claimable(db, share, now, ()) is None:
            passed.append(share)
    return fair_share.NO_WORKSPACE, None, passed


def claim(
    db: Transaction,
    now: int,
    *,
    lease: int,
    skipped: Skipped = NOTHING,
    used: Mapping[int, int] | None = None,
    led: bool = False,
) -> Job | None:
    """Claim a runnable job with a lease of `lease` microseconds; None if there is none.

    It is the job that is due longest of the workspace that has used the least time (`fair_share`). `used` is the time
    that jobs of each workspace took since the last claim, in microseconds. `led` marks a claim by the leading worker.
    Damaged jobs are marked as failed on the way, so that they do not block others.
    """
    fair_share.take_turn(db)
    fair_share.charge(db, used or {})
    fair_share.wake(db, now)
    while True:
        share, pk, passed = _next(db, now, skipped)
        fair_share.rest(db, passed, now)
        if pk is None:
            return None
        row = db.execute(
            f"""UPDATE jobs SET leased_until = ?, attempts = {_ATTEMPTS} + 1, grows = 0, led = ? WHERE pk = ?
                RETURNING kind, payload, attempts, (SELECT pk FROM workspaces w WHERE w.pk = workspace), key""",
            (now + lease, led, pk),
        ).fetchone()
        kind, stored, attempts, workspace, key = row
        if (payload := parse_payload(stored)) is not None:
            fair_share.begin(db, share, now)
            return Job(pk, as_text(kind), payload, attempts, workspace, None if key is None else as_text(key))
        _set_aside(db, pk, now, "damaged: its payload is not a JSON object")


_ATTEMPTS = count_or_zero("attempts", 1_000_000_000)

LONGEST_LEASE = 2 * clock.DAY
"""Maximum microseconds of a lease from now on; the setting is limited to one day."""
LONGEST_WAIT = 3_650 * clock.DAY
"""Maximum microseconds until a job is due; settings for dreams are limited to one month."""

# These conditions use indexes: SQLite sorts text and BLOBs above all numbers.
_LEASED_FOR_EVER = f"leased_until IS NOT NULL AND (leased_until > ? OR NOT {is_integer('leased_until')})"
_NEVER_DUE = "failed_at IS NULL AND (due_at > ? OR due_at IS NULL)"


def is_damaged(db: Transaction, now: int) -> bool:
    """Whether there are jobs that would never be claimed. Read-only."""
    query = f"SELECT 1 FROM jobs WHERE {_NEVER_DUE} UNION ALL SELECT 1 FROM jobs WHERE {_LEASED_FOR_EVER} LIMIT 1"
    last = now + LONGEST_WAIT
    return db.execute(query, (last, now + LONGEST_LEASE)).fetchone() is not None or fair_share.is_damaged(db, last)


def relieve(db: Transaction, now: int) -> None:
    """Release jobs whose lease is longer than possible, and mark those as failed that would never be due."""
    db.execute(f"UPDATE jobs SET leased_until = NULL WHERE {_LEASED_FOR_EVER}", (now + LONGEST_LEASE,))
    for (pk,) in db.execute(f"SELECT pk FROM jobs WHERE {_NEVER_DUE}", (now + LONGEST_WAIT,)).fetchall():
        _set_aside(db, pk, now, "damaged: its due_at is invalid")
    fair_share.renew(db)


def _set_aside(db: Transaction, pk: int, now: int, error: str) -> None:
    """Mark a damaged job as failed, so that an operator sees it."""
    logger.warning("job %d is given up: %s", pk, error)
    db.execute(
        "UPDATE jobs SET leased_until = NULL, due_at = ?, failed_at = ?, error = ? WHERE pk = ?", (now, now, error, pk)
    )


def take_over(db: Transaction, now: int, *, lease: int) -> None:
    """Release the jobs that the previous leader had claimed, and correct the times of all jobs. Call it as the new
    leader."""
    db.execute("UPDATE jobs SET leased_until = NULL WHERE leased_until IS NOT NULL AND led = 1")
    limit_times(db, now, lease=lease)


def limit_times(db: Transaction, now: int, *, lease: int) -> None:
    """Limit the remaining times of jobs to those that can be set at `now`, because the clock may have been set back.

    A job that was attempted waits for its next attempt, at most `LAST_RETRY_SECONDS`. One that was created in the
    future keeps the distance from its creation. A lease ends after at most `lease` microseconds.
    """
    db.execute(
        f"""UPDATE jobs SET created_at = {least("created_at", ":now")}, due_at = CASE WHEN attempts > 0
               THEN {least("due_at", ":now + :retry")}
               ELSE {greatest(least("due_at", ":now"), f"due_at - {greatest('created_at - :now', '0')}")} END
           WHERE due_at > :now AND {is_integer("due_at")} AND failed_at IS NULL
               AND {is_integer("created_at")} AND (attempts > 0 OR created_at > :now)""",
        {"now": now, "retry": int(LAST_RETRY_SECONDS * clock.SECOND)},
    )
    db.execute("UPDATE jobs SET leased_until = ? WHERE leased_until > ?", (now + lease, now + lease))
    fair_share.renew(db)


def waiting(db: Transaction, now: int, *, skipped: Skipped = NOTHING, most: int = 100) -> bool:
    """Whether `claim` would find a job, or has more than `most` shares to mark as not ready. Read-only, so that an idle
    worker writes nothing."""
    idle = 0
    for share in fair_share.ready_or_due(db, now):
        if share in skipped.workspaces:
            continue
        if _claimable(db, share, now, skipped.kinds) is not None:
            return True
        idle += not skipped.kinds or _claimable(db, share, now, ()) is None
        if idle > most:
            return True
    return False


def next_due(db: Transaction, now: int) -> int | None:
    """Time at which the next job becomes due; None if no job is scheduled for later."""
    query = "SELECT min(due_at) FROM jobs WHERE failed_at IS NULL AND due_at > ? AND due_at <= ?"
    row = db.execute(query, (now, now + LONGEST_WAIT)).fetchone()
    return int(row[0]) if row and row[0] is not None else None


def renew(db: Transaction, job: Job, now: int, *, lease: int) -> None:
    """Extend the lease of a claimed job to `lease` microseconds from now, unless the lease was lost."""
    db.execute(f"UPDATE jobs SET leased_until = ? {_HELD}", (now + lease, job.pk, job.attempts))


def require(db: Transaction, job: Job) -> None:
    """Raise LeaseLost if the job is no longer leased by this claim. Call it in the transaction that does the work."""
    db.lock("jobs", job.pk)
    if not is_held(db, job):
        raise LeaseLost(f"job {job.pk} ({job.kind}) is no longer held")


def advance(db: Transaction, job: Job, payload: dict[str, Any], *, units: int) -> None:
    """Record progress of a leased job: `payload` is the remaining work, `units` the finished part."""
    db.execute(
        f"UPDATE jobs SET payload = ?, units = {greatest('0', 'units - ?')} {_HELD}",
        (orjson.dumps(payload).decode(), units, job.pk, job.attempts),
    )


def release(db: Transaction, job: Job) -> None:
    """Return an interrupted job to the queue as if it had not been claimed."""
    db.execute(f"UPDATE jobs SET leased_until = NULL, attempts = attempts - 1 {_HELD}", (job.pk, job.attempts))


def give_back(db: Transaction, job: Job, now: int, payload: dict[str, Any] | None = None) -> None:
    """Return a job whose time slice is over: it queues behind its workspace's due jobs, but keeps its order in its key.

    `payload` is the remaining work; None: unchanged. This does not count as an attempt.
    """
    db.execute(
        f"""UPDATE jobs SET leased_until = NULL, attempts = attempts - 1, due_at = ?, payload = coalesce(?, payload)
            {_HELD}""",
        (now, None if payload is None else orjson.dumps(payload).decode(), job.pk, job.attempts),
    )


def finish(db: Transaction, job: Job, now: int) -> None:
    """Remove a leased job; finished reasoning is counted in `completed_work`."""
    if job.kind in REASONING:
        row = db.execute(f"SELECT units FROM jobs {_HELD}", (job.pk, job.attempts)).fetchone()
        if row and (units := rows.mended(["jobs.units"], row)[0]):
            completed_work.count(db, job, units, now)
    db.execute(f"DELETE FROM jobs {_HELD}", (job.pk, job.attempts))


def finish_others(db: Transaction, job: Job, is_done: Callable[[dict[str, Any]], bool], now: int) -> None:
    """Remove waiting jobs of the same kind and key whose work a leased job has done, as `is_done(payload)` decides.

    They are counted in `completed_work` as well.
    """
    query = f"SELECT pk, payload, units FROM jobs WHERE {_WAITS} ORDER BY pk {for_update('jobs')}"
    for pk, stored, units in db.execute(query, (job.kind, job.key)).fetchall():
        payload = parse_payload(stored)
        if payload is not None and is_done(payload):
            if job.kind in REASONING:
                completed_work.count(db, job, rows.mended(["jobs.units"], (units,))[0], now)
            db.execute("DELETE FROM jobs WHERE pk = ?", (pk,))


def is_held(db: Transaction, job: Job) -> bool:
    """Whether the job still exists and is leased by this claim."""
    return db.execute(f"SELECT 1 FROM jobs {_HELD}", (job.pk, job.attempts)).fetchone() is not None


def is_queued(db: Transaction, kind: str, key: str) -> bool:
    """Whether a job of this kind and key is waiting or running."""
    query = "SELECT 1 FROM jobs WHERE kind = ? AND key = ? AND failed_at IS NULL"
    return db.execute(query, (kind, key)).fetchone() is not None


def is_waiting(db: Transaction, kind: str, key: str) -> bool:
    """Whether a job of this kind and key is waiting, and has therefore read nothing yet."""
    return db.execute(f"SELECT 1 FROM jobs WHERE {_WAITS}", (kind, key)).fetchone() is not None


def is_drained(db: Transaction, job: Job) -> bool:
    """Whether there is no other pending job of the same kind and key."""
    query = "SELECT 1 FROM jobs WHERE kind = ? AND key = ? AND pk <> ? AND failed_at IS NULL"
    return db.execute(query, (job.kind, job.key, job.pk)).fetchone() is None


def pending(db: Transaction, kind: str, key: str | None) -> list[dict[str, Any]]:
    """Payloads of all pending jobs of a kind and key."""
    query = "SELECT payload FROM jobs WHERE kind = ? AND key = ? AND failed_at IS NULL ORDER BY pk"
    found = (parse_payload(payload) for (payload,) in db.execute(query, (kind, key)))
    return [payload for payload in found if payload is not None]


def retry_later(db: Transaction, job: Job, due_at: int, error: str | None) -> None:
    """Return a job to the queue for another attempt at `due_at`, with the reason if it failed."""
    given = "leased_until = NULL, due_at = ?, error = ?"
    db.execute(f"UPDATE jobs SET {given} {_HELD}", (due_at, error, job.pk, job.attempts))


def give_up(db: Transaction, job: Job, now: int, error: str) -> None:
    """Mark a job as failed for good, with the reason. It is not claimed again, and is removed after `FORGET_FAILED`."""
    given = "leased_until = NULL, failed_at = ?, error = ?"
    db.execute(f"UPDATE jobs SET {given} {_HELD}", (now, error, job.pk, job.attempts))
    forgotten = "SELECT pk FROM jobs WHERE failed_at < ? LIMIT ?"
    db.execute(f"DELETE FROM jobs WHERE pk IN ({forgotten})", (now - FORGET_FAILED, FORGET_AT_A_TIME))


def drop(db: Transaction, kind: str, key: str) -> None:
    """Delete all jobs of a kind and key, including failed ones."""
    db.execute("DELETE FROM jobs WHERE kind = ? AND key = ?", (kind, key))
