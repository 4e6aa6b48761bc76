"""Keep-alive connections are balanced over the API processes, also after one hung or died."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from benchmarks.process_tree import named
from omoide.cli.connection_counts import ConnectionCounts
from omoide.core.settings import Settings
from tests.handlers.workspace import until
from tests.raw_http import connect, until_closed
from tests.security.test_rate_limit import stopped
from tests.server_process import Server

REQUEST = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
CONNECTIONS = 32


class Kept:
    """Clients that keep a connection each, and reconnect if the server closes it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.connections: list[socket.socket] = []

    def connect(self) -> None:
        self.connections.append(connect(self.server))

    def ask_all(self) -> None:
        for number, connection in enumerate(self.connections):
            if not self._is_kept_after_a_request(connection):
                connection.close()
                self.connections[number] = connect(self.server)

    @staticmethod
    def _is_kept_after_a_request(connection: socket.socket) -> bool:
        answer = b""
        with suppress(ConnectionError):
            connection.sendall(REQUEST)
            while not answer.endswith(b"}") and (piece := connection.recv(65_536)):
                answer += piece
        return answer.endswith(b"}") and b"connection: close\r\n" not in answer

    def counts(self) -> list[int]:
        """The number of connections of each process."""
        port = urlsplit(self.server.url).port
        return [held(pid, port or 0) for pid in named(self.server.process.pid, "omoide-api")]

    def become_even(self) -> bool:
        """Send a request on each connection; return whether two processes then hold 14 to 18 each of 32."""
        self.ask_all()
        counts = self.counts()
        return sum(counts) == CONNECTIONS and len(counts) == 2 and all(14 <= count <= 18 for count in counts)

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


def held(pid: int, port: int) -> int:
    """The number of open connections of a process on the port, from proc(5)."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    open_ones = {f"socket:[{line[9]}]" for line in lines if line[1].endswith(f":{port:04X}") and line[3] == "01"}
    found = 0
    with suppress(FileNotFoundError):  # the process has ended
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found += os.readlink(descriptor) in open_ones
    return found


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("two") / "omoide.db", "--workers", "2", debounce_seconds="3600")
    yield running
    running.stop()


@pytest.fixture
def kept(two: Server) -> Iterator[Kept]:
    clients = Kept(two)
    until(lambda: clients.counts() == [0, 0])
    yield clients
    clients.close()


def test_concurrent_connections_are_balanced(kept: Kept) -> None:
    for _ in range(CONNECTIONS):
        kept.connect()
    until(kept.become_even)


def test_sequential_connections_are_balanced(kept: Kept) -> None:
    for _ in range(CONNECTIONS):
        kept.connect()
        kept.ask_all()
    until(kept.become_even)


def test_a_process_that_hung_gets_its_share_of_connections(two: Server, kept: Kept) -> None:
    with stopped(named(two.process.pid, "omoide-api")[0]):
        for _ in range(CONNECTIONS):
            kept.connect()
            kept.ask_all()  # the hanging process does not delay others
        assert sorted(kept.counts()) in ([0, CONNECTIONS], [1, CONNECTIONS - 1])
    until(kept.become_even)


def test_a_process_that_replaces_a_killed_one_gets_its_share(two: Server, kept: Kept) -> None:
    for _ in range(CONNECTIONS):
        kept.connect()
    until(kept.become_even)
    os.kill(named(two.process.pid, "omoide-api")[0], signal.SIGKILL)
    until(kept.become_even)


def test_an_idle_connection_is_closed(tmp_path: Path) -> None:
    server = Server(tmp_path / "omoide.db", keep_alive_seconds="0.1")
    with connect(server) as connection:
        connection.sendall(REQUEST)
        assert until_closed(connection).endswith(b"}")
    server.stop()


def test_clients_close_a_connection_before_the_server_does() -> None:
    expiry = httpx.Limits().keepalive_expiry
    assert expiry is not None
    assert Settings.model_validate({}).keep_alive_seconds > 2 * expiry


# Counts.


def test_the_process_with_fewer_connections_may_accept() -> None:
    counts = ConnectionCounts(3)
    one, two, three = (counts.enter(number) for number in range(3))
    for _ in range(2):
        one.accepted()
    assert [one.may_accept(), two.may_accept(), three.may_accept()] == [False, True, True]
    two.accepted()
    assert not one.may_accept()
    three.accepted()
    assert one.may_accept(), "one more than the others is allowed"
    one.closed()
    assert one.open == 1


def test_processes_end_up_with_the_same_number() -> None:
    counts = ConnectionCounts(4)
    processes = [counts.enter(number) for number in range(4)]
    for _ in range(400):
        next(each for each in processes if each.may_accept()).accepted()
    numbers = [each.open for each in processes]
    assert sum(numbers) == 400
    assert max(numbers) - min(numbers) <= 400 // 4 // 16 + 1


def test_a_single_process_may_always_accept() -> None:
    alone = ConnectionCounts().enter(0)
    for _ in range(100):
        assert alone.may_accept()
        alone.accepted()
    alone.plan_releases()
    assert not alone.release()


def test_a_process_without_a_heartbeat_is_ignored() -> None:
    counts = ConnectionCounts(2)
    one, dead = counts.enter(0), counts.enter(1)
    for _ in range(5):
        one.accepted()
    one.stop_waiting()
    assert one.may_accept()
    one.plan_releases()
    assert not one.release(), "it would not accept the released connections"
    dead.beat()
    assert not one.may_accept()
    one.plan_releases()
    assert [one.release() for _ in range(4)] == [True, True, False, False]


def test_the_successor_of_a_dead_process_starts_at_zero() -> None:
    counts = ConnectionCounts(2)
    one, dead = counts.enter(0), counts.enter(1)
    for _ in range(5):
        one.accepted()
        dead.accepted()
    assert one.may_accept()
    one.stop_waiting()
    assert counts.enter(1).open == 0
    assert not one.may_accept()
