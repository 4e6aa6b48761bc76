"""Samples the memory of each server process and the size of the database."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.process_tree import family

SAMPLE_SECONDS = 1.0
FEWEST_SAMPLES = 10
GROWTH = 1.05
"""Largest accepted growth factor of a process's memory while the amount of data is constant."""

WARM_UP = 0.4
"""Fraction of each phase that is ignored for memory: caches fill in it, and the worker is killed in it."""

Series = Sequence[tuple[float, int]]
"""Samples in order: time by the monotonic clock, and bytes."""


@dataclass(frozen=True, slots=True)
class Medians:
    """Medians in bytes of the first and of the last fifth of a period: of one process's memory, or of the file."""

    name: str
    first: float
    last: float

    @property
    def growth(self) -> float:
        return self.last / self.first


def held(name: str, series: Series, since: float, until: float) -> Medians | None:
    """Return the medians of a period; None unless the series covers all of it with enough samples."""
    sizes = [size for at, size in series if since <= at <= until]
    covers = bool(series) and series[0][0] <= since and series[-1][0] > until - 3 * SAMPLE_SECONDS
    if not covers or len(sizes) < FEWEST_SAMPLES:
        return None
    fifth = max(1, len(sizes) // 5)
    return Medians(name, median(sizes[:fifth]), median(sizes[-fifth:]))


def of_processes(seen: Mapping[tuple[str, int], Series], since: float, until: float) -> list[Medians]:
    """Return `held` for each process (by name and pid) that lived throughout the period."""
    every = (held(name, series, since, until) for (name, _), series in seen.items())
    return [each for each in every if each is not None]


@dataclass(frozen=True, slots=True)
class SoakPhase:
    """A part of the run: its duration, and the sizes of the file and the processes after its warm-up."""

    seconds: float
    data: Medians | None
    processes: Sequence[Medians]


class Watcher(threading.Thread):
    """Samples the processes of the server `pid` and its file `db` until `stop` is set."""

    def __init__(self, pid: int, db: Path, stop: threading.Event) -> None:
        super().__init__(daemon=True, name="soak-memory")
        self.pid = pid
        self.db = db
        self.stop = stop
        self.seen: dict[tuple[str, int], list[tuple[float, int]]] = defaultdict(list)
        self.file: list[tuple[float, int]] = []

    def run(self) -> None:
        while not self.stop.wait(SAMPLE_SECONDS):
            now = time.monotonic()
            self.file.append((now, self.db.stat().st_size))
            for pid in family(self.pid):
                with contextlib.suppress(OSError):
                    name = Path(f"/proc/{pid}/comm").read_text().strip()
                    size = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
                    if size:
                        self.seen[name if pid != self.pid else "supervisor", pid].append((now, int(size[1]) * 1_024))

    def phase(self, began: float) -> SoakPhase:
        """Return the phase from `began` (by the monotonic clock) until now."""
        until = time.monotonic()
        since = began + WARM_UP * (until - began)
        return SoakPhase(until - began, held("data", self.file, since, until), of_processes(self.seen, since, until))
