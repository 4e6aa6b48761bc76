"""Limit the time of reads that run a caller's filter.

Over many rows a filter can keep a connection busy for minutes. A separate thread interrupts the statement: SQLite
checks the flag at each step anyway, so this costs nothing per row.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core.errors import Unprocessable
from omoide.fairness.thread_pool import paused_clock
from omoide.storage.base import Transaction
from omoide.storage.sqlite.connection import Connection, native

T = TypeVar("T")

_running = threading.local()

AGAIN_SECONDS = 0.05
"""Interval between further interrupts, in case `fn` runs another statement."""


def run_with_timeout(db: Transaction, seconds: float | None, fn: Callable[[Transaction], T]) -> T:
    """Run `fn(db)` and return its result; `seconds` None: without a limit.

    Raises Unprocessable if its statements run for longer, or compare more within one row than `filters.functions`
    allows. Time in which the thread yields to others, or is in `uncounted`, does not count.
    """
    if seconds is None:
        return fn(db)
    alarm = _Alarm(native(db), seconds)
    alarm.start()
    _running.alarm = alarm
    try:
        return fn(db)
    except sqlite3.OperationalError as error:
        if alarm.rung:
            raise Unprocessable(f"The filter takes longer than {seconds:g} s. Ask for less at a time.") from error
        if "user-defined function" in str(error):
            raise Unprocessable("The filter compares too many parts of one metadata value") from error
        raise
    finally:
        _running.alarm = None
        alarm.disarm()


@contextlib.contextmanager
def uncounted() -> Iterator[None]:
    """Do not count the time within the block, in which no statement of the filter runs."""
    alarm: _Alarm | None = getattr(_running, "alarm", None)
    began = time.monotonic()
    if alarm is not None:
        alarm.uncounted_since = began
    try:
        yield
    finally:
        if alarm is not None:
            alarm.uncounted += time.monotonic() - began  # first, so that it is never too little
            alarm.uncounted_since = None


class _Alarm(threading.Thread):
    """Interrupt a connection after some seconds, but never after `disarm` has returned, when other code uses it."""

    def __init__(self, db: Connection, seconds: float) -> None:
        super().__init__(name="omoide-deadline", daemon=True)
        self.rung = False
        self.uncounted = 0.0
        self.uncounted_since: float | None = None
        self._db = db
        self._seconds = seconds
        self._paused = paused_clock()
        self._disarmed = threading.Event()
        self._ringing = threading.Lock()

    def run(self) -> None:
        waited = self._seconds
        began, before = time.monotonic(), self._paused()
        while not self._disarmed.wait(waited):
            since = self.uncounted_since
            now = time.monotonic()
            elsewhere = self._paused() - before + self.uncounted + (0.0 if since is None else now - since)
            left = self._seconds - (now - began) + elsewhere
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
