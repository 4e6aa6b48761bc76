"""Requests per second over HTTP: Omoide and the floor in turn, so that a noisy machine disturbs both alike.

While the floor is measured Omoide stands still. What it owes by then it works off while it is measured itself.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import orjson

from benchmarks import load, servers
from benchmarks.servers import Address, Server
from benchmarks.table import show, verdict
from benchmarks.workloads import CONNECTIONS, Workload, workloads

WARM_UP_SECONDS = 0.2


def measure(*, rounds: int, seconds: float, only: str = "") -> None:
    """Print a table: medians of `rounds` rounds of `seconds` each, for the workloads with `only` in their name."""
    chosen = [workload for workload in workloads() if only in workload.name]
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as name:
        folder = Path(name)
        with servers.omoide(folder) as omoide, servers.floor(folder) as floor:
            rows = [row for workload in chosen for row in load.run(_compared(workload, omoide, floor, rounds, seconds))]
    show(
        f"Requests per second, {CONNECTIONS} connections if not said otherwise, "
        f"median of {rounds} rounds of {seconds:g} s",
        ["workload", "omoide", "floor", "ratio", "spread", "bar"],
        rows,
    )


async def _compared(workload: Workload, ours: Server, floor: Server, rounds: int, seconds: float) -> list[list[str]]:
    await _check(workload, ours.address, floor.address)
    rates: tuple[list[float], list[float]] = ([], [])
    for length in (WARM_UP_SECONDS, *[seconds] * rounds):
        with floor.paused():
            rates[0].append(await _rate(workload, ours.address, length))
        with ours.paused():
            rates[1].append(await _rate(workload, floor.address, length))
    measured = [found[1:] for found in rates]
    medians = [statistics.median(found) for found in measured]
    # Neighbouring rounds saw the same machine, so their ratios say how much the figure can be trusted.
    ratios = [mine / theirs for mine, theirs in zip(*measured, strict=True)]
    ratio = statistics.median(ratios)
    spread = f"{min(ratios):.2f}-{max(ratios):.2f}"
    bar = verdict(ratio, workload.bar)
    rows = [[workload.name, *(f"{median:,.0f}" for median in medians), f"{ratio:.2f}", spread, bar]]
    if workload.messages:
        each = [median * workload.messages for median in medians]
        bar = verdict(each[0], workload.enough)
        rows.append(["  that is messages per second", *(f"{rate:,.0f}" for rate in each), "", "", bar])
    return rows


async def _rate(workload: Workload, address: Address, seconds: float) -> float:
    sent, status = workload.requests, workload.status
    return await load.rate(address, sent, status, connections=workload.connections, seconds=seconds)


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
