"""Limits of concurrent requests: fair shares between callers, and 429 with Retry-After."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from honcho import Honcho

from omoide.asgi.admission import ConcurrencyShares
from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring
from omoide.fairness.lanes import Lane, Work
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Question
from tests.conftest import SECRET
from tests.contract.conformance import OPERATIONS, conform
from tests.handlers.recorded_questions import QuestionRecorder, saying, served
from tests.handlers.workspace import WorkspaceClient, until
from tests.raw_http import connect
from tests.server_process import Server

ROOM = 16
CHATS = 12
"""Maximum number of chats among them."""
ASKED = b'{"query": "tea", "stream": true}'


@pytest.fixture(scope="module")
def hung(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with low limits, whose provider accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as provider:
        running = Server(
            tmp_path_factory.mktemp("hung") / "omoide.db",
            max_connections=str(ROOM),
            model="openai:toy",
            model_api_key="key",
            model_base_url=f"http://127.0.0.1:{provider.getsockname()[1]}/v1",
            chat_keepalive_seconds="0.05",
            debounce_seconds="3600",
            ready_seconds="60",
        )
        yield running
        running.stop()


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def chat(server: Server, opened: ExitStack, workspace: str, address: str) -> socket.socket:
    """A streamed chat whose answer has started, or that was refused."""
    connection = opened.enter_context(connect(server))
    head = f"POST /v3/workspaces/{workspace}/chat HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {address}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(ASKED)}\r\n\r\n"
    connection.sendall(head.encode() + ASKED)
    return connection


def status(connection: socket.socket) -> int:
    return int(connection.recv(12)[9:])


def chats(server: Server, opened: ExitStack, count: int, workspace: str, address: str) -> list[int]:
    """The statuses of a number of chats, each started after the response of the previous one."""
    return [status(chat(server, opened, workspace, address)) for _ in range(count)]


def is_idle(server: Server) -> bool:
    with ExitStack() as stack:
        return chats(server, stack, CHATS // 2, "idle", "192.0.2.99") == [200] * (CHATS // 2)


def test_chats_of_one_caller_at_a_hanging_provider_leave_room_for_others(hung: Server, opened: ExitStack) -> None:
    until(lambda: is_idle(hung))
    half = CHATS // 2
    assert chats(hung, opened, 2 * half, "w", "192.0.2.1") == [200] * half + [429] * half
    with hung.client() as http:
        assert [http.get(path).status_code for path in ("/health", "/ready", "/metrics")] == [200] * 3
        assert WorkspaceClient(http, "light").say("s", "I like tea.")
        own = http.post("/v3/workspaces/w/peers", json={"id": "p"}, headers={"X-Forwarded-For": "192.0.2.1"})
        assert own.is_success, "other requests of the caller are not limited"
    assert chats(hung, opened, 1, "another", "192.0.2.1") == [200], "other workspaces do not wait for this one"
    assert chats(hung, opened, 1, "w", "192.0.2.2") == [200]


@pytest.mark.parametrize("by", ["address", "workspace"])
def test_several_callers_leave_a_free_share(by: str, hung: Server, opened: ExitStack) -> None:
    until(lambda: is_idle(hung))
    found: Counter[tuple[int, int]] = Counter()
    for _ in range(CHATS):
        for caller in range(3):
            place = ("w", f"192.0.2.{caller}") if by == "address" else (f"w{caller}", "192.0.2.1")
            found[caller, status(chat(hung, opened, *place))] += 1
    assert {found[caller, 200] for caller in range(3)} == {CHATS // 4}
    with hung.client() as http:
        assert http.get("/health").status_code == 200
        assert WorkspaceClient(http, "light").say("s", "I like tea.")


def test_a_chat_whose_client_disconnected_is_no_longer_counted(hung: Server, opened: ExitStack) -> None:
    until(lambda: is_idle(hung))
    first = chat(hung, opened, "w", "192.0.2.1")
    assert status(first) == 200
    assert chats(hung, opened, CHATS, "w", "192.0.2.1").count(429) > 0
    first.close()
    until(lambda: chats(hung, opened, 1, "w", "192.0.2.1") == [200])


def test_a_request_is_refused_before_its_body_is_read(hung: Server, opened: ExitStack) -> None:
    until(lambda: is_idle(hung))
    chats(hung, opened, CHATS, "w", "192.0.2.1")
    connection = opened.enter_context(connect(hung))
    head = b"POST /v3/workspaces/w/chat HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 192.0.2.1\r\n"
    connection.sendall(head + b"Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n")
    assert status(connection) == 429


def test_the_refusal_conforms_to_the_document(hung: Server, opened: ExitStack) -> None:
    until(lambda: is_idle(hung))
    chats(hung, opened, CHATS, "w", "192.0.2.1")
    with hung.client(headers={"X-Forwarded-For": "192.0.2.1"}) as http:
        refused = http.post("/v3/workspaces/w/chat", json={"query": "tea"})
    conform(OPERATIONS["chat_workspace"], refused)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json() == {"detail": "Too many chats of this caller are in progress"}


def test_the_official_client_waits_and_retries(tmp_path: Path) -> None:
    told = QuestionRecorder()

    async def hanging(question: Question, memory: MemoryView) -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield ""

    told.say = hanging
    key = Keyring(SECRET).mint(ADMIN, now=clock.now())
    statuses = []
    with (
        ExitStack() as stack,
        served(tmp_path / "omoide.db", told, max_connections=ROOM, max_requests_per_caller=2) as url,
        httpx.Client(base_url=url, timeout=None, headers={"Authorization": f"Bearer {key}"}) as busy,
    ):

        def note(response: httpx.Response) -> None:
            statuses.append(response.status_code)
            if response.status_code == 429:
                told.say = saying("tea")
                stack.close()

        WorkspaceClient(busy, "w").peer("alice")
        sdk = httpx.Client(event_hooks={"response": [note]})
        peer = Honcho(base_url=url, api_key=key, workspace_id="w", http_client=sdk).peer("alice")
        for _ in range(2):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))))
            head = f"POST /v3/workspaces/w/chat HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(ASKED)}\r\n\r\n"
            connection.sendall(head.encode() + ASKED)
        until(lambda: len(told.asked) == 2)
        assert peer.chat("tea") == "tea"
        sdk.close()
    assert statuses.count(429) >= 1


# Shares.


def begun(shares: ConcurrencyShares, lane: Lane, attempts: int = 10_000) -> list[Work]:
    """The requests that could start, of a number tried in sequence."""
    return [work for work in (Work(lane) for _ in range(attempts)) if shares.begin(work)]


def in_turn(shares: ConcurrencyShares, lanes: list[Lane]) -> Counter[Lane]:
    """The number of requests of each lane once none gets another; they try in turn."""
    held: Counter[Lane] = Counter()
    while admitted := [lane for lane in lanes if shares.begin(Work(lane))]:
        held.update(admitted)
    return held


@pytest.mark.parametrize("callers", [1, 2, 3, 7])
def test_callers_get_equal_shares_and_one_share_stays_free(callers: int) -> None:
    shares = ConcurrencyShares(840)
    held = in_turn(shares, [Lane("w", f"key {number}") for number in range(callers)])
    assert {*held.values()} == {840 // (callers + 1)}
    assert shares.free == 840 // (callers + 1)


@pytest.mark.parametrize(
    "lanes",
    [lambda number: Lane("w", f"key {number}"), lambda number: Lane(f"w{number}", "key")],
    ids=["callers", "workspaces of one"],
)
def test_a_new_caller_is_always_admitted(lanes: Callable[[int], Lane]) -> None:
    shares = ConcurrencyShares(800)
    for number in range(700):
        shares.begin(Work(lanes(number)))
    assert shares.begin(Work(Lane("another", "another")))


def test_a_caller_leaves_room_to_others_in_any_number_of_workspaces() -> None:
    shares = ConcurrencyShares(800)
    held = sum(len(begun(shares, Lane(f"w{number}", "key"), 10)) for number in range(200))
    assert held == 8 * 800 // 9 + 1
    assert len(begun(shares, Lane("w", "another"))) > 40


def test_a_fixed_limit_applies_to_all_workspaces_together() -> None:
    shares = ConcurrencyShares(800, most=5)
    assert [len(begun(shares, Lane(f"w{number}", "key"), 3)) for number in range(3)] == [3, 2, 0]
    assert len(begun(shares, Lane("w0", "another"))) == 5


def test_finished_requests_are_forgotten() -> None:
    shares = ConcurrencyShares(16)
    for number in range(1_000):
        requests = begun(shares, Lane(f"w{number}", f"key {number}"), 20)
        assert len(requests) == 8
        for work in requests:
            shares.end(work)
    assert shares.free == 16
    assert shares.in_progress() == 0
