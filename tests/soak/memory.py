"""How much memory each process of a server holds, looked at again and again."""

from __future__ import annotations

import re
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.process_tree import family

SAMPLE_SECONDS = 1.0
FEWEST_SAMPLES = 10
GROWTH = 1.10
"""By how much the memory of a process may grow."""


@dataclass(frozen=True, slots=True)
class Held:
    """What one process held in the first fifth and in the last fifth of the time it was looked at, in bytes."""

    process: str
    pid: int
    first: float
    last: float

    @property
    def growth(self) -> float:
        return self.last / self.first


class Watcher(threading.Thread):
    """Looks until `stop` is set."""

    def __init__(self, pid: int, stop: threading.Event) -> None:
        super().__init__(daemon=True, name="soak-memory")
        self.pid = pid
        self.stop = stop
        self.seen: dict[tuple[str, int], list[tuple[float, int]]] = defaultdict(list)

    def run(self) -> None:
        while not self.stop.wait(SAMPLE_SECONDS):
            for pid in family(self.pid):
                try:
                    name = Path(f"/proc/{pid}/comm").read_text().strip()
                    size = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
                except OSError:
                    continue
                if size:
                    self.seen[name if pid != self.pid else "supervisor", pid].append((time.monotonic(), int(size[1])))

    def held(self, since: float) -> list[Held]:
        """Of each process that lived from `since` (by the monotonic clock) to now."""
        newest = max(at for samples in self.seen.values() for at, _ in samples)
        found = []
        for (name, pid), samples in self.seen.items():
            sizes = [size * 1_024 for at, size in samples if at >= since]
            if samples[0][0] <= since and samples[-1][0] > newest - 3 * SAMPLE_SECONDS and len(sizes) >= FEWEST_SAMPLES:
                fifth = max(1, len(sizes) // 5)
                found.append(Held(name, pid, median(sizes[:fifth]), median(sizes[-fifth:])))
        return found
