"""Jobs whose input keeps changing are recomputed a few times, then postponed."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from omoide.core import clock
from omoide.core.job_payloads import DreamPayload
from omoide.reasoner.protocol import CardTask
from omoide.storage import cards, dreams, scopes
from omoide.worker.contention import MOST_COMPUTATIONS
from tests import sql
from tests.read_now import read_now
from tests.worker.worker_fixture import Home, HookedReasoner


class Restless(HookedReasoner):
    """Writes a card, or moves the session to another scope, whenever a card is computed."""

    home: Home
    writes: str | None = None
    """The observer whose card is written; None for no card."""
    moves = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.cards: Counter[str] = Counter()

    async def card(self, task: CardTask) -> Any:
        self.cards[task.observer_id] += 1
        number = sum(self.cards.values())
        if self.writes is not None:
            await self.home.store.write(cards.put, "w", self.writes, "alice", [f"Line {number}."], 0)
        if self.moves:
            await self.home.store.write(scopes.get_or_create, "w", f"n{number}", None, 0)
            await self.home.store.write(scopes.add_sessions, "w", f"n{number}", ["s"], clock.now())
        return await super().card(task)


@pytest.fixture
def home(db_path: Path) -> Home:
    made = Home(db_path, Restless)
    assert isinstance(made.reasoner, Restless)
    made.reasoner.home = made
    return made


def restless(home: Home) -> Restless:
    assert isinstance(home.reasoner, Restless)
    return home.reasoner


def jobs(home: Home) -> list[tuple[Any, ...]]:
    query = "SELECT kind, payload ->> 'type', error, due_at > ? FROM jobs WHERE kind IN ('representation', 'dream')"
    return read_now(home.store, sql.rows, query, (clock.now(),))


async def later(home: Home) -> None:
    await home.store.write(sql.make_due)
    await home.work()


@pytest.mark.parametrize(("writes", "moves"), [("alice", False), (None, True)], ids=["cards", "scopes"])
def test_a_job_whose_input_keeps_changing_is_postponed(home: Home, writes: str | None, moves: bool) -> None:
    async def story() -> None:
        await home.open()
        restless(home).writes, restless(home).moves = writes, moves
        await home.say("alice I live in Porto.")
        await home.work()
        assert restless(home).cards["alice"] == (MOST_COMPUTATIONS if writes else 1), "only the stale parts"
        [(kind, _, error, is_later)] = jobs(home)
        assert (kind, error.partition(":")[0], is_later) == ("representation", "Contended", True)
        assert home.status()["s"].errored == 0
        restless(home).writes, restless(home).moves = None, False
        await later(home)
        assert home.texts() == ["alice lives in Porto"]
        assert "ATTRIBUTE: lives in Porto" in (await home.store.read(cards.get, "w", "alice", "alice") or [])
        assert jobs(home) == []

    asyncio.run(story())
    home.store.close()


def test_only_the_changed_card_is_recomputed(home: Home) -> None:
    async def story() -> None:
        await home.open()
        await home.say("bob Hello.")
        await home.store.write(sql.change, "UPDATE members SET observe_others = 1")
        await home.work()
        restless(home).writes = "bob"
        await home.say("alice I live in Porto.")
        await home.work()
        assert restless(home).cards == {"alice": 1, "bob": MOST_COMPUTATIONS}

    asyncio.run(story())
    home.store.close()


def test_a_dream_is_stored_without_a_card_that_keeps_changing(home: Home) -> None:
    async def story() -> None:
        await home.open()
        await home.say("alice I live in Porto and work at Siemens.", session="old")
        await home.work()
        await home.say("alice I moved to Lisbon. I live in Lisbon now.", session="new")
        await home.work()
        restless(home).cards.clear()
        restless(home).writes = "alice"
        await home.store.write(dreams.request, "w", DreamPayload("alice", "alice", None, "omni"), clock.now())
        await home.work()
        assert "alice lives in Lisbon now; before: Porto" in home.texts()
        assert restless(home).cards["alice"] == MOST_COMPUTATIONS
        assert jobs(home) == [("dream", "card_refresh", None, True)]
        await later(home)
        assert restless(home).cards["alice"] == 2 * MOST_COMPUTATIONS, "the card alone is postponed as well"
        [(_, _, error, is_later)] = jobs(home)
        assert (error.partition(":")[0], is_later) == ("Contended", True)
        restless(home).writes = None
        await later(home)
        assert "ATTRIBUTE: lives in Lisbon" in (await home.store.read(cards.get, "w", "alice", "alice") or [])
        assert jobs(home) == []

    asyncio.run(story())
    home.store.close()
