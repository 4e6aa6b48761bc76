"""Reserved connections: /health, /ready and /metrics are served even if all connections are in use."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from omoide.cli import connection_eviction, http_limits
from omoide.cli.connection_eviction import EvictionPolicy, ranked
from omoide.cli.sockets import server_options
from omoide.core.fd_limit import CONNECTIONS_IN_RESERVE
from omoide.core.settings import Settings
from tests.handlers.workspace import until
from tests.raw_http import PATIENCE, statuses, until_closed

MOST = 8
HOST = b"Host: localhost\r\n"
PROBES = ["/health", "/ready", "/metrics", "/metrics?since=now"]


def get(path: str) -> bytes:
    return b"GET " + path.encode() + b" HTTP/1.1\r\n" + HOST + b"\r\n"


class Full:
    """A server with our protocol. The application answers everything at once but `/v…`, which hangs until the end."""

    def __init__(self, **settings: Any) -> None:
        self.waiting = threading.Semaphore(0)
        self.up = threading.Event()
        options = server_options(Settings.model_validate({"max_connections": MOST, **settings}))
        self.config = uvicorn.Config(self.app, **{**options, "interface": "asgi3", "lifespan": "off"})
        self.server = uvicorn.Server(self.config)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        self.up.wait()

    def run(self) -> None:
        async def main() -> None:
            self.loop, self.released = asyncio.get_running_loop(), asyncio.Event()
            self.loop.call_soon(self.up.set)
            await self.server.serve([self.listening])

        asyncio.run(main())

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/v"):
            self.waiting.release()
            await self.released.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    def release(self) -> None:
        self.loop.call_soon_threadsafe(self.released.set)

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection(self.listening.getsockname(), PATIENCE, (source, 0))

    def fill(self, opened: ExitStack) -> list[socket.socket]:
        """The maximum number of connections, all waiting for a response."""
        made = [opened.enter_context(self.connect()) for _ in range(MOST)]
        for connection in made:
            connection.sendall(get("/v3"))
            self.waiting.acquire(timeout=PATIENCE)
        return made

    def ask(self, request: bytes) -> bytes:
        """Everything received on a new connection until the server closes it."""
        with self.connect() as connection:
            connection.sendall(request)
            return until_closed(connection)

    def stop(self) -> None:
        self.release()
        self.server.should_exit = True
        self.thread.join()


@pytest.fixture
def full() -> Iterator[Full]:
    server = Full()
    yield server
    server.stop()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Full]:
    """A server that checks its connections often, with a short time limit for reserved ones."""
    monkeypatch.setattr(http_limits, "SWEEP_SECONDS", 0.02)
    monkeypatch.setattr(http_limits, "RESERVE_SECONDS", 0.05)
    monkeypatch.setattr(connection_eviction, "TIME_TO_SPEAK", 0.0)
    server = Full()
    yield server
    server.stop()


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("path", PROBES)
def test_health_checks_are_answered_while_all_connections_are_in_use(path: str, full: Full, opened: ExitStack) -> None:
    full.fill(opened)
    answer = full.ask(get(path))
    assert statuses(answer) == [200]
    assert b"connection: close\r\n" in answer, "a reserved connection is not kept alive"


@pytest.mark.parametrize("path", ["/v3/workspaces/list", "/healthy", "/", "/health/more", "/docs"])
def test_other_requests_on_reserved_connections_are_refused(path: str, full: Full, opened: ExitStack) -> None:
    full.fill(opened)
    assert statuses(full.ask(get(path))) == [503]
    body = b"POST " + path.encode() + b" HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\n" + b"x" * 1_000_000
    assert statuses(full.ask(body)) == [503]


@pytest.mark.parametrize("next_path", ["/health", "/v3"])
def test_a_reserved_connection_answers_one_request(next_path: str, full: Full, opened: ExitStack) -> None:
    full.fill(opened)
    assert statuses(full.ask(get("/health") + get(next_path) * 3)) == [200]


def test_no_number_of_other_connections_blocks_health_checks(hasty: Full, opened: ExitStack) -> None:
    hasty.fill(opened)
    silent = [opened.enter_context(hasty.connect()) for _ in range(3 * CONNECTIONS_IN_RESERVE)]
    for connection in silent[::2]:
        connection.sendall(b"GET /health HTTP/1.1\r\n")
    assert statuses(hasty.ask(get("/health"))) == [200]


def test_a_reserved_connection_has_a_short_time_limit(hasty: Full, opened: ExitStack) -> None:
    hasty.fill(opened)
    silent, slow, refused = (opened.enter_context(hasty.connect()) for _ in range(3))
    slow.sendall(b"GET /health HTTP/1.1\r\nHost: loc")
    refused.sendall(b"POST /v3 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
    assert until_closed(silent) == b""
    assert statuses(until_closed(slow)) == [408]
    assert statuses(until_closed(refused)) == [503]


def test_a_reserved_connection_becomes_a_normal_one_when_there_is_room(full: Full, opened: ExitStack) -> None:
    waiting = full.fill(opened)
    late = opened.enter_context(full.connect())
    protocol: Any = full.config.http_protocol_class
    until(lambda: len(protocol.reserve) == 1)
    waiting[0].close()
    until(lambda: len(full.server.server_state.connections) == MOST)
    late.sendall(get("/v3"))
    full.waiting.acquire(timeout=PATIENCE)
    full.release()
    late.sendall(b"GET /v3 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert statuses(until_closed(late)) == [200, 200]


# Eviction.


def test_the_address_with_most_connections_is_evicted_first(full: Full, opened: ExitStack) -> None:
    first = opened.enter_context(full.connect("127.0.0.1"))
    others = [opened.enter_context(full.connect("127.0.0.2")) for _ in range(MOST - 1)]
    last = opened.enter_context(full.connect("127.0.0.1"))
    assert until_closed(others[0]) == b""
    for connection in (first, last):
        connection.sendall(get("/health"))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")


@dataclass(eq=False)
class StubConnection:
    """A stub of a connection."""

    network: str
    since: float = 0.0
    unread_since: float = 0.0
    unread: int = 0
    in_body: bool = False
    is_refused: bool = False
    is_answering: bool = False
    is_closing: bool = False


def gives_way(held: list[StubConnection], new: StubConnection, now: float) -> Any:
    return next(iter(ranked(held, new, now)), None)


def of_heavy(**state: Any) -> list[StubConnection]:
    return [StubConnection("heavy", **state) for _ in range(5)]


@pytest.mark.parametrize(
    "state",
    [{}, {"in_body": True, "is_answering": True}, {"unread": 5, "is_answering": True}, {"unread": 5}],
    ids=["a head or nothing", "a body", "an answer that is not read", "the rest of one"],
)
def test_idle_connections_of_an_address_with_many_are_evicted_in_any_state(state: Any) -> None:
    light, new = StubConnection("light", since=-10.0), StubConnection("new")
    heavy = of_heavy(**state)
    assert gives_way([light, *heavy, new], new, 100.0) in heavy


def test_active_requests_are_not_evicted_for_an_address_with_more() -> None:
    upload, new = StubConnection("light", in_body=True, is_answering=True), StubConnection("heavy")
    answering = of_heavy(is_answering=True)
    assert gives_way([upload, *answering, new], new, 100.0) is None
    idle = StubConnection("light")
    assert gives_way([upload, idle, *answering, new], new, 100.0) is idle


def test_active_connections_are_not_evicted() -> None:
    new = StubConnection("new")
    being_read = of_heavy(unread=5, unread_since=99.0)
    assert gives_way([*being_read, *of_heavy(is_answering=True), new], new, 100.0) is None


def test_a_refused_connection_is_evicted_before_any_other() -> None:
    refused, new = StubConnection("light", since=50.0, is_refused=True), StubConnection("new")
    assert gives_way([*of_heavy(), refused, new], new, 100.0) is refused


def test_connections_are_evicted_in_order_however_many_arrive_at_once() -> None:
    heavy = [StubConnection("heavy", since=float(number)) for number in range(100)]
    light, new, finder = [StubConnection("light") for _ in range(20)], StubConnection("new"), EvictionPolicy()
    closed = []
    for number in range(60):
        if number == 30:
            for busy in heavy[31:33]:
                busy.is_answering = True  # since they were last examined
        found = finder.of([*light, *heavy, new], new, 200.0)
        assert isinstance(found, StubConnection)
        found.is_closing = True
        closed.append(found)
    assert closed == [*heavy[:31], *heavy[33:62]]
