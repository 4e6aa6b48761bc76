"""Killed at any moment, the server loses nothing that it acknowledged and reasons about every message exactly once.

`make crash` kills it thirty times while two thousand messages come in; the suite does the same on a smaller scale.
"""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.handlers.place import until
from tests.running import Server

BATCH = 20
SEED = 20261122


@pytest.fixture
def restless(tmp_path: Path) -> Iterator[Server]:
    """A server that reasons at once."""
    server = Server(tmp_path / "omoide.db", quiet_seconds="0", job_lease_seconds="1", job_poll_seconds="0.2")
    yield server
    server.kill()


class Writer(threading.Thread):
    """Adds messages batch by batch, each under a name of its own, and repeats what was not acknowledged."""

    def __init__(self, server: Server, messages: int) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.batches = messages // BATCH
        self.acknowledged: list[str] = []

    def run(self) -> None:
        for batch in range(self.batches):
            contents = [f"I own item number {batch * BATCH + n}." for n in range(BATCH)]
            while not self._added(batch, contents):
                time.sleep(0.05)  # nobody tells when the server is back

    def _added(self, batch: int, contents: list[str]) -> bool:
        body = {"messages": [{"peer_id": "alice", "content": content} for content in contents]}
        url = f"{self.server.url}/v3/workspaces/w/sessions/s/messages"
        try:
            answer = httpx.post(url, json=body, headers={"Idempotency-Key": f"batch-{batch}"}, timeout=30)
        except httpx.HTTPError:
            return False
        assert answer.status_code == 201, answer.text
        self.acknowledged += [message["content"] for message in answer.json()]
        return True


def everything(http: httpx.Client, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page = 1
    while True:
        answer = http.post(f"/v3/workspaces/w{path}/list", params={"page": page, "size": 100}, json={}).json()
        found += answer["items"]
        if page >= answer["pages"]:
            return found
        page += 1


def status(http: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = http.get("/v3/workspaces/w/queue/status").json()
    return found


def is_settled(found: dict[str, Any]) -> bool:
    return bool(found["pending_work_units"] + found["in_progress_work_units"] == 0)


def test_what_was_acknowledged_is_there_once_and_was_derived_once(
    restless: Server, kills: int, kill_messages: int
) -> None:
    chance = random.Random(SEED)
    writer = Writer(restless, kill_messages)
    writer.start()
    for _ in range(kills):
        time.sleep(chance.uniform(0.0, 1.5))  # the moment of the kill is what is tried here
        restless.kill()
        restless.start()
    writer.join()
    with restless.client() as http:
        until(lambda: is_settled(status(http)))
        contents = [message["content"] for message in everything(http, "/sessions/s/messages")]
        assert contents == writer.acknowledged
        assert len(contents) == len(set(contents)) == kill_messages
        drawn = [(each["content"], each["times_derived"]) for each in everything(http, "/conclusions")]
        assert sorted(drawn) == sorted((f"alice owns item number {n}", 1) for n in range(kill_messages))
        assert status(http)["completed_work_units"] == kill_messages + kill_messages // 20
    with sqlite3.connect(restless.db) as db:
        assert db.execute("SELECT count(*) FROM jobs WHERE kind IN ('representation', 'summary')").fetchone() == (0,)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
