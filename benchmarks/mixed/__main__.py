"""`python -m benchmarks.mixed`: all operations concurrently on many connections, for several minutes."""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks import process_tree, servers
from benchmarks.child_processes import ClientProcess
from benchmarks.measurements import Figure, held, json_option, percentile, publish, write
from benchmarks.mixed import clients
from benchmarks.mixed.ledger import Difference, Ledger
from benchmarks.servers import ServerProcess
from benchmarks.table import Bar
from benchmarks.wal import LOG, MEGABYTE, Watch, size_of

JUDGED_CONNECTIONS = 64
CHAT_P99 = Bar(1_500, at_most=True, unit=" ms")
NONE = Bar(0, at_most=True)
PREPARATION_SECONDS = 60
MARGIN_SECONDS = 60
ERRORS_SHOWN = 5


@dataclass(frozen=True)
class ProcessMemory:
    """Resident memory of a process in MB: before the load, peak, and after the load."""

    process: str
    start: float
    peak: float
    end: float


@dataclass(frozen=True)
class Outcome:
    """The result of a run with `connections` connections; sizes in bytes."""

    connections: int
    ledger: Ledger
    difference: Difference
    largest_log: int
    log: int
    database: int
    memory: list[ProcessMemory]


def run(connections: int, seconds: float, workers: int, checkout: Path | None) -> Outcome:
    """Run the clients and read back all messages. Raises RuntimeError or TimeoutError if that fails."""
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as name:
        folder = Path(name)
        log = Path(f"{folder / servers.DATABASE}-wal")
        with (
            servers.omoide_of(checkout, folder, ("--workers", str(workers)), {}) as server,
            Watch(log) as watch,
        ):
            child = ClientProcess[Ledger](clients.play, server.address, connections, seconds)
            try:
                child.wait_until_begun(PREPARATION_SECONDS)
                before = resident(server)
                ledger = child.result(seconds + clients.PATIENCE_SECONDS + MARGIN_SECONDS)
            finally:
                child.kill()
            sizes = watch.largest, size_of(log), size_of(folder / servers.DATABASE)
            memory = [
                ProcessMemory(f"{name} ({pid})", before.get((name, pid), (0.0, 0.0))[0], peak, now)
                for (name, pid), (now, peak) in resident(server).items()
            ]
            difference = asyncio.run(clients.read_back(server.address, ledger))
    return Outcome(connections, ledger, difference, *sizes, memory)


def resident(server: ServerProcess) -> dict[tuple[str, int], tuple[float, float]]:
    """(Name, pid) of each process of the server → its resident memory now and at its peak, in MB."""
    found = {}
    for pid in process_tree.family(server.process.pid):
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{pid}/status").read_text()
            sizes = [re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE) for field in ("VmRSS", "VmHWM")]
            name = "supervisor" if pid == server.process.pid else Path(f"/proc/{pid}/comm").read_text().strip()
            now, peak = (int(size[1]) * 1_024 / MEGABYTE if size else 0.0 for size in sizes)
            found[name, pid] = now, peak
    return found


def figures(outcome: Outcome) -> Iterator[Figure]:
    """Errors and losses, latencies, files and memory."""
    row, ledger = f"{outcome.connections} connections", outcome.ledger
    answered = sum(len(each) for each in ledger.latencies.values())
    yield held(row, "answered", answered / ledger.seconds, "/s")
    yield held(row, "acknowledged messages", sum(len(each) for each in ledger.acknowledged.values()))
    yield held(row, "errors", ledger.errors.total(), "", NONE)
    yield held(row, "lost", outcome.difference.lost, "", NONE)
    yield held(row, "doubled", outcome.difference.doubled, "", NONE)
    yield held(row, "unexpected", outcome.difference.unexpected, "", NONE)
    shown = "; ".join(f"{count:,} {what}" for what, count in ledger.errors.most_common(ERRORS_SHOWN))
    yield Figure(row, "outcome", shown or "no error")
    chats = ledger.latencies.get("chat", [])
    others = [each for name, latencies in ledger.latencies.items() if name != "chat" for each in latencies]
    judged = CHAT_P99 if outcome.connections == JUDGED_CONNECTIONS else None
    yield from _latencies(f"{row}: chat", chats, judged)
    yield from _latencies(f"{row}: all others", others)
    for name in clients.SHARES:
        if name != "chat":
            yield from _latencies(f"{row}: {name}", ledger.latencies.get(name, []))
    row = f"{row}: files"
    yield held(row, "largest log", outcome.largest_log / MEGABYTE, "MB", LOG)
    yield held(row, "log at the end", outcome.log / MEGABYTE, "MB")
    yield held(row, "database at the end", outcome.database / MEGABYTE, "MB")
    for each in outcome.memory:
        process = f"{outcome.connections} connections: {each.process}"
        yield held(process, "resident at the start", each.start, "MB")
        yield held(process, "at its peak", each.peak, "MB")
        yield held(process, "at the end", each.end, "MB")


def _latencies(row: str, seconds: list[float], bar: Bar | None = None) -> Iterator[Figure]:
    if seconds:
        taken = [1_000 * each for each in seconds]
        yield held(row, "p50", percentile(taken, 0.5), "ms")
        yield held(row, "p99", percentile(taken, 0.99), "ms", bar)
        yield held(row, "longest", max(taken), "ms")


@click.command()
@click.option(
    "--connections",
    type=click.IntRange(min=1),
    multiple=True,
    default=(64, 128, 256),
    show_default=True,
    help="How many connections; repeats.",
)
@click.option("--minutes", default=5.0, show_default=True, help="For how long, each.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that serve.")
@click.option(
    "--checkout",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Measure the server of another checkout with its .venv.",
)
@json_option
def main(
    *, connections: tuple[int, ...], minutes: float, workers: int, checkout: Path | None, json_file: Path | None
) -> None:
    """Run all operations concurrently on many connections; print latencies, sizes and lost messages."""
    found: list[Figure] = []
    for number in connections:
        click.echo(f"{number} connections for {minutes:g} min", err=True)
        measured = [*figures(run(number, 60 * minutes, workers, checkout))]
        publish(f"{number} connections, {minutes:g} min, {workers} API process(es)", measured)
        found += measured
    if json_file is not None:
        write(json_file, found)


if __name__ == "__main__":
    main()
