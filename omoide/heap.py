"""Give memory that was freed back to the operating system, where the C library can do so."""

from __future__ import annotations

import contextlib

from omoide.deferred import deferred

with deferred("ctypes"):
    import ctypes


def trim() -> None:
    """Return free pages of glibc's heap; nothing with another C library. Takes some milliseconds.

    glibc by itself returns only what is free at the end of the heap. Where many small values are dropped at once and
    others are made later, each time some of the room between them stays unused.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
