"""The limits of metadata, which are the same for all resources."""

from __future__ import annotations

from typing import Any

import pytest

from tests.handlers.workspace import WorkspaceClient


def nested(levels: int) -> Any:
    """Nested arrays of a given depth."""
    found: Any = []
    for _ in range(levels - 1):
        found = [found]
    return found


WHERE: dict[str, tuple[str, str, list[str | int]]] = {
    # the request, and the location of metadata in its body
    "a new workspace": ("POST", "/v3/workspaces", ["metadata"]),
    "a workspace": ("PUT", "/v3/workspaces/{}", ["metadata"]),
    "a new peer": ("POST", "/v3/workspaces/{}/peers", ["metadata"]),
    "a peer": ("PUT", "/v3/workspaces/{}/peers/it", ["metadata"]),
    "a new session": ("POST", "/v3/workspaces/{}/sessions", ["metadata"]),
    "a session": ("PUT", "/v3/workspaces/{}/sessions/it", ["metadata"]),
    "a new message": ("POST", "/v3/workspaces/{}/sessions/it/messages", ["messages", 0, "metadata"]),
    "a message": ("PUT", "/v3/workspaces/{}/sessions/it/messages/{}", ["metadata"]),
}
FIVE_DEEP: Any = {"1": {"2": {"3": {"4": {}}}}}
GOOD = {
    "100 keys": {str(n): n for n in range(100)},
    "five objects deep": FIVE_DEEP,
    "deep in arrays": {"1": [[[[[[{"2": {}}]]]]]]},
    "99 arrays deep": {"1": nested(99)},
    "integers of any size": {
        "n": [2**53 + 1, 2**63, 2**64 - 1, 2**64, 2**64 + 1, 10**300],
        "m": [-(2**63), -(2**63) - 1, -(2**64)],
    },
    "other numbers": {"n": [0, 1, 1.5, 1e300, 123456789.125]},
    "65,536 bytes": {"a": "x" * (65_536 - 8)},
    "any JSON": {"": None, "é": [1.5, True, "x"], "n": 2**53},
}
BAD = {
    "101 keys": {str(n): n for n in range(101)},
    "six objects deep": {"0": FIVE_DEEP},
    "100 arrays deep": {"1": nested(100)},
    "65,537 bytes": {"a": "x" * (65_537 - 8)},
    "65,538 bytes of UTF-8": {"a": "é" * 32_765},
    "an array": [1],
    "a text": "{}",
}


def send(workspace_client: WorkspaceClient, where: str, metadata: Any) -> Any:
    method, path, [*outer, _] = WHERE[where]
    body: Any = {"metadata": metadata}
    if outer:
        body = {"messages": [{"peer_id": "alice", "content": "hi", **body}]}
    elif method == "POST":
        body["id"] = workspace_client.id if path == "/v3/workspaces" else "it"
    message_id = workspace_client.say("it", "hi")[0]["id"] if where == "a message" else ""
    return workspace_client.http.request(method, path.format(workspace_client.id, message_id), json=body)


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("metadata", [*GOOD.values()], ids=[*GOOD])
def test_metadata_within_the_limits_is_returned_unchanged(
    metadata: Any, where: str, workspace_client: WorkspaceClient
) -> None:
    answer = send(workspace_client, where, metadata).json()
    assert (answer[0] if isinstance(answer, list) else answer)["metadata"] == metadata


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("metadata", [*BAD.values()], ids=[*BAD])
def test_metadata_beyond_the_limits_is_refused_with_its_location(
    metadata: Any, where: str, workspace_client: WorkspaceClient
) -> None:
    refused = send(workspace_client, where, metadata)
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == ["body", *WHERE[where][2]]
    assert where == "a message" or not workspace_client.was_there()


def test_invalid_metadata_is_refused_for_an_existing_workspace_too(workspace_client: WorkspaceClient) -> None:
    assert not workspace_client.was_there()
    assert send(workspace_client, "a new workspace", BAD["101 keys"]).status_code == 422


def test_nul_characters_are_removed_from_keys_and_strings(workspace_client: WorkspaceClient) -> None:
    given = {"a\0": "b\0", "deep": [{"\0c": ["\0"]}]}
    clean = {"a": "b", "deep": [{"c": [""]}]}
    assert workspace_client.peer("alice", metadata=given, configuration=given)["configuration"] == clean
    assert workspace_client.session("it", metadata=given, configuration={"own": given})["metadata"] == clean
    assert workspace_client.session("it")["configuration"] == {"own": clean}
    assert workspace_client.peer("alice")["metadata"] == clean


LONG = {"n": 2**64 + 1, "m": [-(2**70), {"k": 10**30}]}


def test_configuration_keeps_integers_of_any_size(workspace_client: WorkspaceClient) -> None:
    assert workspace_client.peer("alice", configuration=LONG)["configuration"] == LONG
    assert workspace_client.session("it", configuration={"own": LONG})["configuration"]["own"] == LONG
    assert workspace_client.ok("PUT", "", {"configuration": {"own": LONG}})["configuration"]["own"] == LONG


def test_a_clone_keeps_integers_of_any_size(workspace_client: WorkspaceClient) -> None:
    workspace_client.session("it", metadata=LONG, configuration={"own": LONG})
    workspace_client.ok(
        "POST", "/sessions/it/messages", {"messages": [{"peer_id": "alice", "content": "", "metadata": LONG}]}
    )
    copy = workspace_client.ok("POST", "/sessions/it/clone")
    assert (copy["metadata"], copy["configuration"]) == (LONG, {"own": LONG})
    assert workspace_client.ok("POST", f"/sessions/{copy['id']}/messages/list")["items"][0]["metadata"] == LONG


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, 2**64, 10**30, -(2**63) - 1])
def test_a_filter_matches_an_integer_of_any_size_exactly(number: int, workspace_client: WorkspaceClient) -> None:
    for offset in (-1, 0, 1):
        workspace_client.peer(f"p{offset}", metadata={"n": number + offset, "deep": {"n": number + offset}})
    for filters in (
        {"metadata": {"n": number}},
        {"metadata": {"deep": {"n": number}}},
        {"metadata": {"n": {"in": [number]}}},
        {"metadata": {"n": {"gt": number - 1, "lt": number + 1}}},
    ):
        assert [each["id"] for each in workspace_client.ok("POST", "/peers/list", {"filters": filters})["items"]] == [
            "p0"
        ]


def test_a_request_with_long_integers_may_be_repeated(workspace_client: WorkspaceClient) -> None:
    body = {"messages": [{"peer_id": "alice", "content": "hi", "metadata": LONG}]}
    key = {"Idempotency-Key": "turn-1"}
    first = workspace_client.ok("POST", "/sessions/it/messages", body, headers=key)
    assert workspace_client.ok("POST", "/sessions/it/messages", body, headers=key) == first
    assert first[0]["metadata"] == LONG


def test_a_fault_echoes_an_integer_of_any_size(workspace_client: WorkspaceClient) -> None:
    refused = workspace_client.call("POST", "/peers", {"id": 2**70})
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["input"] == 2**70
