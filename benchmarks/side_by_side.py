"""The effect of the worker on request latency: two servers under the same paced load, with and without reasoning.

`python -m benchmarks.side_by_side` adds messages and reads at a fixed rate, alternating between the servers. A round of
the reasoning server ends when no job is due, so that its worker does not disturb the other server's round. The time
until then and the maximum number of due jobs show whether the worker keeps up.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

from benchmarks import backlog, load, servers
from benchmarks.fill_database import speech
from benchmarks.load import Round
from benchmarks.measurements import Figure, held, json_option, percentile, publish
from benchmarks.servers import DATABASE, ServerProcess
from benchmarks.table import Bar
from benchmarks.workloads import CONVERSATIONS, SESSIONS, post

BATCH = 50
WRITERS = 8
READERS = 4
READS_PER_SECOND = 200
SEED = 5
SLOWER = Bar(1.5, at_most=True, unit=" x")
CAUGHT_UP = Bar(5, at_most=True, unit=" s")
RESTING = {"reasoning_enabled": "false", "summary_enabled": "false", "dream_enabled": "false"}


@dataclass
class MeasuredSide:
    """One of the two servers, and the results of its rounds."""

    server: ServerProcess
    db: Path
    adds: list[Round] = field(default_factory=list)
    reads: list[Round] = field(default_factory=list)
    owed: list[int] = field(default_factory=list)
    behind: list[float] = field(default_factory=list)

    async def round(self, rate: int, seconds: float, number: int) -> None:
        """Run the load for `seconds`, then wait until no job is due."""
        adds = asyncio.create_task(
            load.paced(
                self.server.address, said(number), 201, connections=WRITERS, per_second=rate / BATCH, seconds=seconds
            )
        )
        found = itertools.repeat(post(SESSIONS, {"id": "found"}))
        reads = asyncio.create_task(
            load.paced(
                self.server.address, found, 200, connections=READERS, per_second=READS_PER_SECOND, seconds=seconds
            )
        )
        most = 0
        while not (adds.done() and reads.done()):
            await asyncio.sleep(backlog.POLL_SECONDS)
            most = max(most, backlog.due(self.db))
        self.adds.append(await adds)
        self.reads.append(await reads)
        self.owed.append(most)
        self.behind.append(await asyncio.to_thread(backlog.wait_until_done, self.db))


def said(number: int) -> Iterator[bytes]:
    """Requests with distinct messages, to sessions of this round."""
    turns = speech(SEED + number)
    for n in itertools.count():
        batch = [{"peer_id": peer, "content": text} for peer, text in itertools.islice(turns, BATCH)]
        yield post(f"{SESSIONS}/round-{number}-{n % CONVERSATIONS}/messages", {"messages": batch})


async def played(reasons: MeasuredSide, rests: MeasuredSide, *, rate: int, seconds: float, rounds: int) -> None:
    for side in (reasons, rests):
        await load.once(side.server.address, post(SESSIONS, {"id": "found"}))
    for number in range(rounds + 1):
        # The second server finds a warmer machine, so the order alternates.
        for side in (reasons, rests) if number % 2 else (rests, reasons):
            await side.round(rate, seconds, number)
    for side in (reasons, rests):
        for found in (side.adds, side.reads, side.owed, side.behind):
            del found[0]  # the first round includes lazy loading


def compared(name: str, reasons: list[Round], rests: list[Round]) -> Iterator[Figure]:
    ratios = [_median(mine) / _median(theirs) for mine, theirs in zip(reasons, rests, strict=True)]
    yield held(name, "ratio of medians", statistics.median(ratios), "x", SLOWER)
    yield Figure(name, "spread", f"{min(ratios):.2f}-{max(ratios):.2f}")
    for side, rounds in (("reasoning", reasons), ("resting", rests)):
        latencies = [1_000 * latency for found in rounds for latency in found.latencies]
        yield held(name, f"{side} median", statistics.median(latencies), "ms")
        yield held(name, f"{side} p99", percentile(latencies, 0.99), "ms")


def _median(found: Round) -> float:
    return statistics.median(found.latencies)


@click.command()
@click.option("--rate", type=click.IntRange(min=BATCH), default=1_000, show_default=True, help="Messages a second.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Rounds for each server.")
@click.option("--seconds", type=click.FloatRange(min=0.5), default=6, show_default=True, help="Length of a round.")
@json_option
def main(*, rate: int, rounds: int, seconds: float, json_file: Path | None) -> None:
    """Print the latency of adding messages and reading, with a reasoning and with an idle worker."""
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as name:
        folders = [Path(name) / each for each in ("reasons", "rests")]
        for folder in folders:
            folder.mkdir()
        with servers.omoide(folders[0]) as first, servers.omoide(folders[1], **RESTING) as second:
            reasons, rests = MeasuredSide(first, folders[0] / DATABASE), MeasuredSide(second, folders[1] / DATABASE)
            load.run(played(reasons, rests, rate=rate, seconds=seconds, rounds=rounds))
    figures = [
        *compared(f"{BATCH} messages added", reasons.adds, rests.adds),
        *compared("session found", reasons.reads, rests.reads),
        held("the worker", "jobs due during a round, at most", max(reasons.owed)),
        held("the worker", "after a round until none is due, at most", max(reasons.behind), "s", CAUGHT_UP),
    ]
    publish(
        f"Beside the worker: {rate:,} messages/s in requests of {BATCH} and {READS_PER_SECOND} reads/s, "
        f"{rounds} rounds of {seconds:g} s",
        figures,
        json_file,
    )


if __name__ == "__main__":
    main()
