"""The size of the write-ahead log while clients search and add messages at the same time.

`python -m benchmarks.wal --minutes 10` fills a database (`filling.py`), starts the server on it, and searches on
several connections while messages are added at a fixed rate. It prints the sizes of the log and the database, and the
latencies of searches and additions. With `--adders N`, N connections add messages as fast as they are answered instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import click

from benchmarks import load, servers
from benchmarks.fill_database import WORKSPACE, filled, speech
from benchmarks.load import Round
from benchmarks.measurements import Figure, held, json_option, percentile, publish
from benchmarks.recall.dataset import questions
from benchmarks.table import Bar
from benchmarks.workloads import post

MEGABYTE = 1_000_000
LOG = Bar(64, at_most=True, unit=" MB")
SESSIONS = 20
"""Messages are added to this number of sessions in turn."""
PACED_CONNECTIONS = 8
SHARES = (0.5, 0.95, 0.99)
LOOK_SECONDS = 0.05
"""The interval of reading the size of the log."""


class Watch:
    """Polls the size of a file until the block ends; `largest` is in bytes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.largest = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self.largest = max(self.largest, size_of(self.path))


def size_of(path: Path) -> int:
    """The size of a file in bytes; 0 if it does not exist."""
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0


def searches() -> Iterator[bytes]:
    asked = [post(f"/v3/workspaces/{WORKSPACE}/search", {"query": each.question, "limit": 10}) for each in questions()]
    return itertools.cycle(asked)


def additions() -> Iterator[bytes]:
    """Requests that add one message each."""
    for number, (peer, text) in enumerate(speech(0)):
        path = f"/v3/workspaces/{WORKSPACE}/sessions/added-{number % SESSIONS}/messages"
        yield post(path, {"messages": [{"peer_id": peer, "content": text}]})


async def played(
    address: servers.Address, seconds: float, *, searchers: int, per_second: float, adders: int
) -> tuple[Round, Round]:
    """Run searches and additions concurrently."""
    adding = (
        load.rate(address, additions(), 201, connections=adders, seconds=seconds)
        if adders
        else load.paced(
            address, additions(), 201, connections=PACED_CONNECTIONS, per_second=per_second, seconds=seconds
        )
    )
    searching = load.rate(address, searches(), 200, connections=searchers, seconds=seconds)
    return await asyncio.gather(searching, adding)


def figures(name: str, measured: Round) -> list[Figure]:
    taken = [1_000 * seconds for seconds in measured.latencies]
    shares = [held(name, f"p{round(100 * share)}", percentile(taken, share), "ms") for share in SHARES]
    return [held(name, "rate", measured.rate, "/s"), *shares, held(name, "longest", max(taken), "ms")]


@click.command()
@click.option("--minutes", default=1.0, show_default=True, help="For how long.")
@click.option("--searchers", default=4, show_default=True, help="Connections that search.")
@click.option("--per-second", default=50.0, show_default=True, help="Messages that are added a second.")
@click.option("--adders", default=0, help="Connections that add as fast as they are answered, instead of that pace.")
@click.option("--messages", default=20_000, show_default=True, help="Messages that are stored at the beginning.")
@click.option("--workers", default=1, show_default=True, help="Processes that serve.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Keep the filled database here.")
@json_option
def main(
    minutes: float,
    searchers: int,
    per_second: float,
    adders: int,
    messages: int,
    workers: int,
    keep: Path | None,
    json_file: Path | None,
) -> None:
    """Measure the size of the write-ahead log while clients search and add messages."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        filled(folder, messages, keep)
        database = folder / servers.DATABASE
        log = Path(f"{database}-wal")
        with servers.omoide(folder, "--workers", str(workers)) as server, Watch(log) as watch:
            work = played(server.address, 60 * minutes, searchers=searchers, per_second=per_second, adders=adders)
            searched, added = load.run(work)
            found = [
                held("files", "largest log", watch.largest / MEGABYTE, "MB", LOG),
                held("files", "log at the end", size_of(log) / MEGABYTE, "MB"),
                held("files", "database at the end", size_of(database) / MEGABYTE, "MB"),
                *figures("search", searched),
                *figures("message added", added),
            ]
    title = f"{searchers} searching, {f'{adders} adding' if adders else f'{per_second:g} messages/s'}, {minutes:g} min"
    publish(title, found, json_file)


if __name__ == "__main__":
    main()
