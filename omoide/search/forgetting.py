"""Lets a process forget what was deleted: its part of the vector index, and its caches of texts."""

from __future__ import annotations

import asyncio
import contextlib

from omoide import heap, text_cache
from omoide.aside import aside
from omoide.errors import OmoideError
from omoide.search.vector_index import VectorIndex
from omoide.store import Store, erasure

LOOK_SECONDS = 30.0
"""How often a process looks whether anything was erased since."""


class Forgetting:
    """What one process has forgotten so far. Nothing has to be at first: it holds nothing yet."""

    def __init__(self, store: Store, index: VectorIndex) -> None:
        self._store = store
        self._index = index
        self._count: int | None = None

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            with contextlib.suppress(OmoideError):  # looked again
                await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Forget what was deleted, if anything was erased since the last call. Raises Unavailable."""
        count = self._store.read(erasure.count)
        if count == self._count:
            return
        text_cache.forget()
        await self._store.read_aside(self._index.forget_deleted)
        await aside(heap.trim)  # or the process grows by some megabytes each time
        self._count = count
