"""Counters and histograms in memory shared by all processes of the server.

Each process writes to its own row, so counting needs neither locks nor system calls, and any process can sum the rows.
The memory is created before forking. A process that is restarted continues in the row of its predecessor.
`metrics_text` renders the sums.
"""

from __future__ import annotations

import mmap
import os
import time
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from omoide.core.usage import Counts, UsageLedger

REQUEST_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
JOB_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0)
"""Upper bounds of the histogram buckets; the last bucket has none."""

OTHER = "other"
"""The label for names that were unknown when the memory was created."""

LEFT = 499
"""The status recorded when the client disconnects before the response; it is never sent."""

STATUSES = (200, 201, 202, 204, 400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, LEFT, 500, 501, 503, 507)
RESULTS = ("done", "continued", "retried", "given_up", "lost", "returned")
"""Outcomes of a job attempt: done; continued in a later time slice; to be retried; failed permanently; lost to another
worker; returned to the queue because the worker stops."""

_STATUS_PLACE = {status: 2 + len(REQUEST_SECONDS) + place for place, status in enumerate(STATUSES)}
_OTHER_STATUS = 2 + len(REQUEST_SECONDS) + len(STATUSES)
_RESULT_PLACE = {result: place for place, result in enumerate(RESULTS)}
_DOUBLE = 8


@dataclass(frozen=True, slots=True)
class DurationStats:
    """Counts by outcome and a histogram of durations: `classes` are the bucket counts, `seconds` is the sum."""

    name: str
    outcomes: Sequence[float]
    classes: Sequence[float]
    seconds: float


@dataclass(frozen=True, slots=True)
class ExternalCallStats:
    """Requests to a model or embedder: counts of answered and failed ones, times of the last of each (seconds since
    1970, 0 for never), `counted` units (texts of an embedder), and the reason of the last failure, empty if unknown."""

    name: str
    answered: float
    failed: float
    answered_at: float
    failed_at: float
    counted: Sequence[float]
    fault: str


@dataclass(frozen=True, slots=True)
class ProcessStats:
    """A process of the server: name, pid, start time and last heartbeat (seconds since 1970)."""

    name: str
    pid: int
    started_at: float
    beat_at: float


class Metrics:
    """The rows of all processes. Create it before forking; each process then calls `enter` and counts with `own`.

    `processes` are their names. `operations`, `kinds` (of jobs) and `tasks` (of models) are the label values; others
    count as `OTHER`. `faults` are the failure reasons of models.
    """

    def __init__(
        self,
        *,
        processes: Sequence[str] = ("server",),
        operations: Iterable[str] = (),
        kinds: Iterable[str] = (),
        tasks: Iterable[str] = (),
        faults: Iterable[str] = (),
    ) -> None:
        self.processes = tuple(processes)
        self.faults = ("", *faults)
        self.requests = _CounterBlock(
            [*operations, OTHER], at=3, width=1 + len(REQUEST_SECONDS) + 1 + len(STATUSES) + 1
        )
        self.jobs = _CounterBlock([*kinds, OTHER], at=self.requests.end, width=1 + len(JOB_SECONDS) + 1 + len(RESULTS))
        self.models = _CounterBlock([*tasks, OTHER], at=self.jobs.end, width=5)
        self.embedder = _CounterBlock([OTHER], at=self.models.end, width=5 + 1)
        self.cards = _CounterBlock([OTHER], at=self.embedder.end, width=1)
        self.width = self.cards.end
        size = self.width * len(self.processes) * _DOUBLE
        self._values = memoryview(mmap.mmap(-1, size)).cast("d")
        self.own = Meter(self, self._row(0))

    def enter(self, process: str) -> Meter:
        """Take over the row of the process with that name. Raises ValueError if there is none."""
        self.own = Meter(self, self._row(self.processes.index(process)))
        self.own.begin()
        return self.own

    def requests_seen(self) -> list[DurationStats]:
        """Requests by operation; the outcomes are `STATUSES` and any other status."""
        return self._timed(self.requests, len(REQUEST_SECONDS))

    def jobs_seen(self) -> list[DurationStats]:
        """Job attempts by kind; the outcomes are `RESULTS`."""
        return self._timed(self.jobs, len(JOB_SECONDS))

    def models_seen(self) -> list[ExternalCallStats]:
        """Requests to models by task."""
        return self._asked(self.models)

    def embedder_seen(self) -> ExternalCallStats:
        """Requests to the embedder; the units are texts."""
        return self._asked(self.embedder)[0]

    def card_lines_refused(self) -> float:
        """Lines of cards that were refused."""
        return self._sums(self.cards.other, 1)[0]

    def processes_seen(self) -> list[ProcessStats]:
        """The processes that have entered, in the order of `processes`."""
        rows = [(name, self._row(at)) for at, name in enumerate(self.processes)]
        return [ProcessStats(name, int(row[0]), row[1], row[2]) for name, row in rows if row[0]]

    def _row(self, at: int) -> memoryview[float]:
        return self._values[at * self.width : (at + 1) * self.width]

    def _rows(self) -> Iterator[memoryview[float]]:
        return map(self._row, range(len(self.processes)))

    def _sums(self, at: int, width: int) -> list[float]:
        return [sum(column) for column in zip(*(row[at : at + width] for row in self._rows()), strict=True)]

    def _timed(self, block: _CounterBlock, classes: int) -> list[DurationStats]:
        found = []
        for name, at in block.places.items():
            seconds, *counts = self._sums(at, block.width)
            found.append(DurationStats(name, counts[classes + 1 :], counts[: classes + 1], seconds))
        return found

    def _asked(self, block: _CounterBlock) -> list[ExternalCallStats]:
        found = []
        for name, at in block.places.items():
            answered, failed, _, _, _, *counted = self._sums(at, block.width)
            answered_at = max(row[at + 2] for row in self._rows())
            failed_at, fault = max((row[at + 3], row[at + 4]) for row in self._rows())
            found.append(
                ExternalCallStats(name, answered, failed, answered_at, failed_at, counted, self.faults[int(fault)])
            )
        return found


