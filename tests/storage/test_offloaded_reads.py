"""Long reads run off the event loop, each on one snapshot, and cannot write."""

from __future__ import annotations

import asyncio
import threading

import pytest

from omoide.core.errors import NotFound, Unavailable
from omoide.storage.sqlite.engine import Connection, Store
from tests import sql
from tests.storage.row_factories import kinds, put


def test_a_long_read_does_not_block_the_event_loop(store: Store) -> None:
    opened = threading.Event()

    def long_read(db: Connection) -> list[str]:
        before = kinds(db)
        opened.wait()
        assert kinds(db) == before, "a read sees one snapshot"
        return before

    async def story() -> None:
        reading = asyncio.create_task(store.read_offloaded(long_read))
        await asyncio.sleep(0)
        await store.write(put, "new")
        assert await store.read(kinds) == ["new"]
        assert await store.read_offloaded(kinds) == ["new"]
        assert not reading.done()
        opened.set()
        assert await reading in ([], ["new"])

    asyncio.run(story())


def test_concurrent_reads_each_return_their_own_result(store: Store) -> None:
    def echo(db: Connection, number: int) -> int:
        return int(sql.value(db, "SELECT ?", (number,)))

    async def story() -> list[int]:
        return await asyncio.gather(*(store.read_offloaded(echo, number) for number in range(40)))

    assert asyncio.run(story()) == [*range(40)]


def test_a_read_that_raises_raises_for_its_caller_only(store: Store) -> None:
    def fail(db: Connection) -> None:
        raise NotFound("nothing there")

    async def story() -> None:
        with pytest.raises(NotFound, match="nothing there"):
            await store.read_offloaded(fail)
        with pytest.raises(Unavailable):
            await store.read_offloaded(put, "a reader cannot write")
        assert await store.read_offloaded(kinds) == []

    asyncio.run(story())
