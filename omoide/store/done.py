"""Reasoning that was done of late, counted for the status of the queue."""

from __future__ import annotations

import orjson

from omoide.jobs import Job
from omoide.store.connection import Connection

FORGET_AFTER = 43_200_000_000
"""After how many microseconds what was done is counted no more: as long as the public API keeps it."""
FORGET_AT_A_TIME = 20
"""How many rows are removed along with another write, at the most."""


def count(db: Connection, job: Job, units: int, now: int) -> None:
    """Count units of reasoning as done; what was counted long ago is forgotten."""
    told = job.payload
    observers = told.get("observers") or [told["observer"]] if told.get("observers") or told.get("observer") else []
    db.execute(
        """INSERT INTO done (workspace, kind, session, observed, observers, units, updated_at)
           VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET units = units + excluded.units, updated_at = excluded.updated_at""",
        (
            job.workspace,
            job.kind,
            told.get("session") or "",
            told.get("observed") or "",
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
