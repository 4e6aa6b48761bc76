"""Streamed chat: exact bytes, keep-alives, and cancellation when the client disconnects."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from honcho import Honcho
from jsonschema_rs import Draft202012Validator

from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring
from omoide.core.errors import Unavailable
from tests.conftest import SECRET
from tests.contract.conformance import DOCUMENT, OPERATIONS
from tests.handlers.recorded_questions import QuestionRecorder, Waiting, events, failing, saying, served
from tests.handlers.workspace import WorkspaceClient

CHATS = ("/chat", "/peers/alice/chat")
SOON, NEVER = 0.05, 600

chats = pytest.mark.parametrize("path", CHATS)


def serving(told: QuestionRecorder, folder: Any, seconds: float) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {Keyring(SECRET).mint(ADMIN, now=clock.now())}"}
    with (
        served(folder / "omoide.db", told, chat_keepalive_seconds=seconds) as url,
        httpx.Client(base_url=url, timeout=None, headers=headers) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def patient(told: QuestionRecorder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server with a long keep-alive interval."""
    yield from serving(told, tmp_path_factory.mktemp("patient"), NEVER)


@pytest.fixture(scope="module")
def lively(told: QuestionRecorder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server with the shortest keep-alive interval."""
    yield from serving(told, tmp_path_factory.mktemp("lively"), SOON)


@pytest.fixture
def workspace_client(patient: httpx.Client, fresh: Callable[[str], str]) -> WorkspaceClient:
    return WorkspaceClient(patient, fresh("stream"))


@pytest.fixture
def live(lively: httpx.Client, fresh: Callable[[str], str]) -> WorkspaceClient:
    return WorkspaceClient(lively, fresh("stream"))


def streamed(workspace_client: WorkspaceClient, path: str, **body: Any) -> httpx.Response:
    return workspace_client.call("POST", path, {"query": "tea", "stream": True, **body})


def broken_off(response: httpx.Response | Iterator[str]) -> list[str]:
    """The non-blank lines (remaining) of a response that must be cut off."""
    seen: list[str] = []
    with pytest.raises(httpx.RemoteProtocolError):
        seen.extend(response.iter_lines() if isinstance(response, httpx.Response) else response)
    return [line for line in seen if line]


def opened(workspace_client: WorkspaceClient, path: str) -> Any:
    """An unread stream."""
    return workspace_client.http.stream("POST", workspace_client.url + path, json={"query": "tea", "stream": True})


@chats
def test_events_are_those_of_the_public_api_to_the_byte(
    workspace_client: WorkspaceClient, told: QuestionRecorder, path: str
) -> None:
    told.say = saying("Hel", "", "lo")
    response = streamed(workspace_client, path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream"
    assert response.content == (
        b'data: {"delta": {"content": "Hel"}, "done": false}\n\n'
        b'data: {"delta": {"content": "lo"}, "done": false}\n\n'
        b'data: {"done": true}\n\n'
    )


@pytest.mark.parametrize("text", ["two\nlines\r\n", "今日は \U0001f375", '"quoted" \\ ', "\u2028", "data: x\n\n"])
def test_a_piece_is_one_line_whatever_it_holds(
    workspace_client: WorkspaceClient, told: QuestionRecorder, text: str
) -> None:
    told.say = saying(f"a{text}", "b")
    body = streamed(workspace_client, CHATS[1]).content
    assert body.count(b"\n\n") == 3
    assert "".join(event["delta"]["content"] for event in events_by_line(body)[:-1]) == f"a{text}b"


def events_by_line(body: bytes) -> list[Any]:
    """Lines as clients split them: at LF only."""
    return [event for line in body.split(b"\n") for event in events(line.replace("\u2028".encode(), b"\\u2028"))]


@chats
def test_an_empty_answer_is_only_the_end_event(
    workspace_client: WorkspaceClient, told: QuestionRecorder, path: str
) -> None:
    told.say = saying(" ", "")
    assert streamed(workspace_client, path).content == b'data: {"done": true}\n\n'


@chats
def test_evidence_is_only_in_the_last_event_and_only_on_request(
    workspace_client: WorkspaceClient, told: QuestionRecorder, path: str
) -> None:
    told.say = QuestionRecorder().say
    workspace_client.say("s", "green tea", "black tea")
    told_all = events(streamed(workspace_client, path, include_evidence=True).content)
    assert [event["delta"]["content"] for event in told_all[:-1]] == ["black tea\n", "green tea\n"]
    assert all(event.keys() == {"delta", "done"} for event in told_all[:-1])
    assert told_all[-1].keys() == {"done", "evidence"}
    assert len(told_all[-1]["evidence"]["messages"]) == 2
    assert events(streamed(workspace_client, path).content)[-1] == {"done": True}


@chats
@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (Unavailable("The model went away"), "The model went away"),
        (RuntimeError("a secret that no client may read"), "An unexpected error occurred"),
    ],
)
def test_a_later_failure_is_reported_in_the_last_event_of_a_truncated_stream(
    workspace_client: WorkspaceClient, told: QuestionRecorder, path: str, error: Exception, detail: str
) -> None:
    told.say = failing(error, "Green")
    with opened(workspace_client, path) as response:
        assert response.status_code == 200
        assert broken_off(response) == [
            'data: {"delta": {"content": "Green"}, "done": false}',
            f'data: {{"error": {{"detail": "{detail}"}}, "done": false}}',
        ]


@pytest.mark.parametrize("path", CHATS)
def test_every_event_conforms_to_the_document(
    workspace_client: WorkspaceClient, told: QuestionRecorder, path: str
) -> None:
    name = "chat_workspace" if path == "/chat" else "chat"
    schema = OPERATIONS[name].raw["responses"]["200"]["content"]["text/event-stream"]["schema"]
    gate = Draft202012Validator({**schema, "components": DOCUMENT.raw["components"]})
    for say in (saying("a", "b"), saying(), QuestionRecorder().say):
        told.say = say
        workspace_client.say("s", "tea")
        for event in events(streamed(workspace_client, path, include_evidence=True).content):
            gate.validate(event)
    told.say = failing(Unavailable("Gone"), "a")
    with opened(workspace_client, path) as response:
        for event in events("\n".join(broken_off(response)).encode()):
            gate.validate(event)


@chats
def test_pieces_are_sent_as_they_arrive(workspace_client: WorkspaceClient, told: QuestionRecorder, path: str) -> None:
    waiting = told.say = Waiting("Green")
    with opened(workspace_client, path) as response:
        lines = response.iter_lines()
        assert next(lines) == 'data: {"delta": {"content": "Green"}, "done": false}'
        waiting.release()
        assert [line for line in lines if line][-1] == 'data: {"done": true}'


@chats
def test_a_slow_answer_starts_with_keep_alives(live: WorkspaceClient, told: QuestionRecorder, path: str) -> None:
    waiting = told.say = Waiting()
    with opened(live, path) as response:
        assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream")
        lines = (line for line in response.iter_lines() if line)
        assert [next(lines), next(lines)] == [": ping", ": ping"]
        waiting.release()
        said = [line for line in lines if line != ": ping"]
    assert said == ['data: {"delta": {"content": "at last"}, "done": false}', 'data: {"done": true}']


def test_a_failure_after_a_keep_alive_is_reported_in_the_last_event(
    live: WorkspaceClient, told: QuestionRecorder
) -> None:
    waiting = Waiting()

    async def say(question: Any, memory: Any) -> Any:
        async for _ in waiting(question, memory):
            raise Unavailable("The model does not answer")
        yield ""

    told.say = say
    with opened(live, CHATS[1]) as response:
        lines = response.iter_lines()
        assert next(lines) == ": ping"
        waiting.release()
        assert broken_off(lines)[-1] == 'data: {"error": {"detail": "The model does not answer"}, "done": false}'


def by_hand(url: str, key: str, begun: Callable[[], object], seen: list[Any]) -> None:
    with (
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=None) as client,
        opened(WorkspaceClient(client, "w"), CHATS[1]) as response,
    ):
        for line in response.iter_lines():
            seen += events(line.encode())
            begun()


def by_client(url: str, key: str, begun: Callable[[], object], seen: list[Any]) -> None:
    """Like the official client, which stops at `done` and ignores `error`."""
    for piece in Honcho(base_url=url, api_key=key, workspace_id="w").peer("alice").chat_stream("tea"):
        seen.append(piece)
        begun()


@pytest.mark.parametrize("read", [by_hand, by_client])
def test_an_answer_cut_by_a_stopping_server_ends_with_an_error(read: Any, tmp_path: Path) -> None:
    told, begun, seen = QuestionRecorder(), threading.Event(), list[Any]()
    told.say = Waiting("Green")
    key = Keyring(SECRET).mint(ADMIN, now=clock.now())
    with ThreadPoolExecutor(1) as pool:
        with served(tmp_path / "omoide.db", told, grace_seconds=0) as url:
            reading = pool.submit(read, url, key, begun.set, seen)
            begun.wait()
        with pytest.raises(httpx.RemoteProtocolError):
            reading.result()
    if read is by_client:
        assert seen == ["Green"]
        return
    schema = OPERATIONS["chat"].raw["responses"]["200"]["content"]["text/event-stream"]["schema"]
    gate = Draft202012Validator({**schema, "components": DOCUMENT.raw["components"]})
    assert seen == [
        {"delta": {"content": "Green"}, "done": False},
        {"error": {"detail": "The server is stopping: the answer is not complete"}, "done": False},
    ]
    gate.validate(seen[-1])


@chats
@pytest.mark.parametrize("pieces", [(), ("Green",)], ids=["before the first piece", "after it"])
def test_work_is_cancelled_when_the_client_disconnects(
    patient: httpx.Client,
    live: WorkspaceClient,
    workspace_client: WorkspaceClient,
    told: QuestionRecorder,
    path: str,
    pieces: tuple[str, ...],
) -> None:
    # Without a piece there are no headers yet, unless a keep-alive sends them.
    waiting = told.say = Waiting(*pieces)
    with opened(workspace_client if pieces else live, path) as response:
        next(response.iter_raw())
        waiting.is_silent.wait()
    waiting.has_ended.wait()
    assert waiting.was_cancelled
