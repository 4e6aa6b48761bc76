"""Removing the rows of what was deleted, and of nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

from omoide.records import NewMessage, PageRequest
from omoide.store import Store, messages, purge, sessions

HELLO = [NewMessage("p", "hello", {}, 1, None)]


def test_a_purge_done_again_leaves_a_session_that_got_the_number_of_the_old_one(db_path: Path) -> None:
    async def story(store: Store) -> None:
        async def say() -> int:
            await store.write(messages.add, "w", "s", HELLO, 1, max_observers=10)
            return store.read(sessions.get, "w", "s").pk

        old = await say()
        await store.write(sessions.delete, "w", "s", 2)
        while await store.write(purge.session, old):
            pass
        assert await say() == old, "the number is used again, or this test proves nothing"
        assert await store.write(purge.session, old) is False
        assert store.read(messages.page, "w", "s", PageRequest()).total == 1

    store = Store.open(db_path)
    asyncio.run(story(store))
    store.close()
