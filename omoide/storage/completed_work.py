"""Counts of recently finished reasoning, for the queue status."""

from __future__ import annotations

import orjson

from omoide.core.clock import HOUR
from omoide.core.jobs import Job
from omoide.storage.base import Transaction

FORGET_AFTER = 12 * HOUR
"""Microseconds for which finished work is counted: 12 hours, as in the public API."""
FORGET_AT_A_TIME = 20
"""Expired rows removed per call at most."""


def count(db: Transaction, job: Job, units: int, now: int) -> None:
    """Count units of reasoning as done, and remove expired counts."""
    payload = job.payload
    observers = payload.get("observers") or ([payload["observer"]] if payload.get("observer") else [])
    db.execute(
        """INSERT INTO done (workspace, kind, session, observed, observers, units, updated_at)
           VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (workspace, kind, session, observed, observers) DO UPDATE
           SET units = done.units + excluded.units, updated_at = excluded.updated_at""",
        (
            job.workspace,
            job.kind,
            payload.get("session") or "",
            payload.get("observed") or "",
            orjson.dumps(observers).decode(),
            units,
            now,
        ),
    )
    db.execute(
        """DELETE FROM done WHERE (workspace, kind, session, observed, observers) IN (
               SELECT workspace, kind, session, observed, observers FROM done WHERE updated_at < ? LIMIT ?)""",
        (now - FORGET_AFTER, FORGET_AT_A_TIME),
    )
