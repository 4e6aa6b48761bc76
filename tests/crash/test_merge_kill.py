"""A merge of peers that is killed again and again loses nothing and moves nothing twice."""

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
from tests import sql
from tests.crash import change_invariants
from tests.crash.test_kill import until_drained
from tests.handlers.workspace import WorkspaceClient, until
from tests.server_process import Server

SEED = 20261130
SESSIONS = ("a", "b", "c")
MESSAGES, BATCH, CONCLUSIONS = 600, 100, 200
LONGEST_WAIT_SECONDS = 0.2
MOST_KILLS = 25
"""More would end before the merge begins again."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(
        tmp_path / "omoide.db", durability="full", debounce_seconds="0", job_lease_seconds="1", job_poll_seconds="0.1"
    )
    yield running
    if running.process.poll() is None:
        running.kill()


def fill(ws: WorkspaceClient) -> None:
    """Let ally and alice say and know the same number of things, half of which are equal; bob knows them of both."""
    for session in SESSIONS:
        members = {"ally": {"observe_me": False}, "alice": {"observe_me": False}, "bob": {}}
        ws.session(session, peers=members)
        for peer in ("ally", "alice"):
            for first in range(0, MESSAGES, BATCH):
                ws.say(session, *(f"{peer} {session} {n}" for n in range(first, first + BATCH)), peer=peer)
    for observer, observed in (("ally", "ally"), ("alice", "alice"), ("bob", "ally"), ("bob", "alice")):
        contents = [f"{observed} owns {n if n % 2 else (observed, n)}" for n in range(CONCLUSIONS)]
        for first in range(0, CONCLUSIONS, BATCH):
            new = [
                {"content": content, "observer_id": observer, "observed_id": observed}
                for content in contents[first : first + BATCH]
            ]
            ws.ok("POST", "/conclusions", {"conclusions": new})


def kill(server: Server, chance: random.Random) -> None:
    """Kill the worker, which is started again by the server, or the server."""
    workers = process_tree.named(server.process.pid, "omoide-worker")
    if workers and chance.random() < 0.5:
        with contextlib.suppress(ProcessLookupError):
            os.kill(workers[0], signal.SIGKILL)
    else:
        server.kill()
        server.start()


def test_a_merge_that_is_killed_loses_nothing_and_moves_nothing_twice(
    server: Server, kills: int, tally: Callable[[str], None]
) -> None:
    chance = random.Random(SEED)
    with server.client() as http:
        ws = WorkspaceClient(http, "w")
        fill(ws)
        before = counted(server.db)
        assert ws.call("POST", "/peers/ally/merge", {"into": "alice"}).status_code == 202
    in_the_middle = 0
    for number in range(min(kills, MOST_KILLS)):
        time.sleep(chance.uniform(0, LONGEST_WAIT_SECONDS))  # the moment of the kill is what is tried here
        kill(server, chance)
        with server.client() as http:
            ws = WorkspaceClient(http, "w")
            assert ws.peer("ally")["id"] == "alice", "the old id stands for the other at any time"
            ws.say("a", f"later {number}", peer="ally")
            in_the_middle += ws.ok("POST", "/peers/ally/merge", {"into": "alice"})["state"] == "running"
    with server.client() as http:
        ws = WorkspaceClient(http, "w")
        until(lambda: ws.ok("POST", "/peers/ally/merge", {"into": "alice"})["state"] == "completed")
        assert ws.peers() == ["alice", "bob"]
        assert ws.ok("POST", "/peers/ally/search", {"query": "ally b 7", "limit": 1})[0]["content"] == "ally b 7"
    until_drained(server.db)
    server.stop()
    tally(f"kills while the merge was running: {in_the_middle} of {min(kills, MOST_KILLS)}")
    assert change_invariants.faults(server.db) == []
    after = counted(server.db)
    later = Counter({("a", "alice", f"later {number}"): 1 for number in range(min(kills, MOST_KILLS))})
    assert after == Counter({(session, "alice", text): n for (session, _, text), n in before.items()}) + later
    equal, own = CONCLUSIONS // 2, CONCLUSIONS // 2
    with sql.opened(server.db) as db:
        found = sql.rows(db, "SELECT ended_as, times_derived, count(*) FROM conclusions GROUP BY 1, 2 ORDER BY 1, 2")
    assert found == [(None, 1, 2 * 2 * own), (None, 2, 2 * equal), ("merged", 1, 2 * equal)]


def counted(db: Path) -> Counter[tuple[str, str, str]]:
    """How often each message is there, by session and author."""
    with sql.opened(db) as connection:
        query = """SELECT s.id, p.id, m.content FROM messages m JOIN peers p ON p.pk = m.peer
            JOIN sessions s ON s.pk = m.session"""
        return Counter(sql.rows(connection, query))
