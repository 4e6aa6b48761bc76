"""Messages come in: counted, then stored with everything they owe, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from omoide import clock
from omoide.inference.tokens import TokenCounter
from omoide.records import Idempotency, Message, NewMessage
from omoide.store import Store, messages

COUNT_ON_LOOP_CHARACTERS = 4_000
"""Counting fewer characters than this takes less time than handing the work to a thread would."""


async def add_messages(
    store: Store,
    tokens: TokenCounter,
    workspace_id: str,
    session_id: str,
    batch: Sequence[NewMessage],
    *,
    max_observers: int,
    idempotency: Idempotency | None,
) -> list[Message]:
    """Store the batch and return it once it is committed. Raises what `messages.add` and `add_once` raise."""
    counted = await _counted(tokens, batch)
    now = clock.now()
    if idempotency is None:
        return await store.write(messages.add, workspace_id, session_id, counted, now, max_observers=max_observers)
    return await store.write(
        messages.add_once,
        workspace_id,
        session_id,
        counted,
        now,
        max_observers=max_observers,
        idempotency=idempotency,
    )


async def _counted(tokens: TokenCounter, batch: Sequence[NewMessage]) -> list[NewMessage]:
    def count() -> list[NewMessage]:
        return [NewMessage(m.peer_id, m.content, m.metadata, tokens.count(m.content), m.created_at) for m in batch]

    if tokens.is_loaded and sum(len(message.content) for message in batch) <= COUNT_ON_LOOP_CHARACTERS:
        return count()
    return await asyncio.to_thread(count)
