"""The processes of a server: what dies is replaced, what it had begun is taken over, and none outlives the others."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.process_tree import family, named
from omoide.cli.supervisor import LAST_PAUSE_SECONDS, Child
from omoide.core import clock
from omoide.core.job_payloads import JobKind
from omoide.core.jobs import NewJob
from omoide.storage import queue
from omoide.storage.sqlite.engine import Connection, Store
from omoide.storage.sqlite.leader_lock import LeaderLock, has_leader
from tests import sql
from tests.handlers.workspace import WorkspaceClient, until
from tests.read_now import read_now
from tests.server_process import Server

HOUR = 3_600_000_000


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers on one database."""
    servers: list[Server] = []

    def start(*flags: str, **settings: str) -> Server:
        servers.append(Server(tmp_path / "omoide.db", *flags, debounce_seconds="0", **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


def the(server: Server, name: str) -> int:
    """The one process of that name, once there is one."""
    found: list[int] = []

    def is_alone() -> bool:
        found[:] = named(server.process.pid, name)
        return len(found) == 1

    until(is_alone)
    return found[0]


def learned(server: Server) -> list[str]:
    with server.client() as http:
        return [each["content"] for each in WorkspaceClient(http, "w").ok("POST", "/conclusions/list", {})["items"]]


def claim(path: Path, *, led: bool) -> None:
    """Hold the reasoning that is due, as a worker would that then died."""
    store = Store.open(path)
    job = asyncio.run(store.write(queue.claim, clock.now(), lease=HOUR, led=led))
    assert job is not None
    assert job.kind == JobKind.REPRESENTATION
    store.close()


def owed(path: Path) -> None:
    """A message that nobody has reasoned about."""
    server = Server(path, debounce_seconds="60")
    with server.client() as http:
        WorkspaceClient(http, "w").say("s", "I live in Lisbon.")
    server.kill()
    store = Store.open(path)
    asyncio.run(store.write(sql.change, "DELETE FROM jobs WHERE kind = 'embed'"))
    asyncio.run(store.write(sql.make_due))
    store.close()


def test_a_server_is_a_supervisor_an_api_and_a_worker(running: Callable[..., Server]) -> None:
    server = running("--workers", "2")
    assert len(named(server.process.pid, "omoide-api")) == 2
    assert the(server, "omoide-worker")
    assert len(family(server.process.pid)) == 4


def test_a_worker_that_was_killed_is_replaced_and_leads(running: Callable[..., Server]) -> None:
    server = running()
    until(lambda: has_leader(server.db))
    first = the(server, "omoide-worker")
    os.kill(first, signal.SIGKILL)
    until(lambda: the(server, "omoide-worker") != first and has_leader(server.db))
    with server.client() as http:
        WorkspaceClient(http, "w").say("s", "I live in Lisbon.")
    until(lambda: learned(server) == ["alice lives in Lisbon"])
    until(lambda: any("was killed by signal 9; restarting it" in line for line in server.log))


def test_a_request_waits_for_the_process_that_replaces_a_killed_one(running: Callable[..., Server]) -> None:
    server = running()
    os.kill(the(server, "omoide-api"), signal.SIGKILL)
    with server.client() as http:
        assert http.get("/health").status_code == 200


def test_no_process_outlives_a_killed_supervisor(running: Callable[..., Server]) -> None:
    server = running("--workers", "2")
    there = family(server.process.pid)[1:]
    os.kill(server.process.pid, signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in there))


def test_told_to_stop_all_end_in_good_order(running: Callable[..., Server]) -> None:
    server = Server(running().db, "--workers", "2")
    there = family(server.process.pid)[1:]
    assert server.stop() == -signal.SIGTERM
    assert not any(Path(f"/proc/{pid}").exists() for pid in there)
    assert "restarting it" not in "".join(server.log)


def test_a_new_leader_takes_over_at_once_what_the_one_before_had_begun(
    tmp_path: Path, running: Callable[..., Server]
) -> None:
    owed(tmp_path / "omoide.db")
    claim(tmp_path / "omoide.db", led=True)
    server = running()
    until(lambda: learned(server) == ["alice lives in Lisbon"])


def test_a_leader_leaves_alone_what_an_extra_hand_has_begun(tmp_path: Path, running: Callable[..., Server]) -> None:
    owed(tmp_path / "omoide.db")
    claim(tmp_path / "omoide.db", led=False)
    server = running()
    with server.client() as http:
        WorkspaceClient(http, "w").say("other", "I own a boat.")
    until(lambda: learned(server) == ["alice owns a boat"])


def test_the_worker_of_a_second_server_leads_once_the_first_is_gone(running: Callable[..., Server]) -> None:
    first, second = running(), running()
    until(lambda: has_leader(first.db))
    with second.client() as http:
        WorkspaceClient(http, "w").say("s", "I live in Lisbon.")
    until(lambda: learned(second) == ["alice lives in Lisbon"])  # by the first one's worker, which looks by itself
    first.stop()
    until(lambda: has_leader(second.db))
    with second.client() as http:
        WorkspaceClient(http, "w").say("s", "I own a boat.")
    until(lambda: "alice owns a boat" in learned(second))


def test_zero_workers_are_one_process_that_does_everything(running: Callable[..., Server]) -> None:
    server = running("--workers", "0")
    assert family(server.process.pid) == [server.process.pid]
    with server.client() as http:
        WorkspaceClient(http, "w").say("s", "I live in Lisbon.")
    until(lambda: learned(server) == ["alice lives in Lisbon"])


def test_one_candidate_leads_at_a_time(db_path: Path) -> None:
    assert not has_leader(db_path)
    first, second = LeaderLock(db_path), LeaderLock(db_path)
    assert [first.take(), first.take(), second.take()] == [True, True, False]
    assert has_leader(db_path)
    first.close()
    assert not has_leader(db_path)
    assert second.take()
    second.close()


def test_what_keeps_dying_young_is_forked_ever_more_slowly() -> None:
    child = Child("api", lambda: None, forked_at=100.0)
    pauses = []
    for child.died_young in range(9):
        pauses.append(child.due_at - child.forked_at if child.died_young else 0.0)
    assert pauses == sorted(pauses)
    assert pauses[0] == 0.0
    assert pauses[1:3] == pytest.approx([0.1, 0.2])
    assert pauses[-1] == pytest.approx(LAST_PAUSE_SECONDS)


def test_taking_over_frees_only_what_was_claimed_by_leading(db_path: Path) -> None:
    def held(db: Connection) -> list[int]:
        return sql.column(db, "SELECT pk FROM jobs WHERE leased_until IS NOT NULL")

    store = Store.open(db_path)
    for number, led in enumerate([True, False]):
        asyncio.run(store.write(queue.add, NewJob("webhook", {}, key=str(number)), 0))
        asyncio.run(store.write(queue.claim, 1, lease=HOUR, led=led))
    before = read_now(store, held)
    asyncio.run(store.write(queue.take_over, 1, lease=HOUR))
    assert (before, read_now(store, held)) == ([1, 2], [2])
    store.close()
