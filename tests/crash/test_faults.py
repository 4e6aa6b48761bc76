"""A full disk, a file that cannot be written, a lock that is not let go of, a clock that jumps: whoever writes is told,
whoever reads goes on reading, nothing that was acknowledged is lost, and all is well again once it is over.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from omoide.storage.sqlite import inspection
from tests import sql
from tests.crash import faults
from tests.handlers.workspace import WorkspaceClient, until
from tests.server_process import COMMAND, Server

HOUR = 3_600
SETTINGS = {
    "durability": "full",
    "debounce_seconds": "0",
    "job_poll_seconds": "0.1",
    "job_lease_seconds": "1",
    "busy_timeout_seconds": "0.2",
}
MOST_LINES = 12
"""Lines of the log that a fault may cost, however long it lasts."""


Serve = Callable[..., Server]


class Speaker:
    """Says one thing after another, and remembers what was acknowledged."""

    def __init__(self, http: httpx.Client) -> None:
        self.place = WorkspaceClient(http, "w")
        self.acknowledged: list[str] = []
        self.said = 0

    def say(self, length: int = 0) -> httpx.Response:
        """Say something new, in so many more bytes."""
        self.said += 1
        content = f"I own item number {self.said}. {'x' * length}".strip()
        body = {"messages": [{"peer_id": "alice", "content": content}]}
        answer = self.place.call("POST", "/sessions/s/messages", body)
        if answer.status_code == 201:
            self.acknowledged.append(content)
        return answer

    def refused(self, length: int = 0) -> httpx.Response:
        """The first refusal; what comes before may still find room."""
        return next(answer for answer in iter(lambda: self.say(length), None) if answer.status_code != 201)

    def finds_everything(self) -> bool:
        return self.place.said("s") == self.acknowledged

    def is_understood(self) -> bool:
        """Whether all that was acknowledged was reasoned about."""
        found = self.place.ok("GET", "/queue/status")
        return bool(found["pending_work_units"] + found["in_progress_work_units"] == 0)

    def learned(self) -> list[tuple[str, int]]:
        items = self.place.ok("POST", "/conclusions/list", {}, params={"size": 100})["items"]
        return sorted((each["content"], each["times_derived"]) for each in items)

    def should_have_learned(self) -> list[tuple[str, int]]:
        numbers = [text.split(".")[0].removeprefix("I own") for text in self.acknowledged]
        return sorted((f"alice owns{number}", 1) for number in numbers)


def is_sound(db: Path) -> bool:
    with inspection.opened(db, busy_timeout=5) as connection:
        return inspection.damage(connection) == []


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Where the database is: on a disk of its own for the test that fills it."""
    if "full" not in request.node.name:
        yield tmp_path
        return
    with faults.small_disk(tmp_path / "disk") as mounted:
        yield mounted


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers that end with the test, whatever becomes of it."""
    servers: list[Server] = []

    def start(db: Path, **options: str) -> Server:
        servers.append(Server(db, **SETTINGS | options))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.kill()


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        pytest.param(faults.full, 507, "There is no room left to store this", id="full"),
        pytest.param(faults.journal_unwritable, 503, "The disk failed to read or write the database", id="unwritable"),
        pytest.param(faults.moved, 503, "Another file has replaced the database", id="moved"),
        pytest.param(sql.locked, 503, "The database is locked by another process", id="locked"),
    ],
)
def test_during_a_fault_writes_name_it_and_reads_go_on_and_afterwards_all_is_well(
    fault: Callable[[Path], contextlib.AbstractContextManager[None]],
    status: int,
    reason: str,
    disk: Path,
    serve: Serve,
    request: pytest.FixtureRequest,
) -> None:
    if fault is not faults.full:
        request.getfixturevalue("thorough")
    server = serve(disk / "omoide.db")
    with server.client() as http:
        guest = Speaker(http)
        guest.say()
        until(guest.is_understood)
        guest.say()  # so that the worker is at work when it begins
        with fault(server.db):
            refusal = guest.refused(length=20_000)
            assert (refusal.status_code, reason in refusal.json()["detail"]) == (status, True)
            before = len(server.log)
            for _ in range(20):
                assert guest.refused(length=20_000).status_code == status
                assert guest.finds_everything()
                assert guest.place.ok("POST", "/search", {"query": "item"})
            assert len(server.log) - before <= MOST_LINES, "".join(server.log)
        assert guest.say().status_code == 201
        until(guest.is_understood)
        assert guest.learned() == guest.should_have_learned()
        assert guest.finds_everything()
    server.stop()
    assert not [line for line in server.log if "Traceback" in line], "".join(server.log)
    assert is_sound(server.db)


@pytest.mark.usefixtures("thorough")
def test_a_server_started_on_an_unwritable_file_serves_reads_and_writes_once_it_can(
    tmp_path: Path, serve: Serve
) -> None:
    server = serve(tmp_path / "omoide.db")
    with server.client() as http:
        guest = Speaker(http)
        guest.say()
        until(guest.is_understood)
    server.stop()
    with faults.unwritable(server.db):
        server.start()
        with server.client() as http:
            guest.place.http = http
            assert guest.finds_everything()
            refusal = guest.say()
            assert (refusal.status_code, "cannot be written" in refusal.json()["detail"]) == (503, True)
    with server.client() as http:
        guest.place.http = http
        assert guest.say().status_code == 201
        until(guest.is_understood)
        assert guest.learned() == guest.should_have_learned()
    server.stop()
    assert is_sound(server.db)


@pytest.mark.usefixtures("thorough")
def test_a_folder_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    with faults.small_disk(tmp_path / "disk") as disk:
        Server(disk / "omoide.db").stop()
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        command: list[str | Path] = [COMMAND, "serve", "--port", "0", "--db", disk / "omoide.db"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "Read-only file system" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr


def test_a_clock_that_jumps_loses_nothing_delays_nothing_and_does_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve: Serve
) -> None:
    clock = faults.Clock(tmp_path / "clock")
    monkeypatch.setenv("TEST_CLOCK", str(clock.path))
    folder = str(Path(faults.__file__).parent / "clock")
    server = serve(tmp_path / "omoide.db", python_path=folder, debounce_seconds="0.5")
    with server.client() as http:
        guest = Speaker(http)
        for seconds in (0, 5 * HOUR, 3 * HOUR, -2 * HOUR, -9 * HOUR, HOUR):
            clock.set(seconds)
            first = guest.place.call(
                "POST",
                "/sessions/keyed/messages",
                {"messages": [{"peer_id": "bob", "content": "once"}]},
                headers={"Idempotency-Key": "k"},
            )
            assert first.status_code == 201
            for _ in range(3):
                assert guest.say().status_code == 201
        until(guest.is_understood)
        assert guest.finds_everything()
        assert guest.learned() == guest.should_have_learned()
        assert guest.place.said("keyed") == ["once"]
        guest.say()
    server.kill()
    clock.set(-4 * HOUR)  # while nobody looked
    server.start()
    with server.client() as http:
        guest.place.http = http
        until(guest.is_understood)
        assert guest.learned() == guest.should_have_learned()
    server.stop()
    assert is_sound(server.db)
