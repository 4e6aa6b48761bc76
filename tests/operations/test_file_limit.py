"""The limit of open files: raised as far as possible; the number of connections stays within it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from omoide.core.fd_limit import BACKLOG, LEAST_BACKLOG, RESERVED, capacity
from omoide.core.settings import Settings
from omoide.doctor.check_jobs import check_connections
from tests.handlers.workspace import WorkspaceClient
from tests.server_process import COMMAND, CommandServer

REQUEST = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Limited(CommandServer):
    """A server started by a shell after `ulimit` with these arguments."""

    def __init__(self, db: Path, ulimit: str, **settings: str) -> None:
        self.ulimit = ulimit
        super().__init__(db, **settings)

    def _command(self, arguments: list[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            limited(self.ulimit, *arguments),
            stderr=subprocess.PIPE, text=True, env=self.environment, cwd=self.db.parent,
        )  # fmt: skip


@contextmanager
def running(folder: Path, ulimit: str, **settings: str) -> Iterator[Limited]:
    server = Limited(folder / "omoide.db", ulimit, **settings)
    try:
        yield server
    finally:
        server.stop()


def limited(ulimit: str, *arguments: str) -> list[str]:
    return ["sh", "-c", f'{ulimit} && exec "$@"', "sh", str(COMMAND), *arguments]


@contextmanager
def connections(server: Limited, count: int) -> Iterator[list[socket.socket]]:
    """Connections kept open after a response."""
    address = urlsplit(server.url)
    with ExitStack() as opened:
        found = []
        for _ in range(count):
            one = opened.enter_context(socket.create_connection((address.hostname, address.port), timeout=60))
            assert status(one) == b"200"
            found.append(one)
        yield found


def status(connection: socket.socket) -> bytes:
    """The status of another request; empty if the connection was closed."""
    connection.sendall(REQUEST)
    answer = b""
    while not answer.endswith(b"}") and (piece := connection.recv(65_536)):
        answer += piece
    return answer[9:12]


@pytest.mark.parametrize(
    ("wanted", "limit", "connections", "backlog"),
    [
        (800, 20_000, 800, BACKLOG),
        (800, 800 + RESERVED + 2 * BACKLOG, 800, BACKLOG),
        (800, 1_024, 800, 56),
        (800, 800 + RESERVED + 2 * LEAST_BACKLOG, 800, LEAST_BACKLOG),
        (800, 800 + RESERVED + 2 * LEAST_BACKLOG - 1, 799, LEAST_BACKLOG),
        (800, 256, 80, LEAST_BACKLOG),
        (800, 64, 1, LEAST_BACKLOG),
        (8, 256, 8, 68),
    ],
)
def test_connections_and_the_backlog_fit_into_the_limit(
    wanted: int, limit: int, connections: int, backlog: int
) -> None:
    fits = capacity(wanted, limit)
    assert (fits.connections, fits.backlog) == (connections, backlog)
    assert (fits.shortage(wanted) is None) == (connections == wanted)


def test_with_a_low_limit_fewer_connections_are_held_and_every_request_is_answered(tmp_path: Path) -> None:
    with running(tmp_path, "ulimit -n 256", debounce_seconds="3600") as server:
        assert "only 256 files may be open (ulimit -n): at most 80 connections are accepted" in "".join(server.log)
        with connections(server, 400) as opened, server.client() as http:
            assert {status(one) for one in opened[-75:]} == {b"200"}
            assert WorkspaceClient(http, "w").say("s", "And the database can be written.")


def test_a_soft_limit_is_raised_as_far_as_the_connections_take(tmp_path: Path) -> None:
    with running(tmp_path, "ulimit -Sn 100 && ulimit -Hn 600", max_connections="400") as server:
        assert "files may be open" not in "".join(server.log)
        with connections(server, 400) as opened:
            assert {status(one) for one in opened} == {b"200"}


def test_doctor_says_when_the_limit_is_too_low(tmp_path: Path) -> None:
    environment = {**os.environ, "OMOIDE_EMBEDDER": "none"}
    command = limited("ulimit -n 256", "doctor", "--json")
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    (verdict,) = [each for each in json.loads(done.stdout)["checks"] if each["name"] == "connections"]
    assert (verdict["state"], verdict["figures"]) == (
        "notice",
        {"open_files": 256, "connections": 80, "max_connections": 800},
    )
    assert "OMOIDE_MAX_CONNECTIONS=800, which needs 976" in verdict["text"]
    assert check_connections(Settings.model_validate({"max_connections": 8})) == []