class _CounterBlock:
    """The offsets of each name's values in a row: `width` values per name, starting at `at`."""

    def __init__(self, names: Sequence[str], *, at: int, width: int) -> None:
        self.width = width
        self.places = {name: at + place * width for place, name in enumerate(dict.fromkeys(names))}
        self.other = self.places[OTHER]
        self.end = at + len(self.places) * width


class Meter:
    """The row of one process. Call it from the thread of the event loop. `usage` is not shared, but stored."""

    def __init__(self, metrics: Metrics, row: memoryview[float]) -> None:
        self.metrics = metrics
        self.usage = UsageLedger()
        self._row = row
        self._request_place, self._other_request = metrics.requests.places.get, metrics.requests.other
        self._jobs = metrics.jobs
        self._models, self._embedder = metrics.models, metrics.embedder
        self._fault_places = {fault: place for place, fault in enumerate(metrics.faults)}

    def begin(self) -> None:
        """Record this process's pid and start time."""
        self._row[0], self._row[1], self._row[2] = os.getpid(), time.time(), 0

    def beat(self) -> None:
        """Record a heartbeat."""
        self._row[2] = time.time()

    def request(self, operation: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        at, row = self._request_place(operation, self._other_request), self._row
        row[at] += seconds
        row[at + 1 + bisect_left(REQUEST_SECONDS, seconds)] += 1
        row[at + _STATUS_PLACE.get(status, _OTHER_STATUS)] += 1

    def job(self, kind: str, result: str, seconds: float) -> None:
        """Count a job attempt; `result` is one of `RESULTS`."""
        at, row = self._jobs.places.get(kind, self._jobs.other), self._row
        row[at] += seconds
        row[at + 1 + bisect_left(JOB_SECONDS, seconds)] += 1
        row[at + 2 + len(JOB_SECONDS) + _RESULT_PLACE[result]] += 1

    def model_answered(self, task: str, model: str, used: Counts) -> None:
        """Count an answered request to a model, and what it used."""
        self._answered(self._models.places.get(task, self._models.other), ())
        self.usage.add(task, model, used)

    def model_failed(self, task: str, fault: str = "") -> None:
        """Count a failed request to a model; `fault` is one of the metrics' `faults` or empty."""
        self._failed(self._models.places.get(task, self._models.other), fault)

    def card_lines_refused(self, count: int) -> None:
        """Count lines of cards that were refused."""
        self._row[self.metrics.cards.other] += count

    def embedded(self, texts: int) -> None:
        """Count an answered request to the embedder, with its number of texts."""
        self._answered(self._embedder.other, [texts])

    def embedding_failed(self) -> None:
        """Count a failed request to the embedder."""
        self._failed(self._embedder.other)

    def _answered(self, at: int, counted: Sequence[int]) -> None:
        row = self._row
        row[at] += 1
        row[at + 2] = time.time()
        for place, count in enumerate(counted, at + 5):
            row[place] += count

    def _failed(self, at: int, fault: str = "") -> None:
        self._row[at + 1] += 1
        self._row[at + 4] = self._fault_places.get(fault, 0)
        self._row[at + 3] = time.time()
