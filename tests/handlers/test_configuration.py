"""Configuration of workspaces and sessions: how updates are merged, and which are refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.handlers.workspace import WorkspaceClient

SHORT, LONG = "messages_per_short_summary", "messages_per_long_summary"
TOKEN_LIMIT = 2_000

MERGES = {
    "a top-level null removes the key": ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
    "a null for a key that is not there changes nothing": ({"a": 1}, {"b": None}, {"a": 1}),
    "a null removes a whole section": ({"dream": {"enabled": True}}, {"dream": None}, {}),
    "own keys are replaced whole": ({"own": {"x": 1, "y": 2}}, {"own": {"x": 3}}, {"own": {"x": 3}}),
    "nulls inside own keys are kept": ({}, {"own": {"x": None}}, {"own": {"x": None}}),
    "own keys hold any JSON": ({"own": {"x": 1}}, {"own": [1, "two", False]}, {"own": [1, "two", False]}),
    "sections are merged field by field": (
        {"summary": {"enabled": True, SHORT: 15}},
        {"summary": {"enabled": False, LONG: 50}},
        {"summary": {"enabled": False, SHORT: 15, LONG: 50}},
    ),
    "a null inside a section removes the field": (
        {"summary": {"enabled": True, SHORT: 15}},
        {"summary": {SHORT: None}},
        {"summary": {"enabled": True}},
    ),
    "a section of nulls alone is an empty one": ({}, {"dream": {"enabled": None}}, {"dream": {}}),
    "an empty section changes nothing": ({"dream": {"enabled": True}}, {"dream": {}}, {"dream": {"enabled": True}}),
    "unknown fields of sections are dropped": (
        {"peer_card": {"use": True}},
        {"peer_card": {"create": False, "colour": "red"}},
        {"peer_card": {"use": True, "create": False}},
    ),
    "instructions stand at the top and in every section": (
        {},
        {s: {"custom_instructions": s} for s in ("reasoning", "peer_card", "summary", "dream", "dialectic")}
        | {"custom_instructions": "be kind"},
        {s: {"custom_instructions": s} for s in ("reasoning", "peer_card", "summary", "dream", "dialectic")}
        | {"custom_instructions": "be kind"},
    ),
}
WAYS = {
    "PUT workspace": ("PUT", "", {}),
    "PUT session": ("PUT", "/sessions/it", {}),
    "POST session": ("POST", "/sessions", {"id": "it"}),
}

INTERVALS = {
    "equal": ({}, {SHORT: 30, LONG: 30}),
    "short above long": ({}, {SHORT: 31, LONG: 30}),
    "a short one that passes the stored long one": ({SHORT: 20, LONG: 40}, {SHORT: 40}),
    "a long one that falls to the stored short one": ({SHORT: 30}, {LONG: 30}),
    "short below 10": ({}, {SHORT: 9}),
    "long below 20": ({}, {LONG: 19}),
    "half a message": ({}, {SHORT: 10.5}),
    "a text": ({}, {SHORT: "many"}),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("stored", "patch", "result"), [*MERGES.values()], ids=[*MERGES])
def test_an_update_is_merged(stored: Any, patch: Any, result: Any, way: str, workspace_client: WorkspaceClient) -> None:
    method, path, fields = WAYS[way]
    workspace_client.ok(method, path, {**fields, "configuration": stored})
    assert workspace_client.ok(method, path, {**fields, "configuration": patch})["configuration"] == result
    assert workspace_client.ok(method, path, fields)["configuration"] == result


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("stored", "patch"), [*INTERVALS.values()], ids=[*INTERVALS])
def test_invalid_summary_intervals_are_refused(
    stored: Any, patch: Any, way: str, workspace_client: WorkspaceClient
) -> None:
    method, path, fields = WAYS[way]
    workspace_client.ok(method, path, {**fields, "configuration": {"summary": stored}})
    refused = workspace_client.call(
        method, path, {**fields, "metadata": {"new": 1}, "configuration": {"summary": patch}}
    )
    assert refused.status_code == 422
    kept = workspace_client.ok(method, path, fields)
    assert (kept["metadata"], kept["configuration"]) == ({}, {"summary": stored})


def test_the_smallest_summary_intervals_are_accepted(workspace_client: WorkspaceClient) -> None:
    smallest = {"summary": {SHORT: 10, LONG: 20}}
    assert workspace_client.session("it", configuration=smallest)["configuration"] == smallest


def test_a_new_workspace_takes_configuration_by_the_same_rules(workspace_client: WorkspaceClient) -> None:
    def create(configuration: Any) -> Any:
        return workspace_client.http.post(
            "/v3/workspaces", json={"id": workspace_client.id, "configuration": configuration}
        )

    assert create({"summary": {SHORT: 30, LONG: 30}}).status_code == 422
    given = {"own": {"x": None}, "gone": None, "dream": {"enabled": None, "colour": "red"}}
    made = create(given)
    assert made.status_code == 201
    assert made.json()["configuration"] == {"own": {"x": None}, "dream": {}}


@pytest.mark.parametrize("section", [None, "reasoning", "summary", "dialectic"])
def test_instructions_have_a_limit_of_tokens(section: str | None, workspace_client: WorkspaceClient) -> None:
    def put(tokens: int) -> int:
        configuration: Any = {"custom_instructions": " a" * tokens}
        if section:
            configuration = {section: configuration}
        return workspace_client.call("PUT", "/sessions/it", {"configuration": configuration}).status_code

    assert put(TOKEN_LIMIT + 1) == 422
    assert workspace_client.sessions() == []
    assert put(TOKEN_LIMIT) == 200


@pytest.mark.parametrize(("method", "path"), [("POST", "/peers"), ("PUT", "/peers/alice")])
def test_a_peers_observe_me_is_a_boolean_and_other_keys_are_free(
    method: str, path: str, workspace_client: WorkspaceClient
) -> None:
    def send(configuration: Any) -> Any:
        return workspace_client.call(method, path, {"id": "alice", "configuration": configuration})

    assert send({"observe_me": "banana"}).status_code == 422
    assert workspace_client.peers() == []
    free = {"observe_me": None, "colour": "red", "deep": {"nothing": None}}
    assert send(free).json()["configuration"] == free


@pytest.mark.parametrize("summary", [{SHORT: 2**63 - 1}, {LONG: 2**63}, {SHORT: 2**63, LONG: 2**64 - 1}, {SHORT: 1e18}])
def test_a_session_with_huge_summary_intervals_accepts_messages(
    summary: dict[str, float], workspace_client: WorkspaceClient
) -> None:
    assert workspace_client.ok("PUT", "/sessions/it", {"configuration": {"summary": summary}})["configuration"][
        "summary"
    ]
    assert len(workspace_client.say("it", *["Hello."] * 21)) == 21
