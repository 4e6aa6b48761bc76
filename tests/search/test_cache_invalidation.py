"""Deleted rows are evicted from memory in every process, without a search."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from omoide.core import clock
from omoide.core.text_cache import text_cache
from omoide.search.cache_invalidation import CacheInvalidator
from omoide.search.semantic import SemanticSearch
from omoide.search.vector_group import Group
from omoide.storage import conclusions, deletion_cascade, workspaces
from tests import sql
from tests.worker.worker_fixture import EMBEDDER, Home


def held(finder: SemanticSearch) -> dict[Group, int]:
    """Group → number of its rows in memory."""
    entries = finder.index._entries
    return {group: sum(len(rows) for rows in entry.rows()) for group, entry in entries.items()}


def test_rows_of_deleted_resources_are_evicted_from_memory(db_path: Path) -> None:
    async def story() -> None:
        home = await Home(db_path).open()
        finder = SemanticSearch(EMBEDDER)
        forgetting = CacheInvalidator(home.store, finder.index)

        async def finish() -> None:
            def hasten(db: Any) -> None:
                sql.change(db, "UPDATE conclusions SET deleted_at = 0 WHERE deleted_at IS NOT NULL")
                sql.make_due(db)

            while await home.store.read(sql.row, "SELECT 1 FROM jobs"):
                await home.store.write(hasten)
                await home.work()

        await home.say("alice I live in Porto.", "alice I like figs.", session="gone")
        await home.say("alice I have a dog.", session="kept")
        await finish()
        vector = (await EMBEDDER.embed(["figs"]))[0]
        for source in ("messages", "conclusions"):
            await home.store.read(finder.index.nearest, Group(source, 1), vector, 5)
        assert held(finder) == {Group("messages", 1): 3, Group("conclusions", 1): 3}

        await home.store.write(deletion_cascade.delete_session, "w", "gone", clock.now())
        await finish()
        await forgetting.look()
        assert held(finder) == {Group("messages", 1): 1, Group("conclusions", 1): 1}

        await home.store.write(conclusions.delete, "w", home.known()[0].id, clock.now())
        await finish()
        await forgetting.look()
        assert held(finder) == {Group("messages", 1): 1}

        await home.store.write(deletion_cascade.delete_session, "w", "kept", clock.now())
        await home.store.write(workspaces.delete, "w", clock.now())
        await finish()
        await forgetting.look()
        assert held(finder) == {}
        home.store.close()

    asyncio.run(story())


def test_text_caches_are_cleared_after_an_erasure(db_path: Path) -> None:
    computed = []

    @text_cache(maxsize=9)
    def length(text: str) -> int:
        computed.append(text)
        return len(text)

    async def story() -> None:
        home = await Home(db_path).open()
        forgetting = CacheInvalidator(home.store, home.deps.finder.index)
        await forgetting.look()
        assert length("a secret") == length("a secret") == 8
        await forgetting.look()
        length("a secret")
        assert computed == ["a secret"], "nothing was erased: the cache is kept"
        await home.say("alice hello")
        await home.store.write(deletion_cascade.delete_session, "w", "s", clock.now())
        while await home.store.read(sql.row, "SELECT 1 FROM jobs"):
            await home.store.write(sql.make_due)
            await home.work()
        await forgetting.look()
        length("a secret")
        assert computed == ["a secret"] * 2
        home.store.close()

    asyncio.run(story())
