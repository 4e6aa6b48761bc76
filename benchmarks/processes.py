"""The throughput gain of a second API process, and the time to replace a killed worker.

`python -m benchmarks.processes` measures `--workers 1` and `--workers 2` in alternation. Reasoning is off, and a round
begins only when no job is due.
"""

from __future__ import annotations

import os
import re
import signal
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from benchmarks import backlog, load, process_tree, servers
from benchmarks.load import Round
from benchmarks.measurements import Figure, held, json_option, percentile, publish, write
from benchmarks.servers import DATABASE, ServerProcess
from benchmarks.side_by_side import RESTING
from benchmarks.table import Bar
from benchmarks.workloads import Workload, workloads

CHOSEN = ("session found", "messages added by 50", "messages listed by 50")
CONNECTIONS = 16
WARM_UP_SECONDS = 0.3
SCALES = Bar(1.3, at_most=False, unit=" x")
REPLACED = Bar(1.0, at_most=True, unit=" s")
WORKER = "omoide-worker"
POLL_SECONDS = 0.001
PATIENCE_SECONDS = 30
BREATH_SECONDS = 1.0
"""The pause between two kills, since restarts of a worker that dies early are delayed."""


def scaling(*, rounds: int, seconds: float) -> list[Figure]:
    """The throughput of two API processes relative to one."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as place:
        folders = [Path(place) / each for each in ("one", "two")]
        for folder in folders:
            folder.mkdir()
        with (
            servers.omoide(folders[0], **RESTING) as one,
            servers.omoide(folders[1], "--workers", "2", **RESTING) as two,
        ):
            sides = [(server, folder / DATABASE) for server, folder in zip((one, two), folders, strict=True)]
            named = {workload.name: workload for workload in workloads()}
            for name in CHOSEN:
                figures += _scaled(named[name], sides, rounds, seconds)
    return figures


def _scaled(
    workload: Workload, sides: list[tuple[ServerProcess, Path]], rounds: int, seconds: float
) -> Iterator[Figure]:
    for server, _ in sides:
        for sent in workload.prepare:
            load.run(load.once(server.address, sent))
    played: list[list[Round]] = [[], []]
    for length in (WARM_UP_SECONDS, *[seconds] * rounds):
        for (server, db), found in zip(sides, played, strict=True):
            asked = load.rate(
                server.address, workload.requests, workload.status, connections=CONNECTIONS, seconds=length
            )
            found.append(load.run(asked))
            backlog.wait_until_done(db)
    alone, together = (found[1:] for found in played)
    ratios = [mine.rate / theirs.rate for mine, theirs in zip(together, alone, strict=True)]
    yield held(workload.name, "ratio", statistics.median(ratios), "x", SCALES)
    yield Figure(workload.name, "spread", f"{min(ratios):.2f}-{max(ratios):.2f}")
    for which, rounds_ in (("two", together), ("one", alone)):
        yield held(workload.name, which, statistics.median(each.rate for each in rounds_), "/s")
    for which, rounds_ in (("two", together), ("one", alone)):
        latencies = [1_000 * latency for each in rounds_ for latency in each.latencies]
        yield held(workload.name, f"{which} median", statistics.median(latencies), "ms")
        yield held(workload.name, f"{which} p99", percentile(latencies, 0.99), "ms")


def leader(db: Path) -> int | None:
    """The pid of a database's leading worker, which holds the lock (see proc(5)); None if there is none.

    It does not try to take the lock, because that would block a candidate.
    """
    try:
        inode = Path(f"{db}.leader").stat().st_ino
    except OSError:
        return None
    found = re.search(rf"FLOCK +ADVISORY +WRITE +(\d+) \S+:{inode} ", Path("/proc/locks").read_text())
    return int(found[1]) if found else None


def replacing(*, kills: int) -> list[Figure]:
    """Seconds from killing the leading worker until another one leads."""
    taken = []
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as name:
        db = Path(name) / DATABASE
        with servers.omoide(Path(name)) as server:
            for _ in range(kills):
                victim = _next_leader(db, None)
                if victim not in process_tree.named(server.process.pid, WORKER):
                    raise RuntimeError(f"process {victim} leads and is no worker of the server")
                time.sleep(BREATH_SECONDS)
                begin = time.perf_counter()
                os.kill(victim, signal.SIGKILL)
                _next_leader(db, victim)
                taken.append(time.perf_counter() - begin)
    name = f"a killed leader replaced ({kills} kills)"
    return [
        held(name, "median", statistics.median(taken), "s"),
        held(name, "p99", percentile(taken, 0.99), "s"),
        held(name, "longest", max(taken), "s", REPLACED),
    ]


def _next_leader(db: Path, before: int | None) -> int:
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while (found := leader(db)) is None or found == before:
        if time.perf_counter() > deadline:
            raise TimeoutError(f"no new leader after {PATIENCE_SECONDS} s")
        time.sleep(POLL_SECONDS)
    return found


@click.command()
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Rounds for each server.")
@click.option("--seconds", type=click.FloatRange(min=0.1), default=1.5, show_default=True, help="Length of a round.")
@click.option("--kills", type=click.IntRange(min=1), default=20, show_default=True, help="Workers to kill.")
@json_option
def main(*, rounds: int, seconds: float, kills: int, json_file: Path | None) -> None:
    """Print how requests scale with a second process, and how soon a killed leader is replaced."""
    scaled = scaling(rounds=rounds, seconds=seconds)
    publish(f"Two API processes against one, {CONNECTIONS} connections, {rounds} rounds of {seconds:g} s", scaled)
    replaced = replacing(kills=kills)
    publish("A leader replaced", replaced)
    if json_file is not None:
        write(json_file, [*scaled, *replaced])


if __name__ == "__main__":
    main()
