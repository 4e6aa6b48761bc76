"""Evict deleted rows from a process's memory: its vector index and its text caches."""

from __future__ import annotations

import asyncio
import contextlib

from omoide.core import malloc, text_cache
from omoide.core.errors import OmoideError
from omoide.core.offload import offload
from omoide.search.vector_index import VectorIndex
from omoide.storage import Store
from omoide.storage.engine import secure_delete

LOOK_SECONDS = 30.0
"""How often a process checks for erased rows."""


class CacheInvalidator:
    """Evicts deleted rows periodically."""

    def __init__(self, store: Store, index: VectorIndex) -> None:
        self._store = store
        self._index = index
        self._count: int | None = None

    async def run(self) -> None:
        """Check every `LOOK_SECONDS`, until cancelled."""
        while True:
            with contextlib.suppress(OmoideError):  # the next check retries
                await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Evict deleted rows, if anything was erased since the last call. Raises Unavailable."""
        count = await self._store.read(secure_delete.count)
        if count == self._count:
            return
        text_cache.clear_all()
        await self._store.read_offloaded(self._index.forget_deleted)
        await offload(malloc.trim)  # otherwise the process grows by some megabytes each time
        self._count = count
