"""Render the metrics in the Prometheus text format: counters (`metrics`), and gauges of the database and processes.

prometheus_client writes the format. Its own counters are not used: in multiprocess mode they cost more per request than
routing, validation and response may.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omoide.core.clock import SECOND
from omoide.core.lazy_import import lazy_import
from omoide.core.metrics import (
    JOB_SECONDS,
    REQUEST_SECONDS,
    RESULTS,
    STATUSES,
    DurationStats,
    ExternalCallStats,
    Metrics,
    ProcessStats,
)
from omoide.storage.database_stats import DatabaseStats
from omoide.storage.job_stats import STATES
from omoide.storage.model_usage import TotalUsage

with lazy_import("prometheus_client"):
    import prometheus_client as prometheus

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, slots=True)
class Facts:
    """Values that are read at scrape time. `vitals` is None if the database cannot be read."""

    vitals: DatabaseStats | None
    file_bytes: Mapping[str, int]
    reasoner: str
    embedder: str
    sqlite: str


MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def text(metrics: Metrics, facts: Facts, *, of_database: bool = True, of_api: bool = True) -> str:
    """The metrics page in format version 0.0.4.

    Without `of_database` it omits the gauges of the database, which another page has; without `of_api` the requests to
    the API and the processes.
    """
    registry = prometheus.CollectorRegistry(auto_describe=False)
    registry.register(_Page(metrics, facts, of_database, of_api))
    return prometheus.generate_latest(registry).decode()


class _Page:
    """A prometheus_client collector that yields all metric families."""

    def __init__(self, metrics: Metrics, facts: Facts, of_database: bool, of_api: bool) -> None:
        self.metrics = metrics
        self.facts = facts
        self.of_database = of_database
        self.of_api = of_api

    def collect(self) -> Iterator[Metric]:
        if self.of_api:
            yield from _requests(self.metrics.requests_seen())
        yield from _jobs(self.metrics.jobs_seen())
        yield from _models(self.metrics.models_seen())
        yield from _embedder(self.metrics.embedder_seen())
        yield prometheus.metrics_core.CounterMetricFamily(
            "omoide_card_lines_refused",
            "Lines that a model wrote for a card and that no conclusion supports, or of no kind.",
            value=self.metrics.card_lines_refused(),
        )
        if self.of_database:
            yield from _database(self.facts)
        if self.of_api:
            yield from _processes(self.metrics.processes_seen())
        yield _build(self.facts)


def _requests(seen: Sequence[DurationStats]) -> Iterator[Metric]:
    counted = prometheus.metrics_core.CounterMetricFamily(
        "omoide_requests", "Answered requests.", labels=["operation", "status"]
    )
    timed = prometheus.metrics_core.HistogramMetricFamily(
        "omoide_request_seconds", "Duration of requests, to the end of streams.", labels=["operation"]
    )
    for each in seen:
        for status, count in zip([*map(str, STATUSES), "other"], each.outcomes, strict=True):
            if count:
                counted.add_metric([each.name, status], count)
        _add_timed(timed, each, REQUEST_SECONDS)
    yield counted
    yield timed


def _jobs(seen: Sequence[DurationStats]) -> Iterator[Metric]:
    counted = prometheus.metrics_core.CounterMetricFamily(
        "omoide_job_attempts", "Job attempts.", labels=["kind", "result"]
    )
    timed = prometheus.metrics_core.HistogramMetricFamily(
        "omoide_job_seconds", "Duration of job attempts.", labels=["kind"]
    )
    for each in seen:
        for result, count in zip(RESULTS, each.outcomes, strict=True):
            if count:
                counted.add_metric([each.name, result], count)
        _add_timed(timed, each, JOB_SECONDS)
    yield counted
    yield timed


def _add_timed(family: Any, each: DurationStats, classes: Sequence[float]) -> None:
    """Add a sample unless its count is zero, as for most operations of most servers."""
    if any(each.classes):
        ends = [*map(str, classes), "+Inf"]
        family.add_metric([each.name], list(zip(ends, accumulate(each.classes), strict=True)), each.seconds)


def _models(seen: Sequence[ExternalCallStats]) -> Iterator[Metric]:
    requests = prometheus.metrics_core.CounterMetricFamily(
        "omoide_model_requests", "Requests to language models, including retries.", labels=["task", "result"]
    )
    for each in seen:
        if each.answered or each.failed:
            requests.add_metric([each.name, "answered"], each.answered)
            requests.add_metric([each.name, "failed"], each.failed)
    yield requests


def _embedder(seen: ExternalCallStats) -> Iterator[Metric]:
    requests = prometheus.metrics_core.CounterMetricFamily(
        "omoide_embedder_requests", "Requests to the embedder.", labels=["result"]
    )
    requests.add_metric(["answered"], seen.answered)
    requests.add_metric(["failed"], seen.failed)
    yield requests
    yield prometheus.metrics_core.CounterMetricFamily("omoide_embedder_texts", "Embedded texts.", seen.counted[0])


def _database(facts: Facts) -> Iterator[Metric]:
    readable = float(facts.vitals is not None)
    yield prometheus.metrics_core.GaugeMetricFamily(
        "omoide_database_up", "Whether the database can be read: 1 or 0.", readable
    )
    size = prometheus.metrics_core.GaugeMetricFamily(
        "omoide_file_bytes", "Size of the database's files.", labels=["file"]
    )
    for name, count in facts.file_bytes.items():
        size.add_metric([name], count)
    yield size
    if facts.vitals is not None:
        yield from _vitals(facts.vitals)


def _vitals(vitals: DatabaseStats) -> Iterator[Metric]:
    jobs = prometheus.metrics_core.GaugeMetricFamily(
        "omoide_jobs", "Jobs in the queue, by state.", labels=["kind", "state"]
    )
    counts = {(each.kind, each.state): each.count for each in vitals.jobs.groups}
    for kind in dict.fromkeys(kind for kind, _ in counts):
        for state in STATES:
            jobs.add_metric([kind, state], counts.get((kind, state), 0))
    yield jobs
    oldest = "Time since the oldest job that is not running became due."
    yield prometheus.metrics_core.GaugeMetricFamily(
        "omoide_job_oldest_due_seconds", oldest, vitals.jobs.oldest / SECOND
    )
    yield prometheus.metrics_core.GaugeMetricFamily("omoide_messages", "Stored messages.", vitals.messages)
    yield prometheus.metrics_core.GaugeMetricFamily("omoide_sessions", "Stored sessions.", vitals.sessions)
    paused = "Workspaces whose reasoning waits because they have spent their budget of tokens."
    yield prometheus.metrics_core.GaugeMetricFamily("omoide_paused_workspaces", paused, vitals.paused)
    yield from _usage(vitals.usage)
    unembedded = "Messages and conclusions without a vector."
    yield prometheus.metrics_core.GaugeMetricFamily("omoide_unembedded_texts", unembedded, vitals.unembedded)


def _usage(seen: Sequence[TotalUsage]) -> Iterator[Metric]:
    """What is stored of it: restarts do not reset these counts."""
    calls = prometheus.metrics_core.CounterMetricFamily(
        "omoide_model_calls",
        "Answered requests to models and embedders; tokens: whether the provider reported them.",
        labels=["task", "model", "tokens"],
    )
    tokens = prometheus.metrics_core.CounterMetricFamily(
        "omoide_model_tokens",
        "Tokens of these requests; cached ones are a part of the input, thinking ones of the output.",
        labels=["task", "model", "kind"],
    )
    for task, model, counts in seen:
        calls.add_metric([task, model, "reported"], counts.calls - counts.estimated_calls)
        calls.add_metric([task, model, "estimated"], counts.estimated_calls)
        for kind in ("input", "output", "cached", "thinking"):
            tokens.add_metric([task, model, kind], getattr(counts, f"{kind}_tokens"))
    yield calls
    yield tokens


def _processes(seen: Sequence[ProcessStats]) -> Iterator[Metric]:
    """Metrics per process; without /proc only the start time."""
    memory = prometheus.metrics_core.GaugeMetricFamily(
        "omoide_process_resident_bytes", "Resident memory.", labels=["process"]
    )
    computed = prometheus.metrics_core.CounterMetricFamily(
        "omoide_process_cpu_seconds", "User and system CPU time.", labels=["process"]
    )
    files = prometheus.metrics_core.GaugeMetricFamily(
        "omoide_process_open_files", "Open file descriptors.", labels=["process"]
    )
    started = prometheus.metrics_core.GaugeMetricFamily(
        "omoide_process_start_time_seconds", "Start time in seconds since 1970.", labels=["process"]
    )
    for process in seen:
        started.add_metric([process.name], process.started_at)
        proc = Path(f"/proc/{process.pid}")
        try:
            fields = (proc / "stat").read_text().rpartition(")")[2].split()
            count = len(os.listdir(proc / "fd"))
        except OSError:  # the process has ended, or there is no /proc
            continue
        memory.add_metric([process.name], int(fields[21]) * os.sysconf("SC_PAGESIZE"))
        computed.add_metric([process.name], (int(fields[11]) + int(fields[12])) / _TICK)
        files.add_metric([process.name], count)
    yield from (memory, computed, files, started)


def _build(facts: Facts) -> Metric:
    labels = {
        "version": version("omoide"),
        "python": platform.python_version(),
        "sqlite": facts.sqlite,
        "reasoner": facts.reasoner,
        "embedder": facts.embedder,
    }
    return prometheus.metrics_core.InfoMetricFamily("omoide_build", "Versions, reasoner and embedder.", labels)
