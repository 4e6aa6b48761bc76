"""Count tokens, store messages and enqueue their jobs, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from omoide.core import acting, clock
from omoide.core.offload import offload
from omoide.core.records import Message, MessageBatch, NewMessage, new_tuple
from omoide.inference.tokens import TokenCounter
from omoide.scheduling.enqueue import EnqueuePolicy, enqueue_jobs
from omoide.services.container import Services
from omoide.storage import Transaction, messages, receipts

COUNT_ON_LOOP_CHARACTERS = 10_000
"""Up to this many characters are counted on the event loop: a few tenths of a millisecond."""


async def add_messages(services: Services, batch: MessageBatch, by: str = acting.SERVER) -> list[Message]:
    """Store the batch on behalf of a caller (see `auth.name_of`); returns the messages after the commit.

    Raises Unprocessable for ids that cannot be created and for scopes as authors, and Conflict for an idempotency key
    that was used for other messages.
    """
    ready = batch._replace(messages=await counted(services.tokens, batch.messages))
    limit = services.settings.max_observers
    stored = await services.store.write(
        acting.on_behalf, by, store_batch, ready, clock.now(), services.policy, max_observers=limit
    )
    services.wake_worker()
    return stored


def store_batch(
    db: Transaction, batch: MessageBatch, now: int, rules: EnqueuePolicy, *, max_observers: int
) -> list[Message]:
    """Store a batch whose tokens are counted, with its jobs and the receipt of its idempotency key. Raises as
    `add_messages`."""
    workspace_id, session_id, _, idempotency = batch
    if idempotency and (stored := receipts.find(db, workspace_id, session_id, idempotency, now)) is not None:
        return stored
    point = messages.append_point(db, batch, now, max_observers=max_observers)
    new = point.messages
    stored = messages.append(db, point, new, muted=enqueue_jobs(db, point, new, rules))
    if idempotency:
        receipts.add(db, point, len(new), idempotency)
    return stored


async def counted(tokens: TokenCounter, batch: Sequence[NewMessage]) -> list[NewMessage]:
    """The batch with the number of tokens of each message."""
    texts = [message.content for message in batch]
    if tokens.is_loaded and sum(map(len, texts)) <= COUNT_ON_LOOP_CHARACTERS:
        counts = tokens.count_all(texts)
    else:
        counts = await offload(tokens.count_all, texts)
    return [
        new_tuple(NewMessage, (peer_id, content, metadata, count, said_at, configuration, utc_offset))
        for (peer_id, content, metadata, _, said_at, configuration, utc_offset), count in zip(
            batch, counts, strict=True
        )
    ]
