"""Whatever is deleted after whatever step of a merge, the merge ends, and nothing refers to what is gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from omoide.core import clock
from omoide.core.config_resolution import defaults_of
from omoide.core.errors import Conflict
from omoide.storage import (
    deletion_cascade,
    message_deletion,
    peer_aliases,
    peer_deletion,
    peer_merge,
    peer_merge_steps,
    workspaces,
)
from omoide.storage.sqlite import read_only
from omoide.storage.sqlite.integrity import full_check
from omoide.worker import time_slice
from tests import sql
from tests.crash.change_invariants import broken
from tests.worker.worker_fixture import Home, jobs

Play = Callable[..., Any]
MOST_STEPS = 12
"""More than the merge of this file has."""


@pytest.fixture(autouse=True)
def _one_row_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_merge_steps, "ROWS_AT_A_TIME", 1)
    monkeypatch.setattr(time_slice, "SLICE_SECONDS", 0.0)


async def told(home: Home) -> None:
    """alice (in the session a) and ally (in b) say different things, and one of each both."""
    await home.say("alice I work as a nurse.", "alice I love tea.", session="a")
    await home.say("ally My dog is Rex.", "ally I love tea.", session="b")
    await home.work()


async def merge(home: Home, old: str = "ally", into: str = "alice", *, keep_alias: bool = True) -> None:
    await home.store.write(peer_merge.start, "w", old, into, clock.now(), keep_alias=keep_alias)


async def check(home: Home) -> None:
    await home.work()
    assert await home.store.read(broken) == []
    assert [each for each in jobs(home) if each[1]] == []
    with read_only.opened(home.store.path, busy_timeout=5) as db:
        assert full_check.faults(db) == []


async def delete_session(home: Home, id: str) -> None:
    await home.store.write(deletion_cascade.delete_session, "w", id, clock.now())


async def delete_message(home: Home, content: str) -> None:
    query = "SELECT s.id, m.id FROM messages m JOIN sessions s ON s.pk = m.session WHERE m.content LIKE ?"
    session, id = await home.store.read(sql.row, query, (content,))
    given = ("w", session, id, clock.now())
    await home.store.write(message_deletion.delete, *given, defaults=defaults_of(home.settings))


async def delete_conclusion(home: Home, content: str) -> None:
    id = await home.store.read(sql.value, "SELECT id FROM conclusions WHERE content LIKE ?", (content,))
    await home.store.write(deletion_cascade.delete_conclusion, "w", id, clock.now())


TEA, NURSE, DOG = "alice loves tea", "alice works as a nurse", "alice has a dog Rex"
DELETIONS: dict[str, tuple[Callable[[Home], Awaitable[None]], set[str]]] = {
    "the session of the old peer": (lambda home: delete_session(home, "b"), {NURSE, TEA}),
    "the session of the other peer": (lambda home: delete_session(home, "a"), {TEA, DOG}),
    "a message": (lambda home: delete_message(home, "%dog%"), {NURSE, TEA}),
    "a conclusion": (lambda home: delete_conclusion(home, "%dog%"), {NURSE, TEA}),
}
"""What is deleted, and the texts that are known after the merge."""


@pytest.mark.parametrize("what", DELETIONS)
@pytest.mark.parametrize("steps", range(0, MOST_STEPS, 3))
def test_a_deletion_after_any_step_of_a_merge(what: str, steps: int, play: Play) -> None:
    delete, known = DELETIONS[what]

    async def story(home: Home) -> None:
        await told(home)
        await merge(home)
        for _ in range(steps):
            await home.worker.run_one()
        await delete(home)
        await check(home)
        assert {text.replace("alice's dog is", "alice has a dog") for text in home.texts()} == known
        assert await home.store.read(sql.column, "SELECT id FROM peers ORDER BY id") == ["alice"]
        assert await home.store.read(peer_aliases.resolved, "w", ["ally"]) == {"ally": "alice"}

    play(story)


@pytest.mark.parametrize("steps", [0, 3])
def test_a_workspace_that_is_deleted_during_a_merge_is_removed(steps: int, play: Play) -> None:
    async def story(home: Home) -> None:
        await told(home)
        await merge(home)
        for _ in range(steps):
            await home.worker.run_one()
        await home.store.write(sql.change, "UPDATE sessions SET deleted_at = 1")
        await home.store.write(workspaces.delete, "w", clock.now())
        await check(home)
        for table in ("workspaces", "peers", "peer_aliases", "messages", "conclusions"):
            assert await home.store.read(sql.count, table) == 0
        assert [kind for kind, _ in jobs(home)] == []

    play(story)


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("id", ["alice", "ally"])
def test_neither_peer_can_be_deleted_during_a_merge(id: str, steps: int, play: Play) -> None:
    async def story(home: Home) -> None:
        await told(home)
        await merge(home)
        for _ in range(steps):
            await home.worker.run_one()
        peer = (await home.store.read(peer_aliases.resolved, "w", [id])).get(id, id)
        with pytest.raises(Conflict, match="ally is being merged into alice"):
            await home.store.write(peer_deletion.delete, "w", peer, clock.now(), defaults=defaults_of(home.settings))
        await check(home)
        await home.store.write(peer_deletion.delete, "w", "alice", clock.now(), defaults=defaults_of(home.settings))
        await check(home)
        assert await home.store.read(sql.count, "peers") == 0

    play(story)


def test_peers_that_are_merged_in_a_chain_end_as_one(play: Play) -> None:
    async def story(home: Home) -> None:
        await told(home)
        await home.say("al I play chess.", session="c")
        await home.work()
        await merge(home, "ally", "alice")
        with pytest.raises(Conflict, match="being merged"):
            await merge(home, "alice", "al")
        with pytest.raises(Conflict, match="name that peer"):
            await merge(home, "al", "ally")
        await check(home)
        await merge(home, "alice", "al")
        await check(home)
        assert await home.store.read(peer_aliases.resolved, "w", ["ally", "alice"]) == {"ally": "al", "alice": "al"}
        assert len(home.texts("al", "al")) == 4

    play(story)


@pytest.mark.parametrize("keep_alias", [True, False])
def test_peers_that_are_merged_in_a_circle_end_as_the_last(keep_alias: bool, play: Play) -> None:
    async def story(home: Home) -> None:
        await told(home)
        await merge(home, "ally", "alice", keep_alias=False)
        await check(home)
        await home.say("ally I play chess.", session="c")
        await home.work()
        assert home.texts("ally", "ally") == ["ally plays chess"], "the id is free: this is another peer"
        await merge(home, "alice", "ally", keep_alias=keep_alias)
        await check(home)
        assert await home.store.read(sql.column, "SELECT id FROM peers") == ["ally"]
        assert await home.store.read(peer_aliases.resolved, "w", ["ally", "alice"]) == (
            {"alice": "ally"} if keep_alias else {}
        )
        assert len(home.texts("ally", "ally")) == 4

    play(story)
