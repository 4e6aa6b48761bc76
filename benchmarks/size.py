"""Latency by database size: the same requests to databases of growing size, over HTTP.

`python -m benchmarks.size` fills each database (`fill_database.py`), starts the server on it, and sends one request at
a time over one connection. `--keep FOLDER` keeps the filled databases for the next run, `--json FILE` writes the
figures.
"""

from __future__ import annotations

import http.client
import itertools
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import orjson

from benchmarks import servers
from benchmarks.fill_database import WORKSPACE, filled
from benchmarks.recall.dataset import questions
from benchmarks.table import Bar, show

MEGABYTE = 1_000_000
OK = (http.HTTPStatus.OK, http.HTTPStatus.CREATED)
RESIDENT = Bar(600, at_most=True, unit=" MB")
RECALL, JUDGED_MESSAGES = Bar(40, at_most=True, unit=" ms"), 100_000
"""For the median of recall on a database with so many messages."""


@dataclass(frozen=True)
class Asked:
    """A request with several bodies, and the bar for its p95 on the largest database, in milliseconds."""

    name: str
    method: str
    path: str
    bodies: tuple[bytes, ...] = (b"",)
    bar: Bar | None = None


@dataclass(frozen=True)
class TimedQuestion:
    """The latency of an operation on a database with `messages` messages, in milliseconds."""

    operation: str
    messages: int
    median_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True)
class DatabaseSize:
    """The size of a database with `messages` messages: total memory of the server's processes, and file size."""

    messages: int
    resident_mb: float
    file_mb: float
    fill_seconds: float


def asked() -> list[Asked]:
    base = f"/v3/workspaces/{WORKSPACE}"
    wordings = [question.question for question in questions()]
    queries = tuple(orjson.dumps({"query": wording}) for wording in wordings)
    meant = tuple(orjson.dumps({"search_query": wording}) for wording in wordings)
    about = {"observer_id": "idris", "observed_id": "idris"}
    of_pair = tuple(orjson.dumps({"query": wording, "filters": about}) for wording in wordings)
    said = tuple(orjson.dumps({"messages": [{"peer_id": "idris", "content": wording}]}) for wording in wordings)
    of_peer = tuple(orjson.dumps({"query": wording, "peer_id": "idris"}) for wording in wordings)
    continued = orjson.dumps({"peer_id": "idris", "session_id": "s0"})
    quick = Bar(60, at_most=True, unit=" ms")
    return [
        Asked("add", "POST", f"{base}/sessions/added/messages", said),
        Asked("list", "POST", f"{base}/sessions/s0/messages/list", (b"{}",)),
        Asked("context", "GET", f"{base}/sessions/s0/context"),
        Asked("search", "POST", f"{base}/search", queries, quick),
        Asked("search in a session", "POST", f"{base}/sessions/s0/search", queries, quick),
        Asked("search of a peer", "POST", f"{base}/peers/idris/search", queries, quick),
        Asked("representation", "POST", f"{base}/peers/idris/representation", (b"{}",)),
        Asked("representation, searched", "POST", f"{base}/peers/idris/representation", meant),
        Asked("conclusion query", "POST", f"{base}/conclusions/query", of_pair),
        Asked("conclusion query, everywhere", "POST", f"{base}/conclusions/query", queries),
        Asked("recall", "POST", f"{base}/recall", queries),
        Asked("recall about a peer", "POST", f"{base}/recall", of_peer),
        Asked("context of a peer and a session", "POST", f"{base}/context", (continued,)),
    ]


def timed(connection: http.client.HTTPConnection, question: Asked, messages: int, rounds: int) -> TimedQuestion:
    """Time requests from sending to the end of the response."""
    headers = {"Content-Type": "application/json"}
    taken = []
    for body in itertools.islice(itertools.cycle(question.bodies), rounds + 1):
        begin = time.perf_counter()
        connection.request(question.method, question.path, body or None, headers if body else {})
        answer = connection.getresponse()
        text = answer.read()
        taken.append(1_000 * (time.perf_counter() - begin))
        if answer.status not in OK:
            raise RuntimeError(f"{question.name}: status {answer.status}: {text[:500]!r}")
    # The first request includes lazy loading.
    cuts = statistics.quantiles(taken[1:], n=100, method="inclusive")
    return TimedQuestion(question.name, messages, statistics.median(taken[1:]), cuts[94], cuts[98])


def measured(count: int, rounds: int, kept: Path | None) -> tuple[list[TimedQuestion], DatabaseSize]:
    """The latencies in the order of `asked`, and the sizes afterwards."""
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as name:
        folder = Path(name)
        fill_seconds = filled(folder, count, kept)
        file_mb = (folder / "omoide.db").stat().st_size / MEGABYTE
        with servers.omoide(folder) as server:
            connection = http.client.HTTPConnection(*server.address)
            found = [timed(connection, question, count, rounds) for question in asked()]
            connection.close()
            return found, DatabaseSize(count, server.resident_bytes() / MEGABYTE, file_mb, fill_seconds)


def verdict(question: Asked, figures: Sequence[TimedQuestion]) -> str:
    """What the bar of a question says of its figures, one for each size."""
    if question.name.startswith("recall"):
        medians = [each.median_ms for each in figures if each.messages == JUDGED_MESSAGES]
        return f"median at {JUDGED_MESSAGES:,}: {RECALL.verdict(medians[0])}" if medians else ""
    return question.bar.verdict(figures[-1].p95_ms) if question.bar else ""


@click.command()
@click.option(
    "--messages", "sizes", type=click.IntRange(min=1), multiple=True, default=(1_000, 10_000, 100_000, 1_000_000)
)
@click.option("--rounds", type=click.IntRange(min=2), default=183, show_default=True, help="Requests per figure.")
@click.option(
    "--keep", type=click.Path(file_okay=False, path_type=Path), help="A folder for filled databases, to use again."
)
@click.option(
    "--json", "written", type=click.Path(dir_okay=False, path_type=Path), help="A file to write the figures to."
)
def main(*, sizes: tuple[int, ...], rounds: int, keep: Path | None, written: Path | None) -> None:
    """Print a table with a column for each size."""
    columns = [measured(size, rounds, keep) for size in sizes]
    rows = []
    for place, question in enumerate(asked()):
        figures = [timings[place] for timings, _ in columns]
        shown = (f"{each.median_ms:.1f} / {each.p95_ms:.1f} / {each.p99_ms:.1f}" for each in figures)
        rows.append([question.name, *shown, verdict(question, figures)])
    held = [column for _, column in columns]
    resident = [f"{each.resident_mb:.0f}" for each in held]
    rows.append(["resident memory, MB", *resident, RESIDENT.verdict(held[-1].resident_mb)])
    rows.append(["file, MB", *(f"{each.file_mb:.0f}" for each in held), ""])
    rows.append(["seconds to fill", *(f"{each.fill_seconds:.0f}" for each in held), ""])
    head = [
        "milliseconds (median / p95 / p99)",
        *(f"{size:,} messages" for size in sizes),
        "bar (of the p95, unless it says otherwise)",
    ]
    show(f"What size costs, {rounds} requests each", head, rows)
    if written:
        timings = [asdict(each) for some, _ in columns for each in some]
        written.write_bytes(orjson.dumps(timings + [asdict(each) for each in held], option=orjson.OPT_INDENT_2))


if __name__ == "__main__":
    main()
