"""The full set of tools, under the names and arguments of the original: each is called, and its effect looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from omoide.core import clock
from omoide.core.auth import Keyring, Principal
from tests.conftest import SECRET
from tests.handlers.workspace import until
from tests.mcp.agent import Machine
from tests.mcp.client import called, connected, declared
from tests.server_process import Server

FULL = {
    *("list_workspaces", "create_workspace", "inspect_workspace", "search", "get_metadata", "set_metadata"),
    *("workspace_chat", "create_peer", "list_peers", "chat", "get_peer_card", "set_peer_card", "get_peer_context"),
    *("get_representation", "create_session", "delete_session", "inspect_session", "get_session_peers"),
    *("list_sessions", "clone_session", "add_peers_to_session", "remove_peers_from_session"),
    *("add_messages_to_session", "get_session_messages", "get_session_message", "get_session_context"),
    *("list_conclusions", "query_conclusions", "get_conclusions", "get_derived_conclusions", "create_conclusions"),
    *("delete_conclusion", "schedule_dream", "get_queue_status"),
}
LISBON = {"peer_id": "alice", "content": "I live in Lisbon.", "metadata": {"mood": "good"}}
SIEMENS = {"peer_id": "bob", "content": "I work at Siemens."}


class Caller:
    """Calls tools of one connection, which validates what is returned against the schemas that are listed."""

    def __init__(self, client: Client, used: set[str]) -> None:
        self.client = client
        self.used = used

    async def __call__(self, tool: str, /, **arguments: Any) -> Any:
        self.used.add(tool)
        return await declared(self.client, tool, arguments)

    async def ids(self, tool: str, /, **arguments: Any) -> list[str]:
        return [item["id"] for item in (await self(tool, **arguments))["items"]]


@pytest.fixture(scope="module")
def learning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that reasons about messages at once, and has the full set at `/mcp`."""
    running = Server(tmp_path_factory.mktemp("mcp") / "omoide.db", debounce_seconds="0", mcp_tools="full")
    yield running
    running.stop()


def test_each_tool_has_its_effect(learning: Server, fresh: Callable[[str], str]) -> None:
    id, used = fresh("workspace"), set[str]()
    url = f"{learning.url}/mcp/{id}"

    async def begin(client: Client) -> None:
        listed = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(listed) == FULL
        assert all(tool.output_schema and tool.annotations for tool in listed.values())
        call = Caller(client, used)
        await _workspace(call, id)
        await _session(call)
        await _metadata(call)

    async def continue_(client: Client) -> None:
        call = Caller(client, used)
        await _conclusions(call)
        await _knowledge(call)
        await _endings(call)

    def is_learned() -> bool:
        status = called(url, "get_queue_status")[1]
        return bool(status["completed_work_units"]) and not status["pending_work_units"]

    connected(url, begin)
    until(is_learned)
    connected(url, continue_)
    assert used == FULL


async def _workspace(call: Caller, id: str) -> None:
    assert (await call("create_workspace", metadata={"team": "research"}))["id"] == id
    assert id in await call.ids("list_workspaces", size=100)
    await call("create_peer", peer_id="alice", configuration={"observe_me": True})
    await call("create_session", session_id="first")


async def _session(call: Caller) -> None:
    peers = [{"peer_id": "alice"}, {"peer_id": "bob", "observe_others": True}, {"peer_id": "carl"}]
    await call("add_peers_to_session", session_id="first", peers=peers)
    assert await call.ids("get_session_peers", session_id="first") == ["alice", "bob", "carl"]
    await call("remove_peers_from_session", session_id="first", peer_ids=["carl"])
    added = (await call("add_messages_to_session", session_id="first", messages=[LISBON, SIEMENS]))["result"]
    said = await call("get_session_messages", session_id="first", filters={"peer_id": "bob"})
    assert said["items"] == [added[1]]
    first = await call("get_session_message", session_id="first", message_id=added[0]["id"])
    assert (first, first["metadata"]) == (added[0], LISBON["metadata"])
    context = await call("get_session_context", session_id="first", summary=False, tokens=200)
    assert context["messages"] == added
    held = await call("inspect_session", session_id="first")
    assert held["messages"] == 2
    assert held["peers"] == [
        {"id": "alice", "observe_me": None, "observe_others": None},
        {"id": "bob", "observe_me": None, "observe_others": True},
    ]
    whole = await call("inspect_workspace")
    assert (whole["peers"], whole["sessions"], whole["messages"]) == (3, 1, 2)
    assert whole["metadata"] == {"team": "research"}
    assert await call.ids("list_peers") == ["alice", "bob", "carl"]
    copy = await call("clone_session", session_id="first", message_id=added[0]["id"])
    assert await call.ids("list_sessions") == ["first", copy["id"]]


