"""Requests per second over HTTP: Omoide and the floor in alternation, so that noise affects both alike.

Omoide is paused while the floor is measured. It processes its pending jobs while it is measured itself.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import orjson

from benchmarks import load, servers
from benchmarks.load import Round
from benchmarks.measurements import Figure, held, percentile, publish
from benchmarks.servers import Address, ServerProcess
from benchmarks.workloads import CONNECTIONS, Workload, workloads

WARM_UP_SECONDS = 0.2


def measure(*, rounds: int, seconds: float, only: str = "") -> list[Figure]:
    """Print and return medians of `rounds` rounds of `seconds` each, for the workloads with `only` in their name."""
    chosen = [workload for workload in workloads() if only in workload.name]
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as name:
        folder = Path(name)
        with servers.omoide(folder) as omoide, servers.floor(folder) as floor:
            for workload in chosen:
                figures += load.run(_compared(workload, omoide, floor, rounds, seconds))
    publish(
        f"Over HTTP, {CONNECTIONS} connections if not said otherwise, median of {rounds} rounds of {seconds:g} s",
        figures,
    )
    return figures


async def _compared(
    workload: Workload, ours: ServerProcess, floor: ServerProcess, rounds: int, seconds: float
) -> list[Figure]:
    await _check(workload, ours.address, floor.address)
    played: tuple[list[Round], list[Round]] = ([], [])
    for length in (WARM_UP_SECONDS, *[seconds] * rounds):
        with floor.paused():
            played[0].append(await _played(workload, ours.address, length))
        with ours.paused():
            played[1].append(await _played(workload, floor.address, length))
    return list(_figures(workload, *(found[1:] for found in played)))


async def _played(workload: Workload, address: Address, seconds: float) -> Round:
    sent, status = workload.requests, workload.status
    return await load.rate(address, sent, status, connections=workload.connections, seconds=seconds)


def _figures(workload: Workload, ours: Sequence[Round], floor: Sequence[Round]) -> Iterator[Figure]:
    # Adjacent rounds run under the same conditions, so the spread of their ratios shows how reliable the figure is.
    ratios = [mine.rate / theirs.rate for mine, theirs in zip(ours, floor, strict=True)]
    yield held(workload.name, "ratio", statistics.median(ratios), bar=workload.bar)
    yield Figure(workload.name, "spread", f"{min(ratios):.2f}-{max(ratios):.2f}")
    for server, rounds in (("omoide", ours), ("floor", floor)):
        yield held(workload.name, server, statistics.median(found.rate for found in rounds), "/s")
    for server, rounds in (("omoide", ours), ("floor", floor)):
        latencies = [1_000 * latency for found in rounds for latency in found.latencies]
        yield held(workload.name, f"{server} median", statistics.median(latencies), "ms")
        yield held(workload.name, f"{server} p99", percentile(latencies, 0.99), "ms")
    if workload.messages:
        name = f"{workload.name}: messages"
        for server, rounds, bar in (("omoide", ours, workload.enough), ("floor", floor, None)):
            rate = statistics.median(found.rate for found in rounds) * workload.messages
            yield held(name, server, rate, "/s", bar)


async def _check(workload: Workload, ours: Address, floor: Address) -> None:
    """Raise UnexpectedAnswer unless both servers return the expected status and bodies of the same shape."""
    shapes = []
    for address in (ours, floor):
        for sent in workload.prepare:
            await load.once(address, sent)
        status, body = await load.once(address, next(workload.requests))
        if status != workload.status:
            raise load.UnexpectedAnswer(f"{workload.name}: status {status}: {body[: load.SHOWN_BYTES]!r}")
        shapes.append(_shape(orjson.loads(body)))
    if shapes[0] != shapes[1]:
        raise load.UnexpectedAnswer(f"{workload.name}: the servers differ:\n  {shapes[0]}\n  {shapes[1]}")


def _shape(value: object) -> object:
    """The keys and value types of a JSON value."""
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        return [_shape(inner) for inner in value]
    return type(value).__name__
