"""Start-up time, memory, and the latency of the last page of a long session relative to the first."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from pathlib import Path

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that the server uses

from benchmarks import load, servers
from benchmarks.measurements import Figure, held, publish
from benchmarks.servers import Address, ServerProcess
from benchmarks.table import Bar
from benchmarks.workloads import BATCH, SESSIONS, batch, post

MESSAGES = 200_000
START_UP = Bar(1.2, at_most=True, unit=" s")
RESIDENT = Bar(130, at_most=True, unit=" MB")
DEPTH = Bar(2, at_most=True, unit=" x")
MEGABYTE = 1_000_000
FIGURE = "median"


def measure(*, starts: int, rounds: int, seconds: float, messages: int = MESSAGES) -> list[Figure]:
    """Print and return medians of `starts` starts and of `rounds` rounds of `seconds`, on a session of `messages`."""
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as name:
        folder = Path(name)
        took, computed, resident = map(statistics.median, zip(*(_start(folder) for _ in range(starts)), strict=True))
        with servers.omoide(folder) as server:
            session = _long_session(server, folder / "omoide.db", messages)
            loaded = server.resident_bytes() / MEGABYTE
            first, last = load.run(_listing(server.address, session, messages, rounds, seconds))
    figures = [
        held(f"last page of {messages:,} messages against the first", FIGURE, last / first, bar=DEPTH),
        held("start to first answer", FIGURE, took, "s", START_UP),
        held("processor time until then", FIGURE, computed, "s"),
        held("resident after start", FIGURE, resident, "MB", RESIDENT),
        held("resident after a message was counted", FIGURE, loaded, "MB"),
        held("first page", FIGURE, first, "ms"),
        held("last page", FIGURE, last, "ms"),
    ]
    publish(f"Start-up (median of {starts}) and depth (median of {rounds} rounds)", figures)
    return figures


def _start(folder: Path) -> tuple[float, float, float]:
    """Seconds from process start to the first response; CPU seconds and resident megabytes at that time."""
    with servers.omoide(folder) as server:
        status, _ = load.run(load.once(server.address, load.request("GET", "/health")))
        took = time.perf_counter() - server.started
        if status != 200:
            raise load.UnexpectedAnswer(f"/health: status {status}")
        return took, server.processor_seconds(), server.resident_bytes() / MEGABYTE


def _long_session(server: ServerProcess, db: Path, messages: int) -> str:
    """Create a session with `messages` messages (one sent, the rest copies of its row); returns its path."""
    path = f"{SESSIONS}/long/messages"
    status, _ = load.run(load.once(server.address, post(path, batch(1))))
    if status != 201:
        raise load.UnexpectedAnswer(f"{path}: status {status}")
    connection = sqlite3.connect(db)
    with connection:
        columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(messages)")]
        copied = ", ".join(name for name in columns if name not in ("pk", "id", "seq"))
        connection.execute(
            f"""WITH RECURSIVE numbers(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
                INSERT INTO messages (id, seq, {copied})
                SELECT printf('copy%017d', n), n, {copied} FROM numbers JOIN messages WHERE seq = 1""",
            (messages,),
        )
        connection.execute("UPDATE sessions SET message_count = ? WHERE id = 'long'", (messages,))
    connection.close()
    return path


async def _listing(address: Address, session: str, messages: int, rounds: int, seconds: float) -> tuple[float, float]:
    """Milliseconds for the first and for the last full page, one request at a time."""
    pages = (1, messages // BATCH)
    requests = [itertools.repeat(post(f"{session}/list?page={page}&size={BATCH}", {})) for page in pages]
    taken: list[list[float]] = [[], []]
    for _ in range(rounds):
        for sent, found in zip(requests, taken, strict=True):
            played = await load.rate(address, sent, 200, connections=1, seconds=seconds)
            found.append(1000 * statistics.median(played.latencies))
    return statistics.median(taken[0]), statistics.median(taken[1])