async def _metadata(call: Caller) -> None:
    owners: list[dict[str, str]] = [{}, {"peer_id": "alice"}, {"session_id": "first"}]
    for n, owner in enumerate(owners):
        await call("set_metadata", metadata={"number": n}, **owner)
    assert [(await call("get_metadata", **owner))["metadata"]["number"] for owner in owners] == [0, 1, 2]


async def _conclusions(call: Caller) -> None:
    (own,) = await call.ids("list_conclusions", peer_id="alice")
    (of_bob,) = await call.ids("list_conclusions", peer_id="bob", target="alice")
    assert own != of_bob
    given = {"peer_id": "bob", "target": "alice"}
    stored = await call("create_conclusions", conclusions=["alice likes tea", "alice owns a boat"], **given)
    tea, boat = (each["id"] for each in stored["result"])
    ids = await call.ids("get_conclusions", conclusion_ids=[own, tea], **given)
    assert ids == [tea]
    found = await call("query_conclusions", query="a boat", filters={"level": "explicit"}, top_k=1, **given)
    assert [each["id"] for each in found["result"]] == [boat]
    assert await call.ids("get_derived_conclusions", conclusion_id=tea, **given) == []
    await call("delete_conclusion", conclusion_id=tea, **given)
    assert tea not in await call.ids("list_conclusions", **given)


async def _knowledge(call: Caller) -> None:
    given = {"peer_id": "bob", "target": "alice"}
    answer = await call("chat", peer_id="bob", target_peer_id="alice", query="Where does alice live?")
    assert "Lisbon" in answer["content"]
    assert "Lisbon" in (await call("workspace_chat", query="Where does alice live?"))["content"]
    await call("set_peer_card", peer_card=["IDENTITY: Alice"], **given)
    assert (await call("get_peer_card", **given))["peer_card"] == ["IDENTITY: Alice"]
    known = await call("get_peer_context", search_query="home", max_conclusions=1, **given)
    assert "Lisbon" in known["representation"]
    of_session = await call("get_representation", session_id="first", **given)
    assert "Lisbon" in of_session["representation"]
    assert "boat" not in of_session["representation"]
    found = await call("search", query="Lisbon", peer_id="alice", message_limit=1, conclusion_top_k=1)
    assert [each["content"] for each in found["messages"]] == [LISBON["content"]]
    assert [each["content"] for each in found["conclusions"]] == ["alice lives in Lisbon"]


async def _endings(call: Caller) -> None:
    before = await call("get_queue_status")
    await call("schedule_dream", peer_id="bob", target="alice")
    assert (await call("get_queue_status"))["total_work_units"] == before["total_work_units"] + 1
    await call("delete_session", session_id="first")
    assert "first" not in await call.ids("list_sessions")


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("get_metadata", {"peer_id": "a", "session_id": "s"}, "Give only one of: peer_id, session_id."),
        ("get_metadata", {"peer_id": "nobody"}, "Peer nobody not found"),
        ("get_metadata", {"peer_id": ""}, "peer_id must be an id."),
        ("get_session_context", {"session_id": "s", "tokens": -1}, "tokens must be at least 1."),
        ("add_messages_to_session", {"session_id": "s", "messages": ["hi"]}, "messages.0: Input should be an object"),
        ("schedule_dream", {"peer_id": "nobody"}, "Peer nobody not found"),
        ("list_conclusions", {}, "Missing: peer_id."),
        ("chat", {"peer_id": "a", "query": "x", "target_peer_id": 5}, "target_peer_id must be text."),
        ("query_conclusions", {"peer_id": "a", "query": "x", "filters": "y"}, "filters must be an object."),
        (
            "query_conclusions",
            {"peer_id": "a", "query": "x", "filters": {"observer_id": "b"}},
            "filters.observer_id must not differ from peer_id: leave it out.",
        ),
        (
            "create_conclusions",
            {"peer_id": "a", "target": "a", "conclusions": ["x", 5]},
            "conclusions.1: Input should be a valid string",
        ),
        ("add_peers_to_session", {"session_id": "s", "peers": [{"name": "a"}]}, "peers.0.peer_id is missing"),
        (
            "add_peers_to_session",
            {"session_id": "s", "peers": [{"peer_id": "a", "observe_me": "perhaps"}]},
            "peers.a.observe_me: Input should be a valid boolean",
        ),
        ("create_peer", {"peer_id": "a b"}, "peer_id: String should match pattern"),
        ("get_session_context", {"session_id": ["s"]}, "session_id must be text."),
        ("list_peers", {"workspace_id": "other"}, "The tools at this address are about the workspace"),
        ("recall", {"query": "x"}, "There is no tool 'recall'; there are: "),
    ],
)
def test_errors_name_the_arguments_of_the_tool(
    server: Server, fresh: Callable[[str], str], tool: str, arguments: dict[str, Any], said: str
) -> None:
    text, value = called(f"{server.url}/mcp/full/{fresh('workspace')}", tool, **arguments)
    assert said in text
    assert value is None


