"""Processes that share a PostgreSQL database lose nothing that they acknowledged and do nothing twice, whichever of
them is killed. `make crash-postgresql` does it on a larger scale.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence

import httpx
import pytest

from tests.crash_postgresql.conftest import Database, Deployment, SharingServer
from tests.handlers.workspace import until
from tests.postgresql import number

WRITERS = 8
SESSIONS_EACH = 5
BATCH = 5
LONGEST_WAIT_SECONDS = 0.5


class Writer(threading.Thread):
    """Says `count` messages in sessions of its own, until each is acknowledged."""

    def __init__(self, servers: Sequence[SharingServer], number: int, count: int) -> None:
        super().__init__()
        self._servers = servers
        self._number = number
        self._count = count
        self.said = 0
        self.repeated = 0
        self.fault = ""

    def run(self) -> None:
        with httpx.Client(timeout=60) as http:
            for first in range(0, self._count, BATCH):
                self._say(http, first)

    def _say(self, http: httpx.Client, first: int) -> None:
        session = f"s{self._number}-{first // BATCH % SESSIONS_EACH}"
        texts = [f"I bought a bicycle called K{self._number}x{first + place}." for place in range(BATCH)]
        body = {"messages": [{"peer_id": f"p{self._number}", "content": text} for text in texts]}
        path, key = f"/v3/workspaces/w/sessions/{session}/messages", {"Idempotency-Key": f"{self._number}-{first}"}
        while not self.fault:
            server = self._servers[(self._number + self.repeated) % len(self._servers)]
            try:
                answer = http.post(server.url + path, json=body, headers=key)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.is_success:
                self.said += BATCH
                return
            if answer is not None and answer.status_code != 503:
                self.fault = f"{answer.status_code} {answer.text}"
            self.repeated += 1
            time.sleep(0.05)


def write(
    deployment: Deployment, count: int, meanwhile: Callable[[Sequence[Writer]], None] = lambda writers: None
) -> Sequence[Writer]:
    httpx.post(f"{deployment.servers[0].url}/v3/workspaces", json={"id": "w"}).raise_for_status()
    writers = [Writer(deployment.servers, number, count // WRITERS) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    meanwhile(writers)
    for writer in writers:
        writer.join()
    assert [writer.fault for writer in writers if writer.fault] == []
    return writers


def check(database: Database, count: int) -> None:
    """Wait until all is done, and look for what was lost or done twice."""
    pending = "SELECT count(*) FROM jobs WHERE failed_at IS NULL AND kind NOT IN ('dream', 'purge_conclusions')"
    while before := number(database.url, pending):
        until(lambda before=before: number(database.url, pending) < before)  # type: ignore[misc]
    found = {
        name: number(database.url, query)
        for name, query in {
            "messages": "SELECT count(*) FROM messages",
            "distinct": "SELECT count(DISTINCT content) FROM messages",
            "gaps": """SELECT count(*) FROM (SELECT 1 FROM messages m JOIN sessions s ON s.pk = m.session
                GROUP BY s.pk HAVING count(*) <> max(m.seq) OR min(m.seq) <> 1 OR count(*) <> s.message_count) x""",
            "derived": "SELECT sum(units) FROM done WHERE kind = 'representation'",
            "learned": "SELECT sum(times_derived) FROM conclusions WHERE level = 'explicit' AND deleted_at IS NULL",
            "sources": "SELECT count(DISTINCT message) FROM conclusion_messages",
            "words": "SELECT count(*) FROM message_words",
            "vectors": "SELECT count(*) FROM message_vectors",
            "conclusions without a vector": """SELECT count(*) FROM conclusions c WHERE deleted_at IS NULL
                AND NOT EXISTS (SELECT 1 FROM conclusion_vectors v WHERE v.pk = c.pk)""",
            "failed": "SELECT count(*) FROM jobs WHERE failed_at IS NOT NULL",
        }.items()
    }
    full = dict.fromkeys(("messages", "distinct", "derived", "learned", "sources", "words", "vectors"), count)
    assert found == full | {"gaps": 0, "conclusions without a vector": 0, "failed": 0}


def test_many_processes_derive_every_message_once(deployment: Deployment, tally: Callable[[str], None]) -> None:
    began = time.monotonic()
    write(deployment, 2_000)
    tally(f"2,000 messages stored in {time.monotonic() - began:.1f} s")
    check(deployment.database, 2_000)
    tally(f"derived after {time.monotonic() - began:.1f} s")


def test_kills_lose_and_double_nothing(
    deployment: Deployment, chance: random.Random, tally: Callable[[str], None], pytestconfig: pytest.Config
) -> None:
    kills = int(pytestconfig.getoption("kills"))
    count = max(2_000, 100 * kills)

    def kill(writers: Sequence[Writer]) -> None:
        for _ in range(kills):
            time.sleep(chance.uniform(0.0, LONGEST_WAIT_SECONDS))  # the moment of the kill is what is tried here
            deployment.kill_one()

    writers = write(deployment, count, kill)
    check(deployment.database, count)
    tally(f"{count} messages; killed: {dict(deployment.kills)}; repeated: {sum(each.repeated for each in writers)}")


def test_requests_fail_clearly_while_the_database_is_away_and_succeed_after(
    deployment: Deployment, chance: random.Random
) -> None:
    url = deployment.servers[0].url
    seen: list[httpx.Response] = []

    def stop(writers: Sequence[Writer]) -> None:
        until(lambda: all(writer.said for writer in writers))
        deployment.database.stop()
        seen.append(httpx.post(f"{url}/v3/workspaces/w/peers", json={"id": "p"}, timeout=60))
        seen.append(httpx.get(f"{url}/ready", timeout=60))
        deployment.database.start()

    write(deployment, 2_000, stop)
    assert [answer.status_code for answer in seen] == [503, 503]
    assert "database" in seen[0].text
    assert "database" in seen[1].text
    check(deployment.database, 2_000)
    until(lambda: httpx.get(f"{url}/ready").is_success)
