"""Count tokens, store messages and enqueue their jobs, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from omoide.core import clock
from omoide.core.offload import offload
from omoide.core.records import Idempotency, Message, NewMessage
from omoide.inference.tokens import TokenCounter
from omoide.scheduling.enqueue import EnqueuePolicy, enqueue_jobs
from omoide.storage import Connection, Store, messages
from omoide.storage.messages import Appended

COUNT_ON_LOOP_CHARACTERS = 10_000
"""Up to this many characters are counted on the event loop: a few tenths of a millisecond."""


async def add_messages(
    store: Store,
    tokens: TokenCounter,
    workspace_id: str,
    session_id: str,
    batch: Sequence[NewMessage],
    *,
    max_observers: int,
    idempotency: Idempotency | None,
    rules: EnqueuePolicy,
) -> list[Message]:
    """Store the batch and return it after the commit. Raises the errors of `messages.add` and `add_once`."""
    counted = await _counted(tokens, batch)
    now = clock.now()

    def then(db: Connection, appended: Appended) -> Sequence[int]:
        return enqueue_jobs(db, appended, counted, now, rules)

    if idempotency is None:
        return await store.write(
            messages.add, workspace_id, session_id, counted, now, max_observers=max_observers, then=then
        )
    return await store.write(
        messages.add_once,
        workspace_id,
        session_id,
        counted,
        now,
        max_observers=max_observers,
        then=then,
        idempotency=idempotency,
    )


async def _counted(tokens: TokenCounter, batch: Sequence[NewMessage]) -> list[NewMessage]:
    def count() -> list[NewMessage]:
        counts = tokens.count_all([message.content for message in batch])
        return [
            NewMessage(peer_id, content, metadata, count, created_at, configuration)
            for (peer_id, content, metadata, _, created_at, configuration), count in zip(batch, counts, strict=True)
        ]

    if tokens.is_loaded and sum(len(message.content) for message in batch) <= COUNT_ON_LOOP_CHARACTERS:
        return count()
    return await offload(count)
