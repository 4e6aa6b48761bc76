"""Properties of the machine that affect the figures."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that the server uses

GIGABYTE = 1_000_000_000


@dataclass(frozen=True)
class Machine:
    processor: str
    cores: int
    memory_gb: int
    kernel: str
    python: str
    sqlite: str

    def text(self) -> str:
        return (
            f"{self.processor}, {self.cores} cores, {self.memory_gb} GB of memory, {self.kernel}, "
            f"Python {self.python}, SQLite {self.sqlite}"
        )


def this_machine() -> Machine:
    """This machine, without its name or information about its owner."""
    model = re.search(r"^model name\s*:\s*(.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # Suffixes of distributions and providers in the kernel version do not affect speed.
    release = re.match(r"[\d.]*\d", platform.release())
    return Machine(
        processor=model[1].strip() if model else platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(pages / GIGABYTE),
        kernel=f"{platform.system()} {release[0] if release else ''}".strip(),
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
    )


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
