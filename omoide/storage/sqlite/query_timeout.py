"""Limit the time of reads that run a caller's filter.

Over many rows a filter can keep a connection busy for minutes. A separate thread interrupts the statement: SQLite
checks the flag at each step anyway, so this costs nothing per row.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core.errors import Unprocessable
from omoide.fairness.thread_pool import paused_clock
from omoide.storage.base import Transaction
from omoide.storage.sqlite.connection import Connection, native

T = TypeVar("T")

AGAIN_SECONDS = 0.05
"""Interval between further interrupts, in case `fn` runs another statement."""


def run_with_timeout(db: Transaction, seconds: float | None, fn: Callable[[Transaction], T]) -> T:
    """Run `fn(db)` and return its result; `seconds` None: without a limit.

    Raises Unprocessable if its statements run for longer, or compare more within one row than `filters.functions`
    allows. Time in which the thread yields to others does not count.
    """
    if seconds is None:
        return fn(db)
    alarm = _Alarm(native(db), seconds)
    alarm.start()
    try:
        return fn(db)
    except sqlite3.OperationalError as error:
        if alarm.rung:
            raise Unprocessable(f"The filter takes longer than {seconds:g} s. Ask for less at a time.") from error
        if "user-defined function" in str(error):
            raise Unprocessable("The filter compares too many parts of one metadata value") from error
        raise
    finally:
        alarm.disarm()


class _Alarm(threading.Thread):
    """Interrupt a connection after some seconds, but never after `disarm` has returned, when other code uses it."""

    def __init__(self, db: Connection, seconds: float) -> None:
        super().__init__(name="omoide-deadline", daemon=True)
        self.rung = False
        self._db = db
        self._seconds = seconds
        self._paused = paused_clock()
        self._disarmed = threading.Event()
        self._ringing = threading.Lock()

    def run(self) -> None:
        waited = self._seconds
        began, before = time.monotonic(), self._paused()
        while not self._disarmed.wait(waited):
            left = self._seconds - (time.monotonic() - began) + self._paused() - before
            if left > 0 and not self.rung:
                waited = left
                continue
            with self._ringing:
                if not self._disarmed.is_set():
                    self.rung = True
                    self._db.interrupt()
            waited = AGAIN_SECONDS

    def disarm(self) -> None:
        with self._ringing:
            self._disarmed.set()
