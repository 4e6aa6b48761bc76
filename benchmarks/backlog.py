"""Read the number of due jobs from the database of a running server."""

from __future__ import annotations

import time
from pathlib import Path

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that the server uses

POLL_SECONDS = 0.05
PATIENCE_SECONDS = 600


def due(db: Path) -> int:
    """The number of due jobs."""
    connection = sqlite3.connect(db)
    try:
        count = "SELECT count(*) FROM jobs WHERE failed_at IS NULL AND due_at <= ?"
        return int(connection.execute(count, (time.time_ns() // 1_000,)).fetchone()[0])
    finally:
        connection.close()


def wait_until_done(db: Path) -> float:
    """Wait until no job is due; returns the seconds. Raises TimeoutError."""
    begin = time.perf_counter()
    while left := due(db):
        if time.perf_counter() - begin > PATIENCE_SECONDS:
            raise TimeoutError(f"{left} jobs are still due after {PATIENCE_SECONDS} s")
        time.sleep(POLL_SECONDS)
    return time.perf_counter() - begin
