"""Jobs: work that a committed change still owes, as rows in the same transaction.

A worker claims the oldest job that is due and holds it by a lease; if it dies, the lease runs out and another takes the
job over. Finishing removes the row. Whatever a job does must therefore bear being done twice.
"""

from __future__ import annotations

from typing import Any

import orjson

from omoide.jobs import Job
from omoide.store.database import Connection


def add(db: Connection, kind: str, payload: dict[str, Any], now: int) -> None:
    """Owe a job from `now` (microseconds since 1970) on."""
    db.execute(
        "INSERT INTO jobs (kind, payload, created_at, due_at) VALUES (?, ?, ?, ?)",
        (kind, orjson.dumps(payload).decode(), now, now),
    )


def claim(db: Connection, now: int, *, lease: int) -> Job | None:
    """The oldest job that is due and that nobody holds, held for `lease` microseconds; None if there is none."""
    row = db.execute(
        """UPDATE jobs SET leased_until = ?, attempts = attempts + 1 WHERE pk =
           (SELECT pk FROM jobs WHERE due_at <= ? AND (leased_until IS NULL OR leased_until <= ?)
            ORDER BY due_at, pk LIMIT 1)
           RETURNING pk, kind, payload, attempts""",
        (now + lease, now, now),
    ).fetchone()
    return Job(row[0], row[1], orjson.loads(row[2]), row[3]) if row else None


def waiting(db: Connection, now: int) -> bool:
    """Whether `claim` would find a job. Only reads, so that an idle worker writes nothing."""
    query = "SELECT 1 FROM jobs WHERE due_at <= ? AND (leased_until IS NULL OR leased_until <= ?) LIMIT 1"
    return db.execute(query, (now, now)).fetchone() is not None


def renew(db: Connection, job: Job, now: int, *, lease: int) -> None:
    """Hold a claimed job for another `lease` microseconds."""
    db.execute("UPDATE jobs SET leased_until = ? WHERE pk = ?", (now + lease, job.pk))


def finish(db: Connection, job: Job) -> None:
    db.execute("DELETE FROM jobs WHERE pk = ?", (job.pk,))


def postpone(db: Connection, job: Job, due_at: int, error: str) -> None:
    """Give a failed job back, to be tried again at `due_at`, with the reason."""
    db.execute("UPDATE jobs SET leased_until = NULL, due_at = ?, error = ? WHERE pk = ?", (due_at, error, job.pk))
