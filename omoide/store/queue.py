"""Jobs: work that a committed change still owes, as rows in the same transaction.

A worker claims the oldest job that is due and holds it by a lease; if it dies, the lease runs out and another takes the
job over. Finishing removes the row. Whatever a job does must therefore bear being done twice.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson

from omoide.jobs import Job
from omoide.records import WorkCount
from omoide.store.database import Connection

_HELD = "WHERE pk = ? AND attempts = ? AND leased_until IS NOT NULL"
"""The job as its worker claimed it: one that lost its lease to another has nothing to say about it any more."""

REASONING = ("representation", "summary", "dream")
"""The kinds of jobs that `status` counts: those whose end callers wait for."""


def add(
    db: Connection,
    kind: str,
    payload: dict[str, Any],
    now: int,
    *,
    key: str | None = None,
    workspace: int | None = None,
    coalesce: bool = True,
) -> None:
    """Owe a job from `now` (microseconds since 1970) on.

    `workspace` lets it go with its workspace. Of a kind and `key` one job runs at a time, the one that is due longest;
    one that failed and waits for its next attempt lets others pass. While one waits that nobody has begun, no other is
    added: it will do the work of both. Say `coalesce=False` where every job is work of its own.
    """
    if key is not None and coalesce:
        waits = "SELECT 1 FROM jobs WHERE kind = ? AND key = ? AND leased_until IS NULL AND failed_at IS NULL"
        if db.execute(waits, (kind, key)).fetchone():
            return
    db.execute(
        "INSERT INTO jobs (kind, payload, created_at, due_at, key, workspace) VALUES (?, ?, ?, ?, ?, ?)",
        (kind, orjson.dumps(payload).decode(), now, now, key, workspace),
    )


# A job that is due, that nobody holds, and that does not have to wait for another of its kind and key.
_CLAIMABLE = """FROM jobs j WHERE failed_at IS NULL AND due_at <= :now
    AND (leased_until IS NULL OR leased_until <= :now) AND kind NOT IN (SELECT value FROM json_each(:busy))
    AND NOT EXISTS (SELECT 1 FROM jobs h WHERE h.kind = j.kind AND h.key = j.key AND h.leased_until > :now)"""


def claim(db: Connection, now: int, *, lease: int, busy: Collection[str] = ()) -> Job | None:
    """The job that is due longest and may run, held for `lease` microseconds; None if there is none.

    The kinds in `busy` are passed over.
    """
    row = db.execute(
        f"""UPDATE jobs SET leased_until = :until, attempts = attempts + 1
            WHERE pk = (SELECT pk {_CLAIMABLE} ORDER BY due_at, pk LIMIT 1)
            RETURNING pk, kind, payload, attempts""",
        {"until": now + lease, "now": now, "busy": orjson.dumps(list(busy)).decode()},
    ).fetchone()
    return Job(row[0], row[1], orjson.loads(row[2]), row[3]) if row else None


def waiting(db: Connection, now: int, *, busy: Collection[str] = ()) -> bool:
    """Whether `claim` would find a job. Only reads, so that an idle worker writes nothing."""
    values = {"now": now, "busy": orjson.dumps(list(busy)).decode()}
    return db.execute(f"SELECT 1 {_CLAIMABLE} LIMIT 1", values).fetchone() is not None


def renew(db: Connection, job: Job, now: int, *, lease: int) -> None:
    """Hold a claimed job for another `lease` microseconds; one that was given back meanwhile stays free."""
    db.execute(f"UPDATE jobs SET leased_until = ? {_HELD}", (now + lease, job.pk, job.attempts))


def release(db: Connection, job: Job) -> None:
    """Give a job back that was interrupted, as if nobody had begun it."""
    db.execute(f"UPDATE jobs SET leased_until = NULL, attempts = attempts - 1 {_HELD}", (job.pk, job.attempts))


def finish(db: Connection, job: Job) -> None:
    db.execute(f"DELETE FROM jobs {_HELD}", (job.pk, job.attempts))


def postpone(db: Connection, job: Job, due_at: int, error: str) -> None:
    """Give a failed job back, to be tried again at `due_at`, with the reason."""
    given = "leased_until = NULL, due_at = ?, error = ?"
    db.execute(f"UPDATE jobs SET {given} {_HELD}", (due_at, error, job.pk, job.attempts))


def give_up(db: Connection, job: Job, now: int, error: str) -> None:
    """Keep a job that failed for good where it can be seen, with the reason. Nobody claims it any more."""
    given = "leased_until = NULL, failed_at = ?, error = ?"
    db.execute(f"UPDATE jobs SET {given} {_HELD}", (now, error, job.pk, job.attempts))


def drop(db: Connection, kind: str, key: str) -> None:
    """Forget the jobs of a kind and key, those that failed for good included."""
    db.execute("DELETE FROM jobs WHERE kind = ? AND key = ?", (kind, key))


def status(
    db: Connection,
    workspace_id: str,
    now: int,
    *,
    observer: str | None = None,
    observed: str | None = None,
    session: str | None = None,
) -> dict[str | None, WorkCount]:
    """How much reasoning the workspace owes: session, or None for work of no session → counts.

    What a job is about stands in its payload by names: `session`, `observer` or a list of `observers`, `observed`.
    `session` restricts to one session, `observer` and `observed` to jobs that match either. Completed are those that
    failed for good, because no trace is kept of others; in progress is all that is held or waits behind what is.
    """
    rows = db.execute(
        """SELECT payload ->> 'session', sum(failed), sum(NOT failed AND held), sum(NOT failed AND NOT held) FROM
           (SELECT payload, j.failed_at IS NOT NULL AS failed, coalesce(j.leased_until > :now, 0) OR EXISTS (
                SELECT 1 FROM jobs h WHERE h.kind = j.kind AND h.key = j.key AND h.leased_until > :now) AS held
            FROM jobs j JOIN workspaces w ON w.pk = j.workspace
            WHERE w.id = :workspace AND w.deleted_at IS NULL AND j.kind IN (SELECT value FROM json_each(:kinds))
                AND (:session IS NULL OR j.payload ->> 'session' = :session)
                AND ((:observer IS NULL AND :observed IS NULL)
                    OR j.payload ->> 'observed' = :observed OR j.payload ->> 'observer' = :observer
                    OR :observer IN (SELECT value FROM json_each(j.payload, '$.observers'))))
           GROUP BY 1 ORDER BY 1""",
        {
            "workspace": workspace_id,
            "now": now,
            "kinds": orjson.dumps(REASONING).decode(),
            "observer": observer,
            "observed": observed,
            "session": session,
        },
    )
    return {name: WorkCount(*counts) for name, *counts in rows}
