"""A long session is copied in steps; the copy is hidden until the last one, and removed if it is never finished."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from omoide.core.errors import NotFound, Unavailable
from omoide.core.records import NewMessage, PageRequest
from omoide.storage import deletion_cascade, embeddings, message_copy, messages, purge, session_clone, sessions
from omoide.storage.session_clone import UnfinishedClone
from omoide.storage.sqlite.engine import Connection, Store
from omoide.storage.sqlite.integrity import row_consistency
from tests import sql
from tests.storage.row_factories import cloned

NOW = 1_800_000_000_000_000
TEXTS = [f"text {number}" for number in range(11)]


@pytest.fixture
def db(db: Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.setattr(message_copy, "MESSAGES_AT_A_TIME", 3)
    say(db, "s", *TEXTS)
    yield db
    assert [fault for fault in row_consistency._RULES if row_consistency.count(db, fault)] == []
    sql.change(db, "INSERT INTO message_words (message_words) VALUES ('integrity-check')")


def say(db: Connection, session: str, *texts: str) -> None:
    messages.add(db, "w", session, [NewMessage("a", text, {}, 1, None) for text in texts], NOW, max_observers=9)


def said(db: Connection, session: str) -> list[str]:
    return [message.content for message in messages.page(db, "w", session, PageRequest(1, 100, False)).items]


def visible(db: Connection) -> list[str]:
    return [session.id for session in sessions.page(db, "w", PageRequest(1, 100, False)).items]


def begun(db: Connection) -> UnfinishedClone:
    found = session_clone.begin(db, "w", "s", None, NOW)
    assert isinstance(found, UnfinishedClone)
    return found


def jobs(db: Connection) -> list[tuple[str, int]]:
    return sql.rows(db, "SELECT kind, due_at FROM jobs WHERE kind = 'purge_session'")


@pytest.mark.parametrize("last", [None, 1, 3, 4, 9, 11])
def test_a_copy_in_steps_is_the_same_as_in_one(last: int | None, db: Connection) -> None:
    until = None if last is None else messages.through(db, 1, last, last)[0].id
    copy = cloned(db, "w", "s", until, NOW)
    assert said(db, copy.id) == TEXTS[:last]
    assert visible(db) == ["s", copy.id]
    assert jobs(db) == []
    say(db, copy.id, "next")
    assert said(db, copy.id) == [*TEXTS[:last], "next"]
    assert sql.count(db, "message_words", "message_words MATCH 'text'") == 11 + (last or 11)


def test_long_messages_are_copied_in_steps_too(db: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_copy, "MESSAGES_AT_A_TIME", 100)
    monkeypatch.setattr(message_copy, "CHARACTERS_AT_A_TIME", 10)
    assert begun(db).through == 2
    assert said(db, cloned(db, "w", "s", None, NOW).id) == TEXTS


def test_a_copy_is_hidden_until_it_is_complete(db: Connection) -> None:
    step: UnfinishedClone | object = begun(db)
    while isinstance(step, UnfinishedClone):
        assert visible(db) == ["s"]
        assert said(db, step.copy.id) == []
        assert sessions.find(db, "w", step.copy.id) is None
        step = session_clone.go_on(db, step, NOW)
    assert len(visible(db)) == 2


def test_messages_of_an_unfinished_copy_count_as_living(db: Connection) -> None:
    step = begun(db)
    copied = sql.column(db, "SELECT pk FROM messages WHERE session = ?", (step.copy.pk,))
    assert embeddings.living(db, "messages", copied) == {*copied}
    deletion_cascade.delete_session(db, "w", "s", NOW)
    assert embeddings.living(db, "messages", [1, 2, *copied]) == {*copied}


def test_messages_added_during_the_copy_are_not_copied(db: Connection) -> None:
    step = session_clone.go_on(db, begun(db), NOW)
    say(db, "s", "later")
    while isinstance(step, UnfinishedClone):
        step = session_clone.go_on(db, step, NOW)
    assert said(db, step.id) == TEXTS


def test_an_unfinished_copy_is_removed_by_a_job(db: Connection) -> None:
    step = session_clone.go_on(db, begun(db), NOW + 5)
    assert isinstance(step, UnfinishedClone)
    assert jobs(db) == [("purge_session", NOW + 5 + session_clone.PATIENCE)]
    while purge.session(db, step.copy.pk):
        pass
    assert sql.count(db, "messages") == 11
    assert said(db, "s") == TEXTS


@pytest.mark.parametrize("change", ["leased_until = 1, attempts = 1", "attempts = 1"])
def test_a_copy_whose_removal_has_begun_cannot_be_continued(change: str, db: Connection) -> None:
    step = begun(db)
    sql.change(db, f"UPDATE jobs SET {change} WHERE kind = 'purge_session'")
    with pytest.raises(Unavailable, match="took too long"):
        session_clone.go_on(db, step, NOW)


def test_copying_fails_if_the_source_is_deleted(db: Connection) -> None:
    step = begun(db)
    deletion_cascade.delete_session(db, "w", "s", NOW)
    with pytest.raises(NotFound, match="Original session not found"):
        session_clone.go_on(db, step, NOW)
    say(db, "s", "another session of that name")
    with pytest.raises(NotFound, match="Original session not found"):
        session_clone.go_on(db, step, NOW)
    assert visible(db) == ["s"]


def test_other_writes_are_stored_between_the_steps(db_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(message_copy, "MESSAGES_AT_A_TIME", 1)
    store = Store.open(db_path)
    seen: list[int] = []

    async def story() -> None:
        await store.write(say, "s", *TEXTS)
        copying = asyncio.ensure_future(session_clone.clone(store, "w", "s", None))
        while not copying.done():
            await store.write(say, "other", "x")
            seen.append(await store.read(sql.count, "messages"))
        assert await store.read(said, (await copying).id) == TEXTS

    asyncio.run(story())
    store.close()
    assert len({*seen}) >= len(TEXTS) // 2


def test_a_copy_keeps_the_offsets_of_times(db: Connection) -> None:
    offsets = [None, 0, -480, 345, 840, -720]
    batch = [NewMessage("a", "x", {}, 1, NOW, None, offset) for offset in offsets]
    stored = messages.add(db, "w", "t", batch, NOW, max_observers=9)
    assert [each.utc_offset for each in stored] == offsets
    for session in ("t", cloned(db, "w", "t", None, NOW).id):
        found = messages.page(db, "w", session, PageRequest(1, 100, False)).items
        assert [each.utc_offset for each in found] == offsets
