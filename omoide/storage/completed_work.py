"""Counts of recently finished reasoning, for the queue status."""

from __future__ import annotations

import orjson

from omoide.core.clock import HOUR
from omoide.core.jobs import Job
from omoide.storage import rows
from omoide.storage.base import Transaction
from omoide.storage.dialect import greatest, holds_text

FORGET_AFTER = 12 * HOUR
"""Microseconds for which finished work is counted: 12 hours, as in the public API."""
FORGET_AT_A_TIME = 20
"""Expired rows removed per call at most."""


def count(db: Transaction, job: Job, units: int, now: int) -> None:
    """Count units of reasoning as done, and remove expired counts."""
    assert job.workspace is not None
    payload = job.payload
    observers = payload.get("observers") or ([payload["observer"]] if payload.get("observer") else [])
    done = (payload.get("session") or "", payload.get("observed") or "", orjson.dumps(observers).decode())
    _add(db, (job.workspace, job.kind, *done), units, now)
    db.execute(
        """DELETE FROM done WHERE (workspace, kind, session, observed, observers) IN (
               SELECT workspace, kind, session, observed, observers FROM done WHERE updated_at < ? LIMIT ?)""",
        (now - FORGET_AFTER, FORGET_AT_A_TIME),
    )


def rename(db: Transaction, workspace: int, old: str, into: str) -> None:
    """Count what was done about or for a peer (its id) as that of another."""
    found = db.execute(
        f"""SELECT kind, session, observed, observers, units, updated_at FROM done
            WHERE workspace = ? AND (observed = ? OR {holds_text("observers")})""",
        (workspace, old, f'"{old}"'),
    ).fetchall()
    for row in found:
        kind, session, observed, text, units, updated_at = rows.mended(_COLUMNS, row)
        key = "workspace = ? AND kind = ? AND session = ? AND observed = ? AND observers = ?"
        db.execute(f"DELETE FROM done WHERE {key}", (workspace, kind, session, observed, text))
        names = [into if name == old else name for name in rows.texts_from(text)]
        done = (workspace, kind, session, into if observed == old else observed)
        _add(db, (*done, orjson.dumps([*dict.fromkeys(names)]).decode()), units, updated_at)


_COLUMNS = ["", "", "", "done.observers", "done.units", "done.updated_at"]


def _add(db: Transaction, done: tuple[int, str, str, str, str], units: int, now: int) -> None:
    db.execute(
        f"""INSERT INTO done (workspace, kind, session, observed, observers, units, updated_at)
           VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (workspace, kind, session, observed, observers) DO UPDATE
           SET units = done.units + excluded.units,
           updated_at = {greatest("done.updated_at", "excluded.updated_at")}""",
        (*done, units, now),
    )
