"""Create databases of any size: endless conversations, conclusions about one peer, and all vectors.

Uses the store's functions, so that the file equals one written by a server, but with more rows per commit and without
waiting for the disk.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from benchmarks.recall.dataset import conversations
from omoide.core import clock
from omoide.core.records import NewConclusion, NewMessage
from omoide.inference.bge_embedder import BgeEmbedder
from omoide.inference.embedders import unit_rows
from omoide.inference.wordllama_embedder import WordLlamaEmbedder
from omoide.storage import conclusions, embeddings, messages
from omoide.storage.sqlite.engine import Connection, Store
from omoide.storage.vectors import packed

WORKSPACE = "size"
SESSION_MESSAGES = 500
BATCH_MESSAGES = 500
COMMITTED = 8
"""Batches per commit."""
EMBEDDED_AT_ONCE = 4_096
CONCLUSIONS_PER_MESSAGE = 0.2
REPLACED = 0.15
"""The share of words that are replaced by others, so that messages differ."""
UNLIMITED = 1_000_000


def speech(seed: int) -> Iterator[tuple[str, str]]:
    """An endless stream of (peer, text): the turns of the recall conversations in a cycle, with replaced words."""
    turns = [turn for spoken in conversations().values() for turn in spoken]
    words = sorted({word for turn in turns for word in turn.content.split()})
    chance = random.Random(seed)
    for turn in itertools.cycle(turns):
        said = (chance.choice(words) if chance.random() < REPLACED else word for word in turn.content.split())
        yield turn.peer, " ".join(said)


def filled(folder: Path, count: int, kept: Path | None) -> float:
    """Create `omoide.db` with `count` messages in the folder; returns the seconds that it took to fill.

    `kept` is a folder that caches filled databases.
    """
    database = folder / "omoide.db"
    known = None if kept is None else kept / f"{count}.db"
    took = None if known is None else known.with_suffix(".seconds")
    if known is None or took is None:
        return asyncio.run(fill(database, count))
    if not took.exists():
        known.parent.mkdir(parents=True, exist_ok=True)
        known.unlink(missing_ok=True)
        took.write_text(str(asyncio.run(fill(known, count))))
    shutil.copyfile(known, database)
    return float(took.read_text())


async def fill(db: Path, count: int, session_messages: int = SESSION_MESSAGES) -> float:
    """Create a database with `count` messages, a fifth as many conclusions about one peer, and all vectors.

    Session s0 has the first `session_messages`, s1 the next, and so on. Returns the seconds.
    """
    begin = time.perf_counter()
    store = Store.open(db, durability="normal")
    said = speech(count)
    starts = iter(range(0, count, BATCH_MESSAGES))
    while some := [*itertools.islice(starts, COMMITTED)]:
        sessions = [
            (f"s{start // session_messages}", _batch(said, min(BATCH_MESSAGES, count - start))) for start in some
        ]
        await asyncio.gather(*(_add(store, name, batch) for name, batch in sessions))
    about = (text for _, text in itertools.islice(said, int(count * CONCLUSIONS_PER_MESSAGE)))
    while texts := [*itertools.islice(about, COMMITTED * BATCH_MESSAGES)]:
        drawn = [NewConclusion(text, "idris", "idris", None) for text in texts]
        await store.write(conclusions.add, WORKSPACE, drawn, clock.now())
    await embed_all(store)
    await store.write(_forget_jobs)
    store.close()
    return time.perf_counter() - begin


def _batch(said: Iterator[tuple[str, str]], count: int) -> list[NewMessage]:
    turns = itertools.islice(said, count)
    return [NewMessage(peer, text, {}, len(text) // 4, None) for peer, text in turns]


async def _add(store: Store, session: str, batch: list[NewMessage]) -> None:
    await store.write(messages.add, WORKSPACE, session, batch, clock.now(), max_observers=UNLIMITED)


async def embed_all(store: Store) -> None:
    """Give all texts vectors of the default embedder's name and length, which WordLlama computes.

    The default one would take more than an hour for a million texts. What the numbers mean does not matter for the time
    that a search takes.
    """
    embedder, wanted = WordLlamaEmbedder(), BgeEmbedder()
    lengthen = np.random.default_rng(0).standard_normal((embedder.dimensions, wanted.dimensions), np.float32)
    await store.write(embeddings.adopt, wanted.name, wanted.dimensions, clock.now())
    for source in embeddings.SOURCES:
        while found := await store.read_offloaded(_missing, source):
            model = await store.read(embeddings.progress)
            if model is None:
                raise RuntimeError("no embedder was adopted")
            vectors = unit_rows(await embedder.embed([text for _, text in found]) @ lengthen)
            rows = [(pk, kept) for (pk, _), kept in zip(found, packed(vectors), strict=True)]
            await store.write(embeddings.add, model, source, found[-1][0], rows)


def _missing(db: Connection, source: embeddings.Source) -> list[tuple[int, str]]:
    model = embeddings.progress(db)
    return [] if model is None else embeddings.missing(db, source, model.through(source), EMBEDDED_AT_ONCE)


def _forget_jobs(db: Connection) -> None:
    """Delete all jobs, since everything is embedded."""
    db.execute("DELETE FROM jobs")


@click.command()
@click.argument("db", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("count", type=click.IntRange(min=1))
@click.option("--session-messages", default=SESSION_MESSAGES, help="Messages of each session, a multiple of 500.")
def main(*, db: Path, count: int, session_messages: int) -> None:
    """Fill the database DB with COUNT messages."""
    asyncio.run(fill(db, count, session_messages))


if __name__ == "__main__":
    main()
