"""Killed at any moment, whatever it is doing, the server loses nothing that it acknowledged, does nothing twice, and
leaves a sound file. `make crash` kills two hundred times; the suite does the same on a smaller scale.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks import process_tree
from omoide.storage.sqlite import inspection
from tests import sql
from tests.crash.assertions import CrashFindings
from tests.crash.external_clients import Guest
from tests.crash.external_endpoints import outside
from tests.handlers.workspace import until
from tests.server_process import Server

SEED = 20261122
GUESTS = ("ann", "ben", "cay", "dan")
DEEDS_BETWEEN = (0, 0, 1, 3, 10)
LONGEST_WAIT_SECONDS = 0.3
LOOK_EVERY = 10
DIMENSIONS = (32, 40, 48)


def embedder(dimensions: int) -> dict[str, str]:
    """The settings that choose a model with vectors of this length."""
    return {"embedder": f"openai:m{dimensions}", "embedder_dimensions": str(dimensions)}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of two processes and a worker that reasons at once, and whose embedder is outside."""
    with outside() as url:
        running = Server(
            tmp_path / "omoide.db", "--workers", "2",
            durability="full", debounce_seconds="0", job_lease_seconds="2", job_poll_seconds="0.2",
            embedder_base_url=f"{url}/v1", **embedder(32),
            webhook_secret="what events are signed with", webhook_private_targets="true",
        )  # fmt: skip
        with running.client() as http:
            http.post("/v3/workspaces", json={"id": "w"}).raise_for_status()
            http.post("/v3/workspaces/w/webhooks", json={"url": f"{url}/hook"}).raise_for_status()
        yield running
        if running.process.poll() is None:
            running.kill()


class Killer:
    """Ends processes of a server as chance wants it, and counts how many of each kind."""

    def __init__(self, server: Server, chance: random.Random) -> None:
        self.server = server
        self.chance = chance
        self.kills: Counter[str] = Counter()

    def kill(self, look: Callable[[], None]) -> None:
        """One process or all; `look` is called while none runs."""
        (kind,) = self.chance.choices(["the server", "an API process", "the worker process"], [2, 4, 4])
        self.kills[kind] += 1
        if kind == "the server":
            self.server.kill()
            look()
            if self.chance.random() < 0.3:  # another model from now on: everything is embedded anew
                self.kills["of these with another embedder after"] += 1
                chosen = embedder(self.chance.choice(DIMENSIONS))
                self.server.environment |= {f"OMOIDE_{name.upper()}": value for name, value in chosen.items()}
            self.server.start()
        else:
            name = "omoide-api" if kind == "an API process" else "omoide-worker"
            until(lambda: self._kill_one(name))

    def _kill_one(self, name: str) -> bool:
        """Whether there was one that could be killed: one that was killed before may be on its way out."""
        there = process_tree.named(self.server.process.pid, name)
        with contextlib.suppress(ProcessLookupError):
            if there:
                os.kill(self.chance.choice(there), signal.SIGKILL)
                return True
        return False


def owed(db: Path) -> int:
    """How many jobs there are but for those that have their hour: what was deleted of late, and dreams."""
    with inspection.opened(db, busy_timeout=30) as connection:
        later = "kind IN ('purge_conclusions', 'dream') AND leased_until IS NULL AND attempts = 0"
        query = f"SELECT count(*) FROM jobs WHERE failed_at IS NULL AND NOT ({later})"
        return int(sql.value(connection, query))


def until_drained(db: Path) -> None:
    """Return once nothing is owed; as long as it becomes less there is time."""
    while before := owed(db):
        until(lambda: owed(db) < before)


def test_what_was_acknowledged_is_there_once_and_was_reasoned_about_once(
    server: Server, kills: int, tally: Callable[[str], None]
) -> None:
    chance = random.Random(SEED)
    killer, verdict = Killer(server, chance), CrashFindings()
    guests = [Guest(server, name, chance.getrandbits(32)) for name in GUESTS]

    def deeds() -> int:
        return sum(guest.done.total() for guest in guests)

    def until_done(more: int) -> None:
        """Wait for so many deeds: processes that are always killed before their first answer show nothing."""
        enough = deeds() + more
        until(lambda: deeds() >= enough)

    def look() -> None:
        verdict.look(server.db, guests)

    for guest in guests:
        guest.start()
    for number in range(kills):
        until_done(chance.choice(DEEDS_BETWEEN))
        time.sleep(chance.uniform(0.0, LONGEST_WAIT_SECONDS))  # the moment of the kill is what is tried here
        killer.kill(look)
        if number % LOOK_EVERY == 0:
            look()
            written = sum(len(guest.book.said) for guest in guests)
            tally(f"{number + 1} kills, {written} messages; lost: {verdict.lost}; doubled: {verdict.doubled}")
    for guest in guests:
        guest.stop()
    for guest in guests:
        guest.join()
    assert [fault for guest in guests for fault in guest.faults] == []
    until_drained(server.db)
    server.stop()
    verdict.at_the_end(server.db, guests)
    done = sum((guest.done for guest in guests), Counter[str]())
    messages = sum(len(guest.book.said) for guest in guests)
    unsure = sum(len(guest.book.unsure) for guest in guests)
    tally(f"killed: {dict(killer.kills)}")
    tally(f"done meanwhile: {dict(done)}")
    tally(f"messages acknowledged: {messages}; writes whose answer never came: {unsure}")
    tally(f"looks at the file: {verdict.checks}; lost: {verdict.lost}; doubled: {verdict.doubled}")
    assert verdict.faults == []
