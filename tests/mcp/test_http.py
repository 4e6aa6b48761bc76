"""MCP over HTTP: the core tools, their addresses, keys and errors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client

from omoide.core import clock
from omoide.core.auth import Keyring, Principal
from omoide.inference.tokens import TokenCounter
from tests.conftest import SECRET
from tests.handlers.workspace import until
from tests.mcp.client import called, connected
from tests.mcp.conversation import explained_corrected_and_forgotten, remembered
from tests.server_process import Server

MOST_TOKENS = 2_500
CORE = {"recall", "remember", "context", "ask", "explain", "correct", "forget", "list", "status"}
LISBON = {"peer_id": "alice", "content": "I live in Lisbon."}


@pytest.fixture(scope="module")
def learning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that reasons about messages at once."""
    running = Server(tmp_path_factory.mktemp("mcp") / "omoide.db", debounce_seconds="0")
    yield running
    running.stop()


def tools_of(url: str) -> list[dict[str, Any]]:
    async def tools(client: Client) -> list[dict[str, Any]]:
        listed = (await client.list_tools()).tools
        return [tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in listed]

    return connected(url, tools)


def test_the_core_tools_cost_a_model_few_tokens(server: Server) -> None:
    tools = tools_of(f"{server.url}/mcp")
    assert {tool["name"] for tool in tools} == CORE
    assert TokenCounter().count(json.dumps(tools, ensure_ascii=False)) <= MOST_TOKENS


def test_an_address_with_a_workspace_fixes_it(server: Server, fresh: Callable[[str], str]) -> None:
    open_tools, fixed = tools_of(f"{server.url}/mcp"), tools_of(f"{server.url}/mcp/{fresh('workspace')}")
    assert all("workspace_id" in tool["inputSchema"]["required"] for tool in open_tools)
    assert not any("workspace_id" in tool["inputSchema"]["properties"] for tool in fixed)


@pytest.mark.parametrize("address", ["/mcp", "/mcp/", "/mcp/{id}", "/mcp/{id}/"])
def test_each_address_answers_without_a_redirect(server: Server, fresh: Callable[[str], str], address: str) -> None:
    id = fresh("workspace")
    asked = {} if "{id}" in address else {"workspace_id": id}
    text, said = called(server.url + address.format(id=id), "remember", session_id="s", messages=[LISBON], **asked)
    assert said["message_ids"], text
    assert called(f"{server.url}/mcp/{id}", "list", kind="peers")[1]["total"] == 1


def test_the_header_of_the_original_names_the_workspace(server: Server, fresh: Callable[[str], str]) -> None:
    id = fresh("workspace")
    headers = {"X-Honcho-Workspace-ID": id}
    called(f"{server.url}/mcp", "remember", headers, session_id="s", messages=[LISBON])
    assert called(f"{server.url}/mcp/{id}", "list", kind="peers")[1]["total"] == 1


def id_of(content: str, text: str) -> str:
    """The id of the conclusion with this content in a text of recall."""
    found = re.search(rf"{re.escape(content)} \[conclusion ([\w-]+)\]", text)
    assert found, text
    return found[1]


def test_a_noted_fact_is_known_at_once_and_only_once(server: Server, fresh: Callable[[str], str]) -> None:
    url = f"{server.url}/mcp/{fresh('workspace')}"
    fact = {"peer_id": "alice", "content": "alice is vegetarian"}
    text, first = called(url, "remember", facts=[fact])
    assert called(url, "remember", facts=[fact, fact])[1]["conclusion_ids"] == first["conclusion_ids"] * 2, text
    found = called(url, "recall", query="What does alice eat?")[0]
    assert id_of("alice is vegetarian", found) == first["conclusion_ids"][0]
    assert "is vegetarian" in called(url, "context", peer_id="alice")[0]


def test_an_answer_says_little_besides(server: Server, fresh: Callable[[str], str]) -> None:
    url = f"{server.url}/mcp/{fresh('workspace')}"
    long = [{"peer_id": "alice", "content": f"I bought {n} books about trains. " * 50} for n in range(20)]
    count = TokenCounter().count
    assert count(called(url, "remember", session_id="s", messages=long)[0]) < 600
    assert count(called(url, "status")[0]) < 60
    assert count(called(url, "list", kind="sessions")[0]) < 100
    assert count(called(url, "ask", peer_id="alice", query="What did I buy?")[0]) < 2_500


def has_learned(url: str, headers: Mapping[str, str]) -> bool:
    status = called(url, "status", headers)[1]
    return bool(status["completed_work_units"]) and not status["pending_work_units"]


@pytest.mark.parametrize("with_key", [False, True])
def test_memory_is_recalled_explained_corrected_and_forgotten(
    request: pytest.FixtureRequest, fresh: Callable[[str], str], with_key: bool
) -> None:
    id = fresh("workspace")
    running: Server = request.getfixturevalue("guarded" if with_key else "learning")
    key = Keyring(SECRET).mint(Principal(workspace=id), now=clock.now())
    headers = {"Authorization": f"Bearer {key}"} if with_key else {}
    url = f"{running.url}/mcp/{id}"
    message_id = connected(url, remembered, headers)
    httpx.post(f"{running.url}/v3/workspaces/{id}/queue/flush", headers=headers).raise_for_status()
    until(lambda: has_learned(url, headers))
    connected(url, lambda client: explained_corrected_and_forgotten(client, message_id), headers)