def test_arguments_that_are_null_are_not_given(server: Server, fresh: Callable[[str], str]) -> None:
    url = f"{server.url}/mcp/full/{fresh('workspace')}"
    called(url, "add_messages_to_session", session_id="s", messages=[LISBON])
    text, page = called(url, "list_conclusions", peer_id="alice", target=None, page=None, size=None)
    assert page, text
    assert called(url, "get_metadata", peer_id=None, session_id="s")[1]["id"] == "s"


def test_a_workspace_is_named_by_address_header_or_argument(server: Server, fresh: Callable[[str], str]) -> None:
    first, second = fresh("workspace"), fresh("workspace")
    for id in (first, second, "full"):
        called(f"{server.url}/mcp/full/{id}", "create_peer", peer_id="only")
    header = {"X-Honcho-Workspace-ID": first}
    url = f"{server.url}/mcp/full"
    assert called(url, "get_metadata", header)[1]["id"] == first
    assert called(url, "get_metadata", header, workspace_id=second)[1]["id"] == second
    assert called(f"{url}/", "get_metadata", workspace_id=first)[1]["id"] == first
    assert called(f"{url}/full/", "get_metadata")[1]["id"] == "full"
    assert [each["id"] for each in called(f"{server.url}/mcp/core/full", "list", kind="peers")[1]["items"]] == ["only"]
    text, _ = called(url, "get_metadata")
    assert text.startswith("Missing: workspace_id. Give it as an argument, in the address (/mcp/full/WORKSPACE), or")


@pytest.mark.parametrize(("flags", "tool"), [(("--tools", "full"), "list_peers"), ((), "list")])
def test_stdio_has_both_sets_of_a_workspace_called_full(
    server: Server, tmp_path: Path, flags: tuple[str, ...], tool: str
) -> None:
    async def peers() -> set[str]:
        async with Machine(tmp_path).agent("--url", server.url, "--workspace", "full", *flags) as client:
            schemas = {each.name: each.input_schema for each in (await client.list_tools()).tools}
            return set(schemas[tool]["properties"])

    assert "workspace_id" not in asyncio.run(peers())


def test_narrow_keys_decide_as_over_the_api(guarded: Server, fresh: Callable[[str], str]) -> None:
    id = fresh("workspace")
    url = f"{guarded.url}/mcp/full/{id}"

    def key(peer: str | None = None, session: str | None = None) -> dict[str, str]:
        principal = Principal(workspace=id, peer=peer, session=session)
        return {"Authorization": f"Bearer {Keyring(SECRET).mint(principal, now=clock.now())}"}

    whole, alice, first = key(), key(peer="alice"), key(session="first")
    for session in ("first", "second"):
        called(url, "add_messages_to_session", whole, session_id=session, messages=[LISBON])
    refused = ("JWT not permissioned for this resource", None)
    assert called(url, "get_metadata", alice, peer_id="alice")[1]["id"] == "alice"
    assert called(url, "get_metadata", alice, peer_id="bob") == refused
    assert called(url, "get_metadata", alice) == refused
    assert called(url, "inspect_session", first, session_id="first")[1]["messages"] == 1
    assert called(url, "inspect_session", first, session_id="second") == refused
    assert called(url, "search", first, query="Lisbon") == refused
    assert called(url, "list_workspaces", whole) == ("Resource requires admin privileges", None)
