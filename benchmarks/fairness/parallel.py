"""Concurrent searches on one and two processes, and the distribution of keep-alive connections over two."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks import fill_database, process_tree
from benchmarks.child_processes import ClientProcess, Control
from benchmarks.fairness import tenants
from benchmarks.fairness.run import Setup
from benchmarks.http_client import Pool, request
from benchmarks.load import Round, rate
from benchmarks.measurements import Figure, held
from benchmarks.recall.dataset import questions
from benchmarks.servers import Address, ServerProcess
from benchmarks.table import Bar

CONNECTIONS = (1, 4, 16)
ROUNDS = 2
WARM_UP_SECONDS = 1.0
GAINS = {1: Bar(0.95, unit=" x"), 2: Bar(1.6, unit=" x")}
"""Processes → the required search rate of sixteen connections relative to one."""
KEPT = 32
TRIALS = 9
SMALLEST_SHARE = Bar(0.25)
"""The required share of the process with fewer connections. With a random choice per connection, fewer than 8 of 32
occur once in 480 trials."""
ESTABLISHED = "01"
SETTLE_SECONDS = 0.2
WAIT_SECONDS = 60


async def _search(_: Control, tenant: tenants.Tenant, connections: int, seconds: float) -> Round:
    asked = [tenant.post("/search", {"query": each.question, "limit": 10}) for each in questions()]
    return await rate(tenant.server, itertools.cycle(asked), 200, connections=connections, seconds=seconds)


def searching(setup: Setup, seconds: float) -> Iterator[Figure]:
    """Searches per second and median latency for each number of connections, in alternating rounds."""
    for workers, bar in GAINS.items():
        with setup.server(filled=True, workers=workers) as server:
            tenant = tenants.tenant(server.address, fill_database.WORKSPACE, tenants.HEAVY_SOURCE)
            _played(tenant, CONNECTIONS[-1], WARM_UP_SECONDS)
            rounds = [
                {connections: _played(tenant, connections, seconds) for connections in CONNECTIONS}
                for _ in range(ROUNDS)
            ]
        for connections in CONNECTIONS:
            row = f"{connections} searching, {workers} process{'es' if workers > 1 else ''}"
            of = [each[connections] for each in rounds]
            ratio = statistics.median(each[connections].rate / each[1].rate for each in rounds)
            yield held(row, "rate", statistics.median(each.rate for each in of), "/s")
            yield held(row, "times one", ratio, "x", bar if connections == CONNECTIONS[-1] else None)
            yield held(
                row, "p50", 1_000 * statistics.median(latency for each in of for latency in each.latencies), "ms"
            )


def _played(tenant: tenants.Tenant, connections: int, seconds: float) -> Round:
    child = ClientProcess[Round](_search, tenant, connections, seconds)
    try:
        return child.result(seconds + WAIT_SECONDS)
    finally:
        child.kill()


def spreading(setup: Setup) -> Iterator[Figure]:
    """The number of keep-alive connections of each of two processes, in several trials on one server."""
    with setup.server(filled=False, workers=2) as server:
        pids = _serving(server, 2)
        trials = [asyncio.run(_kept(server.address, pids)) for _ in range(TRIALS)]
    row = f"{KEPT} kept connections on two processes"
    shown = ", ".join(f"{max(counts)}+{min(counts)}" for counts in trials)
    yield held(row, "smallest share", min(min(counts) / max(1, sum(counts)) for counts in trials), "", SMALLEST_SHARE)
    yield Figure(row, f"{TRIALS} trials", shown)


def _serving(server: ServerProcess, count: int) -> list[int]:
    """Wait until `count` API processes serve; returns their pids. Raises TimeoutError."""
    deadline = time.perf_counter() + WAIT_SECONDS
    while len(pids := process_tree.named(server.process.pid, "omoide-api")) < count:
        if time.perf_counter() > deadline:
            raise TimeoutError(f"{len(pids)} processes serve after {WAIT_SECONDS} s")
        time.sleep(SETTLE_SECONDS)
    time.sleep(SETTLE_SECONDS)  # a process sets its name shortly before it accepts connections
    return pids


async def _kept(address: Address, pids: list[int]) -> list[int]:
    """Open connections concurrently, use each, and count them per process."""
    pool = Pool(address, KEPT, source=tenants.HEAVY_SOURCE)
    sent = request("GET", "/health")
    await asyncio.gather(*(pool.exchange(sent) for _ in range(KEPT)))
    await asyncio.sleep(SETTLE_SECONDS)
    counts = await asyncio.to_thread(_count, address[1], pids)
    pool.close()
    await asyncio.sleep(SETTLE_SECONDS)
    return counts


def _count(port: int, pids: list[int]) -> list[int]:
    return per_process(Path("/proc/net/tcp").read_text(), port, {pid: sockets(pid) for pid in pids})


def per_process(table: str, port: int, sockets_of: Mapping[int, set[int]]) -> list[int]:
    """The number of established connections to the port per process, from /proc/net/tcp and the socket inodes."""
    found: Counter[int] = Counter()
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields[3] == ESTABLISHED and int(fields[1].rpartition(":")[2], 16) == port:
            for pid, inodes in sockets_of.items():
                found[pid] += int(fields[9]) in inodes
    return [found[pid] for pid in sockets_of]


def sockets(pid: int) -> set[int]:
    """The inodes of a process's sockets."""
    inodes = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found = re.match(r"socket:\[(\d+)\]", os.readlink(descriptor))
        except OSError:
            continue
        if found:
            inodes.add(int(found[1]))
    return inodes