def test_recall_keeps_to_its_budget(server: Server, fresh: Callable[[str], str]) -> None:
    url = f"{server.url}/mcp/{fresh('workspace')}"
    told = [{"peer_id": "alice", "content": f"The train to Porto number {n} is late. " * n} for n in range(1, 41)]
    called(url, "remember", session_id="s", messages=told)
    for budget in (50, 300, 3000):
        text, found = called(url, "recall", query="the train to Porto", max_tokens=budget)
        assert found["token_count"] == TokenCounter().count(text) <= budget
        assert "[message " in text


def test_recall_of_a_session_reads_only_its_messages(server: Server, fresh: Callable[[str], str]) -> None:
    url = f"{server.url}/mcp/{fresh('workspace')}"
    for session in ("one", "two"):
        called(url, "remember", session_id=session, messages=[LISBON])
    text, _ = called(url, "recall", query="Lisbon", session_id="two")
    assert " in two: " in text
    assert " in one: " not in text


def test_recall_about_a_peer_reads_no_sessions_of_others(server: Server, fresh: Callable[[str], str]) -> None:
    url = f"{server.url}/mcp/{fresh('workspace')}"
    called(url, "remember", session_id="hers", messages=[LISBON])
    called(url, "remember", session_id="his", messages=[{"peer_id": "bob", "content": "Lisbon is too hot for me."}])
    text, _ = called(url, "recall", query="Lisbon", peer_id="alice")
    assert " in hers: " in text
    assert " in his: " not in text


def test_lists_show_peers_or_sessions(server: Server, fresh: Callable[[str], str]) -> None:
    url = f"{server.url}/mcp/{fresh('workspace')}"
    called(url, "remember", session_id="s", messages=[LISBON])
    assert [item["id"] for item in called(url, "list", kind="peers")[1]["items"]] == ["alice"]
    assert [item["id"] for item in called(url, "list", kind="sessions", reverse=True)[1]["items"]] == ["s"]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("recall", {}, "Missing: query."),
        ("recall", {"query": "x", "max_tokens": 1}, "max_tokens must be at least 50."),
        ("recall", {"query": "x", "limit": 1}, "Unknown: limit. recall takes"),
        ("remember", {}, "messages: give messages, facts, or both"),
        ("remember", {"messages": [LISBON]}, "session_id: messages need a session_id"),
        ("remember", {"facts": [{"peer_id": "alice", "content": " "}]}, "facts.0.content: Content is blank"),
        ("context", {}, "peer_id: give a peer_id, a session_id, or both"),
        ("list", {"kind": "cats"}, "kind must be one of: peers, sessions."),
        ("remember", {"session_id": "s", "messages": [{"content": "x"}]}, "messages.0.peer_id: Field required"),
        ("forget", {"conclusion_id": "a/../b"}, "a/../b not found"),
        ("dance", {}, "There is no tool 'dance'; there are: "),
    ],
)
def test_errors_say_what_to_do(
    server: Server, fresh: Callable[[str], str], tool: str, arguments: dict[str, Any], said: str
) -> None:
    text, value = called(f"{server.url}/mcp/{fresh('workspace')}", tool, **arguments)
    assert said in text
    assert value is None


def test_keys_decide_as_over_the_api(guarded: Server, fresh: Callable[[str], str]) -> None:
    id = fresh("workspace")
    url = f"{guarded.url}/mcp/{id}"
    key = Keyring(SECRET).mint(Principal(workspace=id), now=clock.now())
    own = {"Authorization": f"Bearer {key}"}
    assert called(url, "remember", own, session_id="s", messages=[LISBON])[1]
    text, value = called(f"{guarded.url}/mcp/other", "recall", own, query="Lisbon")
    assert (text, value) == ("Unauthorized access to resource", None)


def test_without_a_key_the_answer_is_401(guarded: Server) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    with guarded.client() as http:
        refused = http.post("/mcp", json=body)
    assert (refused.status_code, refused.headers["WWW-Authenticate"][:7]) == (401, "Bearer ")


def test_pages_of_other_origins_are_refused(server: Server, http: httpx.Client) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert http.post("/mcp", json=body, headers={"Origin": "https://evil.example"}).status_code == 403


def test_other_methods_are_refused(http: httpx.Client) -> None:
    for method in ("GET", "DELETE"):
        refused = http.request(method, "/mcp", headers={"Accept": "text/event-stream"})
        assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")


def test_a_server_without_the_package_says_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['mcp'] = sys.modules['mcp_types'] = None\n")
    running = Server(tmp_path / "omoide.db", python_path=str(tmp_path))
    try:
        refused = httpx.post(f"{running.url}/mcp", json={})
        assert refused.status_code == 501
        assert "pip install 'omoide[mcp]'" in refused.json()["detail"]
        assert httpx.get(f"{running.url}/health").status_code == 200
    finally:
        running.stop()
