"""Copying the messages of a session, so many at a time that they take little memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from omoide.clock import new_ids
from omoide.store import embeddings, rows, said_order, words
from omoide.store.database import Connection

_COPIED = ["", "", *(f"messages.{name}" for name in ("content", "metadata", "token_count", "created_at", "muted"))]

COPIED_MESSAGES = 1_000
COPIED_CHARACTERS = 1_000_000
"""Of contents and metadata that are copied at a time, less the last message of them."""


def copy(db: Connection, source: int, target: int, last: int, now: int) -> None:
    """Give one session the messages of another, up to the position `last`, under new ids."""
    columns = "workspace, peer, content, metadata, token_count, created_at, muted"
    found = db.execute(
        f"SELECT {columns} FROM messages WHERE session = ? AND seq <= ? ORDER BY seq",
        (source, last),
    )
    # Damaged values are not copied, and messages of which it is not known whose they are are left out.
    sound = (rows.mended(_COPIED, row) for row in found if type(row[0]) is int and type(row[1]) is int)
    copied = 0
    for batch in _batches(sound):
        numbered = enumerate(zip(new_ids(now, len(batch)), batch, strict=True), copied + 1)
        copies = [(id, target, *row, seq) for seq, (id, row) in numbered]
        rows.insert_all(db, f"messages (id, session, {columns}, seq)", copies)
        copied += len(batch)
    db.execute("UPDATE sessions SET message_count = ? WHERE pk = ?", (copied, target))
    said_order.note(db, target, 1)
    words.add_messages(db, target, 1, copied)
    embeddings.owe(db, now)


def _batches(found: Iterable[rows.Row]) -> Iterator[list[rows.Row]]:
    """The rows to be copied, so many at a time that they take little memory."""
    batch: list[rows.Row] = []
    characters = 0
    for row in found:
        batch.append(row)
        characters += len(row[2]) + len(row[3])
        if characters > COPIED_CHARACTERS or len(batch) == COPIED_MESSAGES:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
