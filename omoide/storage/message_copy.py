"""Copy the messages of a session in batches that need little memory and block other writes only briefly."""

from __future__ import annotations

import contextlib

from omoide.core.clock import new_ids
from omoide.storage import embeddings, event_time_order, rows
from omoide.storage.base import Transaction
from omoide.storage.engine import fulltext

_KEPT = ("content", "metadata", "token_count", "created_at", "muted", "utc_offset")
_COPIED = ["", "", *(f"messages.{name}" for name in _KEPT), ""]

MESSAGES_AT_A_TIME = 500
CHARACTERS_AT_A_TIME = 1_000_000
"""Limits of one batch: messages, and characters of content and metadata. Copying takes 30 to 50 ms."""


def copy_some(db: Transaction, source: int, target: int, after: int, last: int, now: int) -> int:
    """Copy a batch of the messages after the position `after`, up to `last`, to another session, under new ids.

    They keep their positions, to which stays refer. Returns the position through which they were copied; `last` when
    done.
    """
    columns = f"workspace, peer, {', '.join(_KEPT)}"
    query = f"""SELECT {columns}, seq FROM messages WHERE session = ? AND seq > ? AND seq <= ?
        AND NOT EXISTS (SELECT 1 FROM peers p WHERE p.pk = peer AND p.kind = 'deleted') ORDER BY seq LIMIT ?"""
    found: list[rows.Row] = []
    through, characters = after, 0
    with contextlib.closing(db.execute(query, (source, after, last, MESSAGES_AT_A_TIME))) as selected:
        for *row, seq in selected:
            through = seq
            found.append((*row, seq))
            characters += sum(len(value) for value in row[2:4] if isinstance(value, str))
            if characters > CHARACTERS_AT_A_TIME:
                break
        else:
            through = through if len(found) == MESSAGES_AT_A_TIME else last
    # Damaged values are repaired, and messages with a damaged workspace or peer are left out.
    sound = [rows.mended(_COPIED, row) for row in found if type(row[0]) is int and type(row[1]) is int]
    copies = [(id, target, *row) for id, row in zip(new_ids(now, len(sound)), sound, strict=True)]
    rows.insert_all(db, f"messages (id, session, {columns}, seq)", copies)
    db.execute(
        "UPDATE sessions SET message_count = ?, removed = removed + ? WHERE pk = ?",
        (through, through - after - len(sound), target),
    )
    event_time_order.note(db, target, after + 1)
    fulltext.add_messages(db, target, after + 1, through)
    embeddings.enqueue(db, now)
    return through
