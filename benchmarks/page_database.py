"""A database for the page: one workspace of 50,000 messages and 20,000 conclusions, as large as anybody looks at."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

from benchmarks.fill_database import BATCH_MESSAGES, COMMITTED, UNLIMITED, speech
from omoide.core import clock
from omoide.core.records import NewConclusion, NewMessage
from omoide.storage import conclusions, messages
from omoide.storage.sqlite.engine import Store

WORKSPACE = "large"
MESSAGES, CONCLUSIONS, PEERS = 50_000, 20_000, 400
LONG_SESSION, SHARE_OF_LONG = "long", 0.8
"""A session with four fifths of the messages; the others have 50 each."""
SHORT_SESSION_MESSAGES = 50
MUTED = {"reasoning": {"enabled": False}}
START, STEP = 1_700_000_000_000_000, 60_000_000
"""When the first message was said and how long until the next, in microseconds."""


def fill(db: Path) -> None:
    """Create the database. A server that is started on it has nothing to reason about; it embeds in the background."""
    asyncio.run(_fill(db))


async def _fill(db: Path) -> None:
    store = Store.open(db, durability="normal")
    said = speech(MESSAGES)
    starts = iter(range(0, MESSAGES, BATCH_MESSAGES))
    while some := [*itertools.islice(starts, COMMITTED)]:
        await asyncio.gather(
            *(_add(store, session, batch) for start in some for session, batch in _batches(said, start))
        )
    texts = (text for _, text in itertools.islice(said, CONCLUSIONS))
    drawn = [NewConclusion(text, *_pair(number), None) for number, text in enumerate(texts)]
    for start in range(0, CONCLUSIONS, BATCH_MESSAGES * COMMITTED):
        await store.write(conclusions.add, WORKSPACE, drawn[start : start + BATCH_MESSAGES * COMMITTED], clock.now())
    store.close()


def _batches(said: Iterator[tuple[str, str]], start: int) -> Iterator[tuple[str, list[NewMessage]]]:
    """The messages from number `start`, by session."""
    is_long = start < MESSAGES * SHARE_OF_LONG
    batch = [
        NewMessage(
            peer if is_long else f"peer-{number % PEERS}", text, {}, len(text) // 4, START + number * STEP, MUTED
        )
        for number, (peer, text) in enumerate(itertools.islice(said, BATCH_MESSAGES), start)
    ]
    if is_long:
        yield LONG_SESSION, batch
        return
    for first in range(0, len(batch), SHORT_SESSION_MESSAGES):
        yield f"s{start + first}", batch[first : first + SHORT_SESSION_MESSAGES]


def _pair(number: int) -> tuple[str, str]:
    """Observer and observed of a conclusion: half are about one peer, the others spread over all."""
    if number % 2:
        return "idris", "idris"
    return f"peer-{number % PEERS}", f"peer-{number * 7 % PEERS}"


async def _add(store: Store, session: str, batch: list[NewMessage]) -> None:
    await store.write(messages.add, WORKSPACE, session, batch, clock.now(), max_observers=UNLIMITED)
