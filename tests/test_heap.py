"""What was freed goes back to the operating system, where the C library can do that."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import pytest

from omoide import heap

PIECE = 100_000
"""Bytes: less than what glibc takes from the system by itself, and gives back by itself."""


def resident_bytes() -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return 1024 * int(found[1])


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no malloc_trim")
def test_memory_that_was_freed_between_what_stays_is_given_back() -> None:
    pieces = [bytearray(PIECE) for _ in range(1_000)]
    for piece in pieces:
        piece[::1_000] = b"x" * (PIECE // 1_000)  # pages that are used
    stays = [pieces[-1]]
    before = resident_bytes()
    pieces.clear()
    heap.trim()
    assert resident_bytes() < before - 500 * PIECE
    assert stays
