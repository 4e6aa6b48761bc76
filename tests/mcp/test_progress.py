"""Long calls: progress is notified, and a client that cancels or leaves stops the work."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.inference.faulty_provider import ProviderConnection, misbehaving
from tests.mcp.agent import Machine
from tests.mcp.client import called
from tests.raw_http import connect
from tests.server_process import Server

PATIENCE_SECONDS = 20
ASKED = {"peer_id": "alice", "query": "What does she drink?", "reasoning_level": "high"}
SEARCH = 'search_messages {"query":"tea"}'
EVENTS = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\n\r\n"
ACCEPTED = {"Accept": "application/json, text/event-stream"}


class HangingProvider:
    """Has the model search once, and does not answer then. `closed` is set when the server leaves."""

    def __init__(self) -> None:
        self.asked, self.closed = threading.Event(), threading.Event()

    def expect(self) -> None:
        self.asked.clear()
        self.closed.clear()

    def __call__(self, line: ProviderConnection, request: dict[str, Any]) -> None:
        if request["messages"][-1]["role"] != "tool":
            line.say(EVENTS + _search())
            return
        self.asked.set()
        line.await_end(PATIENCE_SECONDS)
        self.closed.set()


def _search() -> bytes:
    """A call of a tool as the answer of a model."""
    function = {"name": "search_messages", "arguments": json.dumps({"query": "tea"})}
    delta = {"tool_calls": [{"index": 0, "id": "1", "type": "function", "function": function}]}
    frame = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "toy"}
    choices = ({"delta": delta, "finish_reason": None}, {"delta": {}, "finish_reason": "tool_calls"})
    events = [json.dumps({**frame, "choices": [{"index": 0, **choice}]}) for choice in choices]
    return "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"]).encode()


@pytest.fixture(scope="module")
def provider() -> HangingProvider:
    return HangingProvider()


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory, provider: HangingProvider) -> Iterator[Server]:
    """A server that knows alice, with a language model that hangs."""
    with misbehaving(provider) as endpoint:
        db = tmp_path_factory.mktemp("asking") / "omoide.db"
        model = {"model": "openai:toy", "model_api_key": "key", "model_base_url": endpoint.url}
        running = Server(db, debounce_seconds="3600", **model)
        called(
            f"{running.url}/mcp/demo", "remember", session_id="s", messages=[{"peer_id": "alice", "content": "Tea!"}]
        )
        yield running
        assert running.stop() == -15, "".join(running.log)
        assert "Traceback" not in "".join(running.log)


@pytest.mark.parametrize(("mode", "by_stdio"), [("auto", False), ("legacy", False), ("auto", True)])
def test_a_client_sees_progress_and_stops_the_work_by_cancelling(
    asking: Server, provider: HangingProvider, mode: Any, by_stdio: bool, tmp_path: Path
) -> None:
    provider.expect()
    said: list[str | None] = []

    async def run() -> str:
        begun, going_on = asyncio.Event(), asyncio.Event()

        async def notified(progress: float, total: float | None, message: str | None) -> None:
            said.append(message)
            if message == SEARCH:
                begun.set()
            elif begun.is_set() and "s so far)" in str(message):
                going_on.set()

        async with httpx2.AsyncClient(timeout=60) as http, AsyncExitStack() as stack:
            connecting: AbstractAsyncContextManager[Client]
            if by_stdio:
                machine = Machine(tmp_path)
                connecting = machine.agent("--url", asking.url, "--workspace", "demo", mode=mode)
            else:
                connecting = Client(streamable_http_client(f"{asking.url}/mcp/demo", http_client=http), mode=mode)
            client = await stack.enter_async_context(connecting)
            asking_ = asyncio.create_task(client.call_tool("ask", ASKED, progress_callback=notified))
            await going_on.wait()
            asking_.cancel()
            await asyncio.wait([asking_])
            await asyncio.to_thread(provider.closed.wait, PATIENCE_SECONDS)
            return str((await client.call_tool("recall", {"query": "tea"})).content)

    assert "Tea!" in asyncio.run(run())
    assert provider.closed.is_set()
    assert SEARCH in said


def test_a_client_that_leaves_stops_the_work(asking: Server, provider: HangingProvider) -> None:
    provider.expect()
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ask", "arguments": ASKED}}
    body = json.dumps(call).encode()
    head = "POST /mcp/demo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Accept: {ACCEPTED['Accept']}\r\nContent-Length: {len(body)}\r\n\r\n"
    with connect(asking) as connection:
        connection.sendall(head.encode() + body)
        assert provider.asked.wait(PATIENCE_SECONDS)
        assert not provider.closed.is_set()
    assert provider.closed.wait(PATIENCE_SECONDS)


def test_events_are_for_clients_that_follow_progress(server: Server, fresh: Callable[[str], str]) -> None:
    meta = {"progressToken": 1}
    call = {"name": "recall", "arguments": {"query": "tea"}}
    with server.client(headers=ACCEPTED) as http:
        path = f"/mcp/{fresh('workspace')}"
        body: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        assert http.post(path, json=body).headers["Content-Type"] == "application/json"
        body["params"] = {**call, "_meta": meta}
        assert http.post(path, json=body).headers["Content-Type"].startswith("text/event-stream")
        assert (
            http.post(path, json=body, headers={"Accept": "application/json"}).headers["Content-Type"]
            == "application/json"
        )


def test_bodies_that_cannot_be_read_are_explained(server: Server, http: httpx.Client, tmp_path: Path) -> None:
    def refused(content: bytes, **headers: str) -> tuple[int, str]:
        answer = http.post("/mcp", content=content, headers={"Content-Type": "application/json", **ACCEPTED, **headers})
        return answer.status_code, answer.text

    assert refused(b"{")[0] == 400
    assert "Parse error" in refused(b"{")[1]
    assert refused(b"[]")[0] == 400
    assert refused(b"{}", **{"Content-Encoding": "gzip"})[0] == 415
    status, text = refused(b'"' + b"x" * 20_000_000 + b'"')
    assert (status, "maximum" in text) == (413, True)


def test_half_an_emoji_is_stored_as_over_the_api(server: Server, fresh: Callable[[str], str]) -> None:
    said = r'{"peer_id": "alice", "content": "tea \ud83c"}'
    call = rf'{{"name": "remember", "arguments": {{"session_id": "s", "messages": [{said}]}}}}'
    body = rf'{{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {call}}}'
    with server.client(headers={"Content-Type": "application/json", **ACCEPTED}) as http:
        id = fresh("workspace")
        (stored,) = http.post(f"/mcp/{id}", content=body.encode()).json()["result"]["structuredContent"]["message_ids"]
        message = http.get(f"/v3/workspaces/{id}/sessions/s/messages/{stored}").json()
    assert message["content"] == "tea �"
