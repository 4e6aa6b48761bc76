"""`omoide worker` and `omoide queue`: more hands for the jobs, and a look at what failed."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from omoide.core import clock
from omoide.core.jobs import NewJob
from omoide.core.records import Change
from omoide.storage import queue, workspaces
from omoide.storage.sqlite.engine import Connection, Store
from tests import sql
from tests.fork_server import fork_server
from tests.handlers.workspace import WorkspaceClient, until
from tests.read_now import read_now
from tests.server_process import Server
from tests.test_cli import Run, run

__all__ = ["run"]


def with_jobs(path: Path) -> None:
    """A database with a job that failed, and one that waits."""

    def add_jobs(db: Connection) -> None:
        workspaces.get_or_create(db, "w", Change(), 0)
        queue.add(db, NewJob("representation", {"session": "s"}, workspace=1, key="1", units=3), 0)
        job = queue.claim(db, 0, lease=1)
        assert job is not None
        queue.give_up(db, job, clock.now(), "ZeroDivisionError: oops")
        queue.add(db, NewJob("dream", {}, workspace=1, due_at=clock.now() + 60_000_000), clock.now())

    store = Store.open(path)
    asyncio.run(store.write(add_jobs))
    store.close()


def test_the_queue_shows_what_failed_first_and_why(run: Run, tmp_path: Path) -> None:
    with_jobs(tmp_path / "omoide.db")
    lines = run("queue").stdout.splitlines()
    assert lines[0].split()[1:4] == ["failed", "representation", "in"]
    assert lines[0].endswith("(3), 1 attempt: ZeroDivisionError: oops")
    assert " waiting for " in lines[1]
    (only,) = run("queue", "--failed", "--json").stdout.splitlines()
    assert json.loads(only)["error"] == "ZeroDivisionError: oops"


def test_the_queue_shows_a_sample_of_what_could_not_be_read_without_secrets(run: Run, tmp_path: Path) -> None:
    def add_jobs(db: Connection) -> None:
        queue.add(db, NewJob("representation", {"session": "s"}, key="1"), 0)
        job = queue.claim(db, 0, lease=1)
        assert job is not None
        error = "UnreadableOutput: no facts.\nIt began: I see https://example.com/?api_key=sk-123 there"
        queue.retry_later(db, job, clock.now() + 60_000_000, error)

    store = Store.open(tmp_path / "omoide.db")
    asyncio.run(store.write(add_jobs))
    store.close()
    (line,) = run("queue").stdout.splitlines()
    assert "UnreadableOutput: no facts. It began: I see https://example.com/?api_key=***" in line


def test_failed_jobs_are_tried_again_by_number_or_all(run: Run, tmp_path: Path) -> None:
    with_jobs(tmp_path / "omoide.db")
    number = run("queue", "--failed").stdout.split()[0]
    assert run("queue", "retry", "999").stdout == "0 jobs will be retried.\n"
    assert run("queue", "retry", number).stdout == "1 job will be retried.\n"
    assert run("queue", "--failed").stdout == "No jobs.\n"
    assert run("queue", "retry", "--all").stdout == "0 jobs will be retried.\n"


def test_messages_that_wait_for_more_are_shown_and_can_be_flushed(run: Run, tmp_path: Path) -> None:
    server = Server(tmp_path / "omoide.db", debounce_seconds="3600", max_wait_seconds="3600")
    with server.client() as http:
        WorkspaceClient(http, "w").say("s", "I live in Lisbon.")
    server.kill()
    (line,) = (line for line in run("queue").stdout.splitlines() if "representation" in line)
    assert re.fullmatch(r" *\d+  waiting for 3[56]\d\d s  representation in w \(1\)", line)
    assert run("queue", "flush").stdout == "1 job no longer waiting for more messages.\n"
    assert "waiting" not in run("queue").stdout
    assert run("queue", "flush").stdout == "0 jobs no longer waiting for more messages.\n"


@pytest.mark.parametrize("arguments", [["retry"], ["retry", "1", "--all"], ["retry", "one"], ["--limit", "0"]])
def test_a_wrong_use_of_the_queue_is_refused(arguments: list[str], run: Run, tmp_path: Path) -> None:
    with_jobs(tmp_path / "omoide.db")
    assert run("queue", *arguments).returncode == 2


def test_a_queue_without_a_database_is_one_clear_line(run: Run) -> None:
    done = run("queue")
    assert (done.returncode, done.stderr) == (1, "Error: There is no database omoide.db.\n")


def test_the_queue_of_another_database_is_named_before_or_after_what_is_to_be_done(run: Run, tmp_path: Path) -> None:
    with_jobs(tmp_path / "other.db")
    assert " failed " in run("queue", "--db", "other.db").stdout
    assert run("queue", "--db", "other.db", "retry", "--all").stdout == "1 job will be retried.\n"
    assert run("queue", "retry", "--all", "--db", "other.db").stdout == "0 jobs will be retried.\n"


def test_a_queue_that_cannot_be_read_or_written_is_one_clear_line(run: Run, tmp_path: Path) -> None:
    with_jobs(tmp_path / "omoide.db")
    with sql.locked(tmp_path / "omoide.db"):
        done = run("queue", "retry", "--all", busy_timeout_seconds="0.1")
    assert (done.returncode, done.stderr) == (1, "Error: The database is locked by another process\n")


def known(http: httpx.Client, place: WorkspaceClient) -> list[tuple[str, int]]:
    found = place.ok("POST", "/conclusions/list", {}, params={"size": 100})["items"]
    return sorted((each["content"], each["times_derived"]) for each in found)


def is_done(status: dict[str, Any]) -> bool:
    """Whether 60 messages are derived; summaries count as work too."""
    left = status["pending_work_units"] + status["in_progress_work_units"]
    return bool(left == 0 and status["completed_work_units"] >= 60)


def test_workers_beside_the_server_share_the_work_and_do_it_once(tmp_path: Path) -> None:
    server = Server(tmp_path / "omoide.db", debounce_seconds="0")
    command = ["worker", "--db", str(server.db)]
    workers = [fork_server().start(command, cwd=tmp_path, env=server.environment) for _ in range(2)]
    try:
        for each in workers:
            assert each.stderr is not None
            assert "reasoner extractive" in each.stderr.readline()
        with server.client() as http:
            place = WorkspaceClient(http, "w")
            for number in range(60):
                place.say(f"s{number % 6}", f"I own item number {number}.")
            until(lambda: is_done(place.ok("GET", "/queue/status")))
            assert known(http, place) == sorted((f"alice owns item number {n}", 1) for n in range(60))
    finally:
        for each in workers:
            each.terminate()
        codes = [each.wait(timeout=30) for each in workers]
        for each in workers:
            assert each.stderr is not None
            each.stderr.close()
        server.kill()
    assert codes == [0, 0], "told to stop, a worker ends in good order"


def test_a_worker_does_what_is_due_and_ends(run: Run, tmp_path: Path) -> None:
    server = Server(tmp_path / "omoide.db", debounce_seconds="60")
    with server.client() as http:
        WorkspaceClient(http, "w").say("s", "I live in Lisbon.")
    server.kill()
    store = Store.open(server.db)
    asyncio.run(store.write(sql.change, "UPDATE jobs SET due_at = 0, leased_until = NULL"))
    store.close()
    assert run("worker", "--until-empty").returncode == 0
    store = Store.open(server.db)
    assert read_now(store, sql.rows, "SELECT content FROM conclusions") == [("alice lives in Lisbon",)]
    store.close()
