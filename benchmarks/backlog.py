"""What a worker still owes, read from the database beside the server."""

from __future__ import annotations

import time
from pathlib import Path

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that the server uses

POLL_SECONDS = 0.05
PATIENCE_SECONDS = 600


def due(db: Path) -> int:
    """How many jobs could be done at once and are not."""
    connection = sqlite3.connect(db)
    try:
        count = "SELECT count(*) FROM jobs WHERE failed_at IS NULL AND due_at <= ?"
        return int(connection.execute(count, (time.time_ns() // 1_000,)).fetchone()[0])
    finally:
        connection.close()


def wait_until_done(db: Path) -> float:
    """Seconds until nothing is due. Raises TimeoutError."""
    begin = time.perf_counter()
    while left := due(db):
        if time.perf_counter() - begin > PATIENCE_SECONDS:
            raise TimeoutError(f"{left} jobs are still due after {PATIENCE_SECONDS} s")
        time.sleep(POLL_SECONDS)
    return time.perf_counter() - begin
