"""The metrics as Prometheus reads them: what was counted (`metrics`), and what the database and the kernel say now.

The sums are handed to prometheus_client, which knows the format. Its own counters are not used: shared among
processes, they cost more for a request than the request's routing, validation and answer may.
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

from omoide.deferred import deferred
from omoide.metrics import (
    JOB_SECONDS,
    REQUEST_SECONDS,
    RESULTS,
    STATUSES,
    TOKENS,
    Asked,
    Metrics,
    ProcessSeen,
    Timed,
)
from omoide.store.vitals import STATES, Vitals

with deferred("prometheus_client"):
    import prometheus_client as prometheus

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Facts:
    """What is not counted but looked up when the metrics are asked for. No `vitals`: the database could not be read."""

    vitals: Vitals | None
    file_bytes: Mapping[str, int]
    reasoner: str
    embedder: str
    sqlite: str


MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def text(metrics: Metrics, facts: Facts, *, of_database: bool = True) -> str:
    """The whole page, in version 0.0.4 of the format; or only what these processes did, and not how the database is,
    where another page tells that."""
    registry = prometheus.CollectorRegistry(auto_describe=False)
    registry.register(_Page(metrics, facts, of_database))
    return prometheus.generate_latest(registry).decode()


class _Page:
    """What prometheus_client calls a collector: gives all families once."""

    def __init__(self, metrics: Metrics, facts: Facts, of_database: bool) -> None:
        self.metrics = metrics
        self.facts = facts
        self.of_database = of_database

    def collect(self) -> Iterator[Metric]:
        yield from _requests(self.metrics.requests_seen())
        yield from _jobs(self.metrics.jobs_seen())
        yield from _models(self.metrics.models_seen())
        yield from _embedder(self.metrics.embedder_seen())
        if self.of_database:
            yield from _database(self.facts)
        yield from _processes(self.metrics.processes_seen())
        yield _build(self.facts)


def _requests(seen: Sequence[Timed]) -> Iterator[Metric]:
    counted = prometheus.metrics_core.CounterMetricFamily(
        "omoide_requests", "Requests that were answered.", labels=["operation", "status"]
    )
    timed = prometheus.metrics_core.HistogramMetricFamily(
        "omoide_request_seconds", "How long they took, streams to their end.", labels=["operation"]
    )
    for each in seen:
        for status, count in zip([*map(str, STATUSES), "other"], each.outcomes, strict=True):
            if count:
                counted.add_metric([each.name, status], count)
        _add_timed(timed, each, REQUEST_SECONDS)
    yield counted
    yield timed


def _jobs(seen: Sequence[Timed]) -> Iterator[Metric]:
    counted = prometheus.metrics_core.CounterMetricFamily(
        "omoide_job_attempts", "Attempts at jobs.", labels=["kind", "result"]
    )
    timed = prometheus.metrics_core.HistogramMetricFamily("omoide_job_seconds", "How long they took.", labels=["kind"])
    for each in seen:
        for result, count in zip(RESULTS, each.outcomes, strict=True):
            if count:
                counted.add_metric([each.name, result], count)
        _add_timed(timed, each, JOB_SECONDS)
    yield counted
    yield timed


def _add_timed(family: Any, each: Timed, classes: Sequence[float]) -> None:
    """What never happened is left out: most operations of most servers."""
    if any(each.classes):
        ends = [*map(str, classes), "+Inf"]
        family.add_metric([each.name], list(zip(ends, accumulate(each.classes), strict=True)), each.seconds)


def _models(seen: Sequence[Asked]) -> Iterator[Metric]:
    requests = prometheus.metrics_core.CounterMetricFamily(
        "omoide_model_requests", "Requests to language models, repetitions included.", labels=["task", "result"]
    )
    tokens = prometheus.metrics_core.CounterMetricFamily(
        "omoide_model_tokens",
        "Tokens that models were given and gave; cached ones are also input.",
        labels=["task", "kind"],
    )
    for each in seen:
        if each.answered or each.failed:
            requests.add_metric([each.name, "answered"], each.answered)
            requests.add_metric([each.name, "failed"], each.failed)
            for kind, count in zip(TOKENS, each.counted, strict=True):
                tokens.add_metric([each.name, kind], count)
    yield requests
    yield tokens


def _embedder(seen: Asked) -> Iterator[Metric]:
    requests = prometheus.metrics_core.CounterMetricFamily(
        "omoide_embedder_requests", "Times the embedder was asked for vectors.", labels=["result"]
    )
    requests.add_metric(["answered"], seen.answered)
    requests.add_metric(["failed"], seen.failed)
    yield requests
    yield prometheus.metrics_core.CounterMetricFamily(
        "omoide_embedder_texts", "Texts that it made vectors of.", seen.counted[0]
    )


def _database(facts: Facts) -> Iterator[Metric]:
    readable = float(facts.vitals is not None)
    yield prometheus.metrics_core.GaugeMetricFamily(
        "omoide_database_up", "Whether the database can be read: 1 or 0.", readable
    )
    size = prometheus.metrics_core.GaugeMetricFamily(
        "omoide_file_bytes", "How large the database's files are.", labels=["file"]
    )
    for name, count in facts.file_bytes.items():
        size.add_metric([name], count)
    yield size
    if facts.vitals is not None:
        yield from _vitals(facts.vitals)


def _vitals(vitals: Vitals) -> Iterator[Metric]:
    jobs = prometheus.metrics_core.GaugeMetricFamily(
        "omoide_jobs", "Jobs that are owed, by their state.", labels=["kind", "state"]
    )
    counts = {(each.kind, each.state): each.count for each in vitals.owed}
    for kind in dict.fromkeys(kind for kind, _ in counts):
        for state in STATES:
            jobs.add_metric([kind, state], counts.get((kind, state), 0))
    yield jobs
    oldest = "For how long the job has been due that is due longest and that nobody has begun."
    yield prometheus.metrics_core.GaugeMetricFamily("omoide_job_oldest_due_seconds", oldest, vitals.oldest / _SECOND)
    yield prometheus.metrics_core.GaugeMetricFamily("omoide_messages", "Messages that are stored.", vitals.messages)
    yield prometheus.metrics_core.GaugeMetricFamily("omoide_sessions", "Sessions that are stored.", vitals.sessions)
    unembedded = "Messages and conclusions that wait for their vectors."
    yield prometheus.metrics_core.GaugeMetricFamily("omoide_unembedded_texts", unembedded, vitals.unembedded)


def _processes(seen: Sequence[ProcessSeen]) -> Iterator[Metric]:
    """Only where the kernel tells in /proc."""
    memory = prometheus.metrics_core.GaugeMetricFamily(
        "omoide_process_resident_bytes", "How much of a process is in memory.", labels=["process"]
    )
    computed = prometheus.metrics_core.CounterMetricFamily(
        "omoide_process_cpu_seconds", "How long a process has computed.", labels=["process"]
    )
    files = prometheus.metrics_core.GaugeMetricFamily(
        "omoide_process_open_files", "Files and connections it has open.", labels=["process"]
    )
    started = prometheus.metrics_core.GaugeMetricFamily(
        "omoide_process_start_time_seconds", "When it began, in seconds since 1970.", labels=["process"]
    )
    for process in seen:
        started.add_metric([process.name], process.started_at)
        place = Path(f"/proc/{process.pid}")
        try:
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            count = len(os.listdir(place / "fd"))
        except OSError:  # it has ended, or there is no /proc
            continue
        memory.add_metric([process.name], int(fields[21]) * os.sysconf("SC_PAGESIZE"))
        computed.add_metric([process.name], (int(fields[11]) + int(fields[12])) / _TICK)
        files.add_metric([process.name], count)
    yield from (memory, computed, files, started)


def _build(facts: Facts) -> Metric:
    told = {
        "version": version("omoide"),
        "python": platform.python_version(),
        "sqlite": facts.sqlite,
        "reasoner": facts.reasoner,
        "embedder": facts.embedder,
    }
    return prometheus.metrics_core.InfoMetricFamily("omoide_build", "What is at work.", told)
