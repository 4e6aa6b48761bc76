"""What size costs: the same questions to databases of growing size, as medians over HTTP.

`python -m benchmarks.size` fills each database through the store's own functions, embeds everything as the worker
would, starts the server on it, and asks one question after another over one connection.
"""

from __future__ import annotations

import asyncio
import http.client
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import orjson

from benchmarks import servers
from benchmarks.recall.dataset import conversations, questions
from benchmarks.table import Bar, show, verdict
from omoide import clock
from omoide.inference.wordllama_embedder import WordLlamaEmbedder
from omoide.jobs import Job
from omoide.records import NewConclusion, NewMessage
from omoide.settings import Settings
from omoide.store import Store, conclusions, embeddings, messages
from omoide.worker.embedding import embed
from omoide.worker.tools import Tools

WORKSPACE = "size"
SESSION_MESSAGES = 500
BATCH = 100
CONCLUSIONS_PER_MESSAGE = 0.2
REPLACED = 0.15
"""The share of words that are replaced by others, so that no two messages are the same."""
UNLIMITED = 1_000_000
MEGABYTE = 1_000_000
NOT_IMPLEMENTED = 501


@dataclass(frozen=True)
class Asked:
    """A question, in so many wordings, and how many milliseconds the largest database may take to answer it."""

    name: str
    method: str
    path: str
    bodies: tuple[bytes, ...] = (b"",)
    bar: Bar | None = None


def asked() -> list[Asked]:
    base = f"/v3/workspaces/{WORKSPACE}"
    wordings = [question.question for question in questions()]
    queries = tuple(orjson.dumps({"query": wording}) for wording in wordings)
    meant = tuple(orjson.dumps({"search_query": wording}) for wording in wordings)
    return [
        Asked("search", "POST", f"{base}/search", queries, Bar(25, at_most=True, unit=" ms")),
        Asked("search in a session", "POST", f"{base}/sessions/s0/search", queries),
        Asked("search of a peer", "POST", f"{base}/peers/idris/search", queries),
        Asked("session context", "GET", f"{base}/sessions/s0/context", bar=Bar(8, at_most=True, unit=" ms")),
        Asked(
            "representation", "POST", f"{base}/peers/idris/representation", (b"{}",), Bar(15, at_most=True, unit=" ms")
        ),
        Asked("representation, searched", "POST", f"{base}/peers/idris/representation", meant),
    ]


def speech(seed: int) -> Iterator[tuple[str, str]]:
    """Who says what, without end: the turns of the recall conversations over and over, with words exchanged."""
    turns = [turn for spoken in conversations().values() for turn in spoken]
    words = sorted({word for turn in turns for word in turn.content.split()})
    chance = random.Random(seed)
    for turn in itertools.cycle(turns):
        said = (chance.choice(words) if chance.random() < REPLACED else word for word in turn.content.split())
        yield turn.peer, " ".join(said)


async def fill(db: Path, count: int) -> None:
    """A database with so many messages, a fifth as many conclusions about one peer, and all their vectors."""
    store = Store.open(db, durability="normal")
    said = speech(count)
    for start in range(0, count, BATCH):
        session = f"s{start // SESSION_MESSAGES}"
        batch = [NewMessage(peer, text, {}, len(text) // 4, None) for peer, text in itertools.islice(said, BATCH)]
        await store.write(messages.add, WORKSPACE, session, batch, clock.now(), max_observers=UNLIMITED)
    about = [text for _, text in itertools.islice(said, int(count * CONCLUSIONS_PER_MESSAGE))]
    for start in range(0, len(about), BATCH):
        drawn = [NewConclusion(text, "idris", "idris", None) for text in about[start : start + BATCH]]
        await store.write(conclusions.add, WORKSPACE, drawn, clock.now())
    embedder = WordLlamaEmbedder()
    await store.write(embeddings.adopt, embedder.name, embedder.dimensions, clock.now())
    await embed(Tools.around(store, Settings.model_validate({"db": db}), embedder), Job(0, embeddings.JOB, {}, 1))
    store.close()


def median(connection: http.client.HTTPConnection, question: Asked, rounds: int) -> float | None:
    """Milliseconds from sending a question to having read the answer; None if the server cannot answer it yet."""
    headers = {"Content-Type": "application/json"}
    taken = []
    for body in itertools.islice(itertools.cycle(question.bodies), rounds + 1):
        begin = time.perf_counter()
        connection.request(question.method, question.path, body or None, headers if body else {})
        answer = connection.getresponse()
        text = answer.read()
        taken.append(1_000 * (time.perf_counter() - begin))
        if answer.status == NOT_IMPLEMENTED:
            return None
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{question.name}: status {answer.status}: {text[:500]!r}")
    return statistics.median(taken[1:])  # the first loads what is loaded on first use


def measured(count: int, rounds: int) -> tuple[list[float | None], float]:
    """The medians, in the order of `asked`, and the megabytes that the server holds then."""
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as name:
        asyncio.run(fill(Path(name) / "omoide.db", count))
        with servers.omoide(Path(name)) as server:
            connection = http.client.HTTPConnection(*server.address)
            found = [median(connection, question, rounds) for question in asked()]
            connection.close()
            return found, server.resident_bytes() / MEGABYTE


@click.command()
@click.option("--messages", "sizes", type=click.IntRange(min=1), multiple=True, default=(1_000, 10_000, 100_000))
@click.option("--rounds", type=click.IntRange(min=1), default=100, show_default=True, help="Requests per figure.")
def main(*, sizes: tuple[int, ...], rounds: int) -> None:
    """Print a table with a column for each size."""
    columns = [measured(size, rounds) for size in sizes]
    rows = []
    for place, question in enumerate(asked()):
        found = [medians[place] for medians, _ in columns]
        largest = found[-1]
        said = "" if largest is None else verdict(largest, question.bar)
        rows.append([question.name, *("501" if figure is None else f"{figure:.1f}" for figure in found), said])
    rows.append(["resident memory, MB", *(f"{resident:.0f}" for _, resident in columns), ""])
    head = ["milliseconds (median)", *(f"{size:,} messages" for size in sizes), "bar"]
    show(f"What size costs, {rounds} requests each", head, rows)


if __name__ == "__main__":
    main()
