"""Freed memory is returned to the operating system, where the C library can do that."""

from __future__ import annotations

import asyncio
import os
import platform
import re
import subprocess
import sys
import textwrap
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.process_tree import named
from omoide.core import malloc
from tests.server_process import Server

PIECE = 100_000
"""Bytes: less than what gets a mapping of its own, which is returned in any case."""
HEAP_BYTES = 64 << 20
"""What glibc reserves for each arena but the first, at an address that is a multiple of this (HEAP_MAX_SIZE)."""

needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such functions")


def resident_bytes() -> int:
    found = malloc.resident_bytes()
    assert found
    return found


def freed_between_what_stays(megabytes: int = 100) -> list[bytearray]:
    """Have so much free memory in the heap that glibc cannot return by itself; the value keeps it so."""
    pieces = [bytearray(PIECE) for _ in range(megabytes * 1_000_000 // PIECE)]
    for piece in pieces:
        piece[::1_000] = b"x" * (PIECE // 1_000)  # pages that are used
    return [pieces[-1]]


def said_by(code: str, **environment: str) -> str:
    """What a new process prints, to both streams, that runs the code after importing the module under test."""
    script = "import ctypes, threading\nfrom omoide.core import malloc\n" + textwrap.dedent(code)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    done = subprocess.run(
        [sys.executable, "-c", script], env={**inherited, **environment},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True,
    )  # fmt: skip
    return done.stdout


@needs_glibc
def test_memory_that_was_freed_between_what_stays_is_given_back() -> None:
    stays = freed_between_what_stays()
    before = resident_bytes()
    malloc.trim()
    assert resident_bytes() < before - 50_000_000
    assert stays


THREADS = """
    malloc.limit_arenas()
    barrier = threading.Barrier(8)

    def allocate():
        barrier.wait()
        kept = [bytearray(20_000) for _ in range(10)]
        barrier.wait()

    threads = [threading.Thread(target=allocate) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    ctypes.CDLL(None).malloc_stats()
"""


@needs_glibc
@pytest.mark.parametrize(
    ("environment", "most"),
    [
        ({}, malloc.ARENAS),
        ({"MALLOC_ARENA_MAX": "3"}, 3),
        ({"GLIBC_TUNABLES": "glibc.malloc.arena_max=3"}, 3),
        ({"GLIBC_TUNABLES": "glibc.malloc.tcache_count=5"}, malloc.ARENAS),
    ],
)
def test_threads_share_an_arena_unless_the_environment_says_otherwise(environment: dict[str, str], most: int) -> None:
    assert len(re.findall(r"^Arena \d+:", said_by(THREADS, **environment), re.MULTILINE)) == most


@needs_glibc
def test_the_processes_of_a_server_have_one_arena(server: Server) -> None:
    with server.client() as http:
        file = {"file": ("a.txt", b"The river is wide.\n" * 10_000, "text/plain")}
        path = "/v3/workspaces/arenas/sessions/s/messages"
        http.post(f"{path}/upload", files=file, data={"peer_id": "ana"}).raise_for_status()
        http.post(f"{path}/list", json={}).raise_for_status()
    for name in ("omoide-api", "omoide-worker"):
        (pid,) = named(server.process.pid, name)
        assert secondary_arenas(pid) == 0


def secondary_arenas(pid: int) -> int:
    """How many arenas the process has but the first: writable memory, and after it what is reserved for it."""
    maps = Path(f"/proc/{pid}/maps").read_text()
    areas = re.findall(r"^(\w+)-(\w+) (?:rw|--)-p 00000000 00:00 0 *$", maps, re.MULTILINE)
    bounds = [(int(start, 16), int(end, 16)) for start, end in areas]
    return sum(
        start % HEAP_BYTES == 0 and end == reserved and reserved_end - start == HEAP_BYTES
        for (start, end), (reserved, reserved_end) in pairwise(bounds)
    )


@needs_glibc
def test_what_heavy_work_left_is_returned_once_the_process_is_idle() -> None:
    async def story() -> None:
        trimmer = malloc.HeapTrimmer()
        stays = freed_between_what_stays()
        full = resident_bytes()
        await trimmer.look(is_busy=True)
        assert resident_bytes() > full - 50_000_000
        await trimmer.look(is_busy=False)
        assert resident_bytes() < full - 50_000_000
        assert stays

    asyncio.run(story())


@needs_glibc
def test_a_process_that_is_always_busy_returns_memory_after_a_while() -> None:
    async def story() -> None:
        trimmer = malloc.HeapTrimmer()
        stays = freed_between_what_stays()
        full = resident_bytes()
        for _ in range(malloc.MOST_BUSY_LOOKS - 1):
            await trimmer.look(is_busy=True)
        assert resident_bytes() > full - 50_000_000
        await trimmer.look(is_busy=True)
        assert resident_bytes() < full - 50_000_000
        assert stays

    asyncio.run(story())


def test_with_another_c_library_and_without_proc_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: SimpleNamespace())
    malloc.limit_arenas({})
    malloc.trim()
    monkeypatch.setattr(malloc, "resident_bytes", lambda: None)
    asyncio.run(malloc.HeapTrimmer().run())
