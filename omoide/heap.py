"""How glibc's allocator keeps and returns freed memory. With any other C library these functions do nothing.

glibc makes an arena for nearly every thread, and none of them can use what is free in another. It also raises the size
from which an allocation gets a mapping of its own to the largest one freed so far, and what has no such mapping stays
in an arena. docs/decisions/ has the figures ("What the allocator keeps").
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

from omoide.aside import aside
from omoide.deferred import deferred

with deferred("ctypes"):
    import ctypes

ARENAS = 1
"""For all threads together. Python's own lock lets one of them allocate at a time, most of the time."""

MAPPED_BYTES = 1_048_576
"""Allocations of this size or more get a mapping of their own and are returned when they are freed. Fixed, because
glibc otherwise raises the limit up to 32 MB. Smaller would slow down searches, which use arrays of half a megabyte."""

TRIM_BYTES = 16_000_000
"""By how much a process may grow after heavy work before it looks for free memory to return."""

LOOK_SECONDS = 5.0
BUSY_SHARE = 0.25
"""A process that used more of a processor than this since the last look is busy, and returns nothing for now,"""
MOST_BUSY_LOOKS = 12
"""unless it was busy at so many looks in a row."""

# Parameters of mallopt(3), their values, and the environment variables of glibc that set them as well.
_OPTIONS = (
    (-8, ARENAS, "MALLOC_ARENA_MAX"),
    (-3, MAPPED_BYTES, "MALLOC_MMAP_THRESHOLD_"),
)
_TUNABLES = "GLIBC_TUNABLES"


def limit(environment: Mapping[str, str] = os.environ) -> None:
    """Set what the allocator may keep, for this process and those forked from it. Call it before threads are started.

    A variable of glibc's own in the environment takes precedence over the value here.
    """
    if "glibc.malloc." in environment.get(_TUNABLES, ""):
        return
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value, variable in _OPTIONS:
            if variable not in environment:
                mallopt(parameter, value)


def trim() -> None:
    """Return free pages. Takes about 0.1 ms per megabyte returned, during which other threads may wait to allocate.

    By itself glibc returns only what is free at the end of an arena.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def resident_bytes() -> int | None:
    """The resident memory of this process; None where the kernel has no /proc."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


class Trimmer:
    """Trims the process after heavy work, once it is idle."""

    def __init__(self) -> None:
        self._least = resident_bytes()
        """The least resident memory seen since the last trim."""
        self._busy_looks = 0
        self._used, self._at = time.process_time(), time.monotonic()

    async def run(self) -> None:
        """Look repeatedly, until cancelled."""
        while self._least is not None:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look(is_busy=self._is_busy())

    async def look(self, *, is_busy: bool) -> None:
        """Trim if the process has grown by `TRIM_BYTES` and is not busy, or has been busy for long."""
        resident = resident_bytes()
        if resident is None or self._least is None:
            return
        self._least = min(self._least, resident)
        if resident < self._least + TRIM_BYTES:
            self._busy_looks = 0
            return
        self._busy_looks += 1
        if is_busy and self._busy_looks < MOST_BUSY_LOOKS:
            return
        await aside(trim)
        self._least, self._busy_looks = resident_bytes(), 0

    def _is_busy(self) -> bool:
        """Whether the process used much of a processor since the last call."""
        used, at = time.process_time(), time.monotonic()
        share = (used - self._used) / max(at - self._at, 0.001)
        self._used, self._at = used, at
        return share > BUSY_SHARE
