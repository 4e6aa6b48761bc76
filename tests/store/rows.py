"""Small writes and reads for tests about the store itself, on the table of jobs."""

from __future__ import annotations

import asyncio
import threading

from omoide.store import Connection, queue


def put(db: Connection, kind: str) -> str:
    queue.add(db, kind, {}, 0)
    return kind


def kinds(db: Connection) -> list[str]:
    return [kind for (kind,) in db.execute("SELECT kind FROM jobs ORDER BY pk")]


def pragma(db: Connection, name: str) -> object:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


class Gate:
    """A write that keeps the writer busy until it is opened, so that other writes gather behind it."""

    def __init__(self) -> None:
        self._entered = threading.Event()
        self._opened = threading.Event()

    def __call__(self, db: Connection) -> None:
        self._entered.set()
        self._opened.wait()

    async def entered(self) -> None:
        """Return once the writer is busy with it."""
        await asyncio.to_thread(self._entered.wait)

    def open(self) -> None:
        self._opened.set()
