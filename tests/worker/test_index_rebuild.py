"""The worker rebuilds a full-text index that is found damaged, and completes the jobs that failed on it."""

from __future__ import annotations

from typing import Any

import pytest

from omoide.core import clock
from omoide.core.errors import IndexDamaged
from omoide.core.records import NewMessage
from omoide.storage import Transaction, deletion_cascade, messages
from omoide.storage.sqlite import fulltext
from omoide.storage.sqlite.connection import native
from omoide.storage.sqlite.integrity.row_consistency import contradictions
from tests import sql
from tests.worker.conftest import Play
from tests.worker.worker_fixture import Home


def say(db: Transaction, session: str, *contents: str) -> None:
    batch = [NewMessage("alice", content, {}, 1, None) for content in contents]
    messages.add(db, "w", session, batch, clock.now(), max_observers=10)


def damage(db: Transaction) -> None:
    """Remove the leaves of all segments."""
    sql.change(db, "DELETE FROM message_words_data WHERE id > 1000")


def texts(db: Transaction) -> list[str]:
    return sql.column(db, "SELECT content FROM messages ORDER BY pk")


def owed(db: Transaction) -> list[tuple[str, Any]]:
    return sql.rows(db, "SELECT kind, key FROM jobs WHERE kind = 'rebuild_words'")


def due_now(db: Transaction) -> None:
    sql.make_due(db)


async def worked(home: Home) -> None:
    """Run all jobs, including those that wait for another attempt."""
    for _ in range(5):
        await home.store.write(due_now)
        await home.work()


def test_a_purge_that_fails_on_a_damaged_index_completes_after_the_rebuild(play: Play) -> None:
    async def story(home: Home) -> None:
        store = home.store
        await store.write(say, "gone", *["I like old tea"] * 60)
        await store.write(say, "kept", "I like tea")
        await store.write(damage)
        await store.write(deletion_cascade.delete_session, "w", "gone", clock.now())
        await worked(home)
        assert await store.read(texts) == ["I like tea"]
        assert [*await store.read(lambda db: [*contradictions(native(db))])] == []
        assert await store.read(owed) == []

    play(story)


def test_a_search_on_a_damaged_index_triggers_a_rebuild(play: Play) -> None:
    async def story(home: Home) -> None:
        store = home.store
        await store.write(say, "s", "I like tea")
        await store.write(damage)
        with pytest.raises(IndexDamaged, match="message_words"):
            await store.read_offloaded(fulltext.occurs, fulltext.MESSAGES, "tea")
        with pytest.raises(IndexDamaged):
            await store.read_offloaded(fulltext.occurs, fulltext.MESSAGES, "tea")
        assert await store.read(owed) == [("rebuild_words", "message_words")]
        await worked(home)
        assert await store.read_offloaded(fulltext.occurs, fulltext.MESSAGES, "tea")

    play(story)
