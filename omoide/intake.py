"""Messages come in: counted, then stored with everything they owe, in one transaction."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace

import orjson

from omoide import clock
from omoide.inference.tokens import TokenCounter
from omoide.records import Message, NewMessage
from omoide.store import Store, messages

COUNT_ON_LOOP_CHARACTERS = 4_000
"""Counting fewer characters than this takes less time than handing the work to a thread would."""

HOUR = 3_600_000_000


async def add_messages(
    store: Store,
    tokens: TokenCounter,
    workspace_id: str,
    session_id: str,
    batch: Sequence[NewMessage],
    *,
    idempotency_key: str | None,
    idempotency_hours: float,
) -> list[Message]:
    """Store the batch and return it once it is committed. Raises what `messages.add` and `add_once` raise."""
    counted = await _counted(tokens, batch)
    if idempotency_key is None:
        return await store.write(messages.add, workspace_id, session_id, counted, clock.now())
    return await store.write(
        messages.add_once,
        workspace_id,
        session_id,
        counted,
        clock.now(),
        key=idempotency_key,
        digest=_digest(batch),
        keep=int(idempotency_hours * HOUR),
    )


async def _counted(tokens: TokenCounter, batch: Sequence[NewMessage]) -> list[NewMessage]:
    def count() -> list[NewMessage]:
        return [replace(message, token_count=tokens.count(message.content)) for message in batch]

    if tokens.is_loaded and sum(len(message.content) for message in batch) <= COUNT_ON_LOOP_CHARACTERS:
        return count()
    return await asyncio.to_thread(count)


def _digest(batch: Sequence[NewMessage]) -> bytes:
    """What tells one batch from another: all that the caller gave."""
    given = [[m.peer_id, m.content, m.metadata, m.created_at] for m in batch]
    return hashlib.blake2b(orjson.dumps(given, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
