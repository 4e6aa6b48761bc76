"""What the tools of both sets declare is true: schemas of results, hints, and the examples in descriptions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from mcp import Client

from tests.mcp.client import called, connected, declared
from tests.server_process import Server

SETS = ("core", "full")
SAID = {"peer_id": "alice", "content": "I like tea.", "metadata": {"topic": "travel", "uid": None}}
IDS: Mapping[str, Any] = {
    "conclusion_id": "unknown",
    "conclusion_ids": ["unknown"],
    "kind": "peers",
    "message_id": "unknown",
    "peer_id": "unknown",
    "query": "Who is it?",
    "session_id": "unknown",
}
"""Arguments that name nothing that exists."""
EXAMPLE = re.compile(r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}")
"""An object in a text, with at most two levels of objects in it."""


async def _tools(client: Client) -> dict[str, Any]:
    return {tool.name: tool for tool in (await client.list_tools()).tools}


@pytest.mark.parametrize("tool_set", SETS)
def test_tools_that_are_marked_as_reading_change_nothing(
    server: Server, fresh: Callable[[str], str], tool_set: str
) -> None:
    id = fresh("workspace")
    tools = connected(f"{server.url}/mcp/{tool_set}/{id}", _tools)
    reading = {name: tool for name, tool in tools.items() if tool.annotations.read_only_hint}
    for name, tool in reading.items():
        called(f"{server.url}/mcp/{tool_set}/{id}", name, **{each: IDS[each] for each in tool.input_schema["required"]})
    assert {"ask", "chat"} & set(reading)
    with server.client() as http:
        assert http.get(f"/v3/workspaces/{id}").status_code == 404


@pytest.mark.parametrize("tool_set", SETS)
def test_each_tool_says_what_it_changes_and_what_it_takes(server: Server, tool_set: str) -> None:
    for name, tool in connected(f"{server.url}/mcp/{tool_set}/any", _tools).items():
        hints = tool.annotations
        assert hints.open_world_hint is False, name
        assert hints.read_only_hint or None not in (hints.destructive_hint, hints.idempotent_hint), name
        for argument, schema in tool.input_schema["properties"].items():
            if schema.get("type") == "object":
                assert EXAMPLE.search(schema["description"]) or schema["properties"], (name, argument)


def test_results_of_core_tools_have_the_fields_that_are_declared(server: Server, fresh: Callable[[str], str]) -> None:
    used = set[str]()

    async def use(client: Client) -> None:
        async def call(tool: str, **arguments: Any) -> Any:
            used.add(tool)
            return await declared(client, tool, arguments)

        (first, second) = (
            await call(
                "remember",
                session_id="s",
                messages=[SAID],
                facts=[{"peer_id": "alice", "content": fact} for fact in ("alice sings", "alice owns a boat")],
            )
        )["conclusion_ids"]
        await call("context", peer_id="alice", session_id="s")
        assert "boat" in (await call("recall", query="What does alice own?"))["text"]
        await call("ask", peer_id="alice", query="What does alice own?")
        for kind in ("peers", "sessions"):
            assert (await call("list", kind=kind))["items"]
        await call("explain", conclusion_id=first)
        await call("correct", conclusion_id=first, content="alice whistles")
        await call("forget", conclusion_id=second)
        await call("status")
        assert used == {tool.name for tool in (await client.list_tools()).tools}

    connected(f"{server.url}/mcp/core/{fresh('workspace')}", use)


def test_examples_in_descriptions_are_accepted_and_select_messages(server: Server, fresh: Callable[[str], str]) -> None:
    url = f"{server.url}/mcp/full/{fresh('workspace')}"
    needed = {"messages": [SAID], "session_id": "s", "peer_id": "alice", "query": "tea"}
    called(url, "add_messages_to_session", session_id="s", messages=[SAID])
    tried = 0
    for name, tool in connected(url, _tools).items():
        for argument, schema in tool.input_schema["properties"].items():
            for example in EXAMPLE.findall(schema.get("description", "")):
                given = {each: needed[each] for each in tool.input_schema["required"] if each != argument}
                text, value = called(url, name, **given, **{argument: json.loads(example)})
                assert value is not None, (name, argument, example, text)
                assert "message" not in name + argument or argument == "metadata" or "I like tea." in text
                tried += 1
    assert tried >= 10


def test_what_callers_stored_is_shown_as_it_is(server: Server, fresh: Callable[[str], str]) -> None:
    id = fresh("workspace")
    own: dict[str, Any] = {"uid": "7", "none": None, "empty": {}, "sessions": []}
    called(f"{server.url}/mcp/full/{id}", "set_metadata", peer_id="alice", metadata=own)
    for tool_set, tool, arguments in (("core", "list", {"kind": "peers"}), ("full", "list_peers", {})):
        text, value = called(f"{server.url}/mcp/{tool_set}/{id}", tool, **arguments)
        assert value["items"][0]["metadata"] == own
        assert json.loads(text)["items"][0]["metadata"] == own


def test_nothing_found_is_said_in_words(server: Server, fresh: Callable[[str], str]) -> None:
    url = f"{server.url}/mcp/full/{fresh('workspace')}"
    assert called(url, "search", query="tea") == ("Nothing was found.", {"messages": [], "conclusions": []})
    assert called(url, "query_conclusions", peer_id="alice", query="tea") == ("Nothing was found.", {"result": []})


def test_arguments_and_filters_of_a_search_both_apply(server: Server, fresh: Callable[[str], str]) -> None:
    url = f"{server.url}/mcp/full/{fresh('workspace')}"
    bob = {"peer_id": "bob", "content": "I like tea."}
    called(url, "add_messages_to_session", session_id="s", messages=[SAID, bob])

    def found(filters: dict[str, Any], **arguments: Any) -> list[str]:
        value = called(url, "search", query="tea", message_filters=filters, **arguments)[1]
        return [each["peer_id"] for each in value["messages"]]

    assert found({"peer_id": "bob"}) == ["bob"]
    assert found({"peer_id": "bob"}, peer_id="alice") == []
    assert found({"peer_id": ["alice", "bob"], "AND": [{"session_id": "s"}]}, peer_id="alice") == ["alice"]
    wrong = {"peer_id": "bob", "AND": {}}
    assert "AND operator must contain a list" in called(url, "search", query="tea", message_filters=wrong)[0]
