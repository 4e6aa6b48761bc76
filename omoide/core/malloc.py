"""Configure glibc's allocator and return freed memory to the system. No-ops with any other C library.

glibc creates an arena for almost every thread, and a thread cannot use memory that is free in another arena.
docs/decisions/0031-what-the-allocator-keeps.md has the figures.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from omoide.core.lazy_import import lazy_import
from omoide.core.offload import offload

with lazy_import("ctypes"):
    import ctypes

ARENAS = 1
"""Shared by all threads. Because of the GIL mostly one thread allocates at a time."""

TRIM_BYTES = 16_000_000
"""The growth in resident memory that triggers a trim."""

LOOK_SECONDS = 5.0
BUSY_SHARE = 0.25
"""A process that used a larger share of a processor than this since the last check is busy and is not trimmed yet,"""
MOST_BUSY_LOOKS = 12
"""unless it was busy at this many consecutive checks."""

_M_ARENA_MAX = -8  # see mallopt(3)


def limit_arenas(environment: Mapping[str, str] = os.environ) -> None:
    """Limit the number of arenas of this process and its forks. Call it before starting threads.

    glibc's own environment variables take precedence.
    """
    if "MALLOC_ARENA_MAX" in environment or "glibc.malloc.arena_max" in environment.get("GLIBC_TUNABLES", ""):
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS)


class Releasable(Protocol):
    """Something that holds memory which it can do without."""

    def release_memory(self) -> None: ...


_releasable: weakref.WeakSet[Releasable] = weakref.WeakSet()


def register(holder: Releasable) -> None:
    """Have `trim` call the holder; a weak reference is kept."""
    _releasable.add(holder)


def trim() -> None:
    """Return free pages to the system. Takes about 0.1 ms per megabyte; other threads may wait to allocate meanwhile.

    Without this, glibc returns only the free memory at the end of an arena.
    """
    for holder in [*_releasable]:
        holder.release_memory()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def resident_bytes() -> int | None:
    """The resident memory of this process; None without /proc."""
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


class HeapTrimmer:
    """Trims the process after heavy work, once it is idle."""

    def __init__(self) -> None:
        self._least = resident_bytes()
        """The least resident memory seen since the last trim."""
        self._busy_looks = 0
        self._used, self._at = time.process_time(), time.monotonic()

    async def run(self) -> None:
        """Check every `LOOK_SECONDS` until cancelled."""
        while self._least is not None:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look(is_busy=self._is_busy())

    async def look(self, *, is_busy: bool) -> None:
        """Trim if the process has grown by `TRIM_BYTES` and is idle or has been busy for `MOST_BUSY_LOOKS` checks."""
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
        await offload(trim)
        self._least, self._busy_looks = resident_bytes() or resident, 0

    def _is_busy(self) -> bool:
        """Whether the process used more than `BUSY_SHARE` of a processor since the last call."""
        used, at = time.process_time(), time.monotonic()
        share = (used - self._used) / max(at - self._at, 0.001)
        self._used, self._at = used, at
        return share > BUSY_SHARE
