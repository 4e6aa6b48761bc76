"""Small writes and reads on the table `jobs`, for tests of the store itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from omoide.core.jobs import NewJob
from omoide.core.records import Session
from omoide.storage import queue, session_clone
from omoide.storage.sqlite.engine import Connection
from tests import sql


def put(db: Connection, kind: str) -> str:
    queue.add(db, NewJob(kind, {}), 0)
    return kind


def kinds(db: Connection) -> list[str]:
    return sql.column(db, "SELECT kind FROM jobs ORDER BY pk")


def pragma(db: Connection, name: str) -> object:
    return sql.value(db, f"PRAGMA {name}")


def steps(db: Connection, work: Callable[[Connection], object]) -> int:
    """The cost of the work in hundreds of SQLite VM steps, independent of the machine's load."""
    taken = 0

    def step() -> None:
        nonlocal taken
        taken += 1

    db.set_progress_handler(step, 100)
    try:
        work(db)
    finally:
        db.set_progress_handler(None, 0)
    return taken


def cloned(db: Connection, workspace_id: str, session_id: str, until: str | None, now: int) -> Session:
    """Copy a session, in all steps."""
    copy = session_clone.begin(db, workspace_id, session_id, until, now)
    while isinstance(copy, session_clone.UnfinishedClone):
        copy = session_clone.go_on(db, copy, now)
    return copy


class Gate:
    """A write that blocks the writer until `open` is called, so that other writes queue behind it."""

    def __init__(self) -> None:
        self._entered = threading.Event()
        self._opened = threading.Event()

    def __call__(self, db: Connection) -> None:
        self._entered.set()
        self._opened.wait()

    async def entered(self) -> None:
        """Wait until the writer runs it."""
        await asyncio.to_thread(self._entered.wait)

    def open(self) -> None:
        self._opened.set()
