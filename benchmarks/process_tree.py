"""Resource usage of a process and its descendants, from /proc (see proc(5))."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path


def family(pid: int) -> list[int]:
    """The pids of the process and its descendants that still exist."""
    found = [pid]
    for each in found:
        with contextlib.suppress(OSError):
            for thread in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (thread / "children").read_text().split())
    return found


def named(pid: int, name: str) -> list[int]:
    """The pids of the family with this name: omoide-api, omoide-worker."""
    return [each for each in family(pid) if _read(each, "comm").strip() == name]


def processor_seconds(pid: int) -> float:
    """Total CPU time of the family, which, unlike elapsed time, hardly depends on the machine's load."""
    ticks = 0
    for each in family(pid):
        fields = _read(each, "stat").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12]) if fields else 0  # utime and stime
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Total proportional set size (Pss) of the family: shared memory is counted once."""
    sizes = (re.search(r"^Pss:\s+(\d+) kB", _read(each, "smaps_rollup"), re.MULTILINE) for each in family(pid))
    return sum(int(size[1]) * 1024 for size in sizes if size)


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except OSError:
        return ""
