"""Figures for the report from the outcomes of scenarios."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.fairness.light_tenant import CONCLUSION, LightResult
from benchmarks.fairness.run import FairnessOutcome
from benchmarks.measurements import Figure, held, percentile
from benchmarks.table import Bar

CHAT_MEDIAN = Bar(100, at_most=True, unit=" ms")
CHAT_P99 = Bar(500, at_most=True, unit=" ms")
CONCLUDED = Bar(3_000, at_most=True, unit=" ms")
NONE_FAILED = Bar(0, at_most=True, unit=" failed")


def light_tenant(outcome: FairnessOutcome) -> Iterator[Figure]:
    """A row for each operation: latencies in ms, alone and with the heavy tenant, and failures."""
    for name in (*outcome.scenario.operations, CONCLUSION):
        alone, loaded = (_milliseconds(result, name) for result in (outcome.without, outcome.loaded))
        if not alone and not loaded and not outcome.loaded.failed(name):
            continue
        row = f"{outcome.scenario.name}: {name}"
        yield _figure(row, "p50 alone", alone, 0.5)
        yield _figure(row, "p50", loaded, 0.5, CHAT_MEDIAN if name == "chat" else None)
        yield _figure(row, "p99 alone", alone, 0.99)
        yield _figure(row, "p99", loaded, 0.99, CHAT_P99 if name == "chat" else None)
        yield _figure(row, "longest", loaded, 1.0, CONCLUDED if name == CONCLUSION else None)
        yield held(row, "failed", outcome.loaded.failed(name), "", NONE_FAILED)


def heavy_tenant(outcome: FairnessOutcome) -> Iterator[Figure]:
    """A row for the heavy load: throughput, memory of the server's processes, and CPU usage."""
    row, heavy = outcome.scenario.name, outcome.heavy
    accepted = sum(count for status, count in heavy.answers.items() if status.startswith("2"))
    refused = {status: count for status, count in sorted(heavy.answers.items()) if not status.startswith("2")}
    yield held(row, "answered", accepted / heavy.seconds, "/s")
    yield held(row, "received", heavy.received_bytes / 1_000_000 / heavy.seconds, "MB/s")
    yield held(row, "API process at its peak", outcome.api_peak_mb, "MB")
    yield held(row, "worker at its peak", outcome.worker_peak_mb, "MB")
    yield held(row, "server computes", 100 * outcome.server_seconds / outcome.loaded.seconds, "%")
    yield held(row, "heavy client computes", 100 * heavy.processor_seconds / heavy.seconds, "%")
    yield held(row, "light client computes", 100 * outcome.loaded.processor_seconds / outcome.loaded.seconds, "%")
    said = [f"{count:,} × {status}" for status, count in refused.items()]
    yield Figure(row, "outcome", "; ".join([outcome.scenario.says, *heavy.notes, *said]))


def floor(without: LightResult, loaded: LightResult) -> Iterator[Figure]:
    """The latencies that the light client measures on a stub server, with idle and with busy processors."""
    for row, result in (
        ("the clients alone: idle processors", without),
        ("the clients alone: busy processors", loaded),
    ):
        taken = [1_000 * each for latencies in result.latencies.values() for each in latencies]
        yield _figure(row, "p50", taken, 0.5)
        yield _figure(row, "p99", taken, 0.99)
        yield _figure(row, "longest", taken, 1.0)


def compared(ours: Sequence[FairnessOutcome], theirs: Sequence[FairnessOutcome]) -> Iterator[Figure]:
    """Medians and p99 under the heavy load, of this server and another one, and their ratios."""
    for mine, other in zip(ours, theirs, strict=True):
        for name in (*mine.scenario.operations, CONCLUSION):
            pair = [_milliseconds(outcome.loaded, name) for outcome in (mine, other)]
            row = f"{mine.scenario.name}: {name}"
            if not all(pair):
                continue
            for share, measure in ((0.5, "p50"), (0.99, "p99")):
                here, there = (percentile(values, share) for values in pair)
                yield held(row, measure, here, "ms")
                yield held(row, f"{measure} of the other", there, "ms")
                yield held(row, f"{measure} ratio", here / there, "x")
            yield held(row, "failed", mine.loaded.failed(name))
            yield held(row, "failed of the other", other.loaded.failed(name))


def _milliseconds(result: LightResult, name: str) -> list[float]:
    return [1_000 * latency for latency in result.latencies.get(name, [])]


def _figure(row: str, measure: str, values: Sequence[float], share: float, bar: Bar | None = None) -> Figure:
    if not values:
        return Figure(row, measure, None, "ms", bar.text() if bar else "", False if bar else None)
    return held(row, measure, percentile(values, share), "ms", bar)
