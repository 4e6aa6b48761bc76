"""Requests per second over HTTP: Omoide and the floor in turn, so that a noisy machine disturbs both alike."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import orjson

from benchmarks import load, servers
from benchmarks.servers import Address
from benchmarks.table import show, verdict
from benchmarks.workloads import Workload, workloads

CONNECTIONS = 16
WARM_UP_SECONDS = 0.2


def measure(*, rounds: int, seconds: float, only: str = "") -> None:
    """Print a table: medians of `rounds` rounds of `seconds` each, for the workloads with `only` in their name."""
    chosen = [workload for workload in workloads() if only in workload.name]
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as name:
        folder = Path(name)
        with servers.omoide(folder) as omoide, servers.floor(folder) as floor:
            rows = [
                load.run(_compared(workload, omoide.address, floor.address, rounds, seconds)) for workload in chosen
            ]
    show(
        f"Requests per second, {CONNECTIONS} connections, median of {rounds} rounds of {seconds:g} s",
        ["workload", "omoide", "floor", "ratio", "spread", "bar"],
        rows,
    )


async def _compared(workload: Workload, ours: Address, floor: Address, rounds: int, seconds: float) -> list[str]:
    await _check(workload, ours, floor)
    rates: dict[Address, list[float]] = {ours: [], floor: []}
    for length in (WARM_UP_SECONDS, *[seconds] * rounds):
        for address, found in rates.items():
            found.append(
                await load.rate(address, workload.requests, workload.status, connections=CONNECTIONS, seconds=length)
            )
    measured = [found[1:] for found in rates.values()]
    medians = [statistics.median(found) for found in measured]
    # Neighbouring rounds saw the same machine, so their ratios say how much the figure can be trusted.
    ratios = [mine / theirs for mine, theirs in zip(*measured, strict=True)]
    ratio = statistics.median(ratios)
    spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
    return [
        workload.name,
        *(f"{median:,.0f}" for median in medians),
        f"{ratio:.2f}",
        spread,
        verdict(ratio, workload.bar),
    ]


async def _check(workload: Workload, ours: Address, floor: Address) -> None:
    """Raise UnexpectedAnswer unless both servers answer with the expected status and bodies of the same shape."""
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
    """The keys and the kinds of values of a JSON value, its numbers and texts left out."""
    if isinstance(value, dict):
        return {key: _shape(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        return [_shape(inner) for inner in value]
    return type(value).__name__
