"""Implicit creation: which requests create missing resources, and that failed ones create nothing."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.handlers.workspace import WorkspaceClient

HI = {"peer_id": "alice", "content": "hi"}
OBSERVER = {"observe_others": True}
TOO_MANY = {f"observer{n}": OBSERVER for n in range(11)}
SESSION, MEMBERS = "/sessions/it", "/sessions/it/peers"

CREATING = {
    # request (method, path, body), and what then exists: sessions, peers, members of the session
    "POST peers": (("POST", "/peers", {"id": "alice"}), [], ["alice"], []),
    "PUT peer": (("PUT", "/peers/alice", {}), [], ["alice"], []),
    "POST sessions": (("POST", "/sessions", {"id": "it", "peers": {"alice": {}}}), ["it"], ["alice"], ["alice"]),
    "PUT session": (("PUT", SESSION, {}), ["it"], [], []),
    "POST session peers": (("POST", MEMBERS, {"zoe": {}, "adam": {}}), ["it"], ["zoe", "adam"], ["zoe", "adam"]),
    "POST messages": (("POST", f"{SESSION}/messages", {"messages": [HI]}), ["it"], ["alice"], ["alice"]),
    "PUT workspace": (("PUT", "", {}), [], [], []),
}
NEEDING_A_SESSION = {
    "PUT session peers": ("PUT", MEMBERS, {"alice": {}}),
    "DELETE session peers": ("DELETE", MEMBERS, ["alice"]),
    "PUT peer config": ("PUT", f"{MEMBERS}/alice/config", OBSERVER),
    "GET peer config": ("GET", f"{MEMBERS}/alice/config", None),
    "GET message": ("GET", f"{SESSION}/messages/none", None),
    "PUT message": ("PUT", f"{SESSION}/messages/none", {"metadata": {}}),
    "POST clone": ("POST", f"{SESSION}/clone", None),
    "DELETE session": ("DELETE", SESSION, None),
    "DELETE workspace": ("DELETE", "", None),
}
READS = [
    ("POST", "/peers/list"),
    ("POST", "/sessions/list"),
    ("POST", "/peers/alice/sessions"),
    ("POST", f"{SESSION}/messages/list"),
    ("GET", MEMBERS),
]
FAILING = {
    "a bad name among new members": ("POST", "/sessions", {"id": "it", "peers": {"alice": {}, "a b": {}}}, 422),
    "an empty name": ("POST", MEMBERS, {"alice": {}, "": {}}, 422),
    "a reserved name": ("POST", MEMBERS, {"alice": {}, "scope.x": {}}, 422),
    "a name of 513 characters": ("PUT", MEMBERS, {"alice": {}, "x" * 513: {}}, 422),
    "a name with NUL": ("POST", MEMBERS, {"alice": {}, "a\0": {}}, 422),
    "a bad author": ("POST", f"{SESSION}/messages", {"messages": [HI, {**HI, "peer_id": "é"}]}, 422),
    "too many observers at creation": ("POST", "/sessions", {"id": "it", "peers": TOO_MANY}, 400),
    "too many observers added": ("POST", MEMBERS, TOO_MANY, 400),
    "too many observers set": ("PUT", MEMBERS, TOO_MANY, 400),
    "a change and a bad name": ("POST", "/sessions", {"id": "it", "metadata": {"b": 2}, "peers": {"a b": {}}}, 422),
}


def test_a_workspace_is_created_once_and_then_found(workspace_client: WorkspaceClient) -> None:
    body = {"id": workspace_client.id, "metadata": {"a": 1}}
    made, found = (workspace_client.http.post("/v3/workspaces", json=body) for _ in range(2))
    assert (made.status_code, found.status_code) == (201, 200)
    assert made.json() == found.json()
    assert len(made.json()["uid"]) == 21


def test_a_peer_is_created_once_and_then_found(workspace_client: WorkspaceClient) -> None:
    made, found = (workspace_client.call("POST", "/peers", {"id": "alice"}) for _ in range(2))
    assert (made.status_code, found.status_code) == (201, 200)
    assert made.json() == found.json()
    assert workspace_client.call("PUT", "/peers/alice", {}).json() == made.json()


def test_a_session_has_the_same_response_whether_created_or_found(workspace_client: WorkspaceClient) -> None:
    made, found = (workspace_client.call("POST", "/sessions", {"id": "it"}) for _ in range(2))
    assert (made.status_code, found.status_code) == (200, 200)
    assert made.json() == found.json()
    assert made.json()["is_active"] is True


@pytest.mark.parametrize(("call", "sessions", "peers", "members"), [*CREATING.values()], ids=[*CREATING])
def test_a_request_creates_missing_resources_without_content(
    call: tuple[str, str, Any],
    sessions: list[str],
    peers: list[str],
    members: list[str],
    workspace_client: WorkspaceClient,
) -> None:
    workspace_client.ok(*call)
    assert workspace_client.was_there()
    assert (workspace_client.sessions(), workspace_client.peers(), workspace_client.members("it")) == (
        sessions,
        peers,
        members,
    )
    found = workspace_client.ok("POST", "/peers/list")["items"] + workspace_client.ok("POST", "/sessions/list")["items"]
    assert all(resource["metadata"] == resource["configuration"] == {} for resource in found)


@pytest.mark.parametrize("call", [*NEEDING_A_SESSION.values()], ids=[*NEEDING_A_SESSION])
def test_a_request_for_a_required_resource_creates_nothing(
    call: tuple[str, str, Any], workspace_client: WorkspaceClient
) -> None:
    assert workspace_client.call(*call).status_code == 404
    assert not workspace_client.was_there()
    workspace_client.peer("bob")
    assert workspace_client.call(*call).status_code == (202 if call[:2] == ("DELETE", "") else 404)
    assert (workspace_client.sessions(), [p for p in workspace_client.peers() if p != "bob"]) == ([], [])


@pytest.mark.parametrize(("method", "path"), READS)
def test_a_list_under_a_missing_resource_is_empty_and_creates_nothing(
    method: str, path: str, workspace_client: WorkspaceClient
) -> None:
    empty = {"items": [], "total": 0, "page": 1, "size": 50, "pages": 0}
    assert workspace_client.ok(method, path) == empty
    assert not workspace_client.was_there()
    assert workspace_client.ok(method, path) == empty


@pytest.mark.parametrize(("method", "path", "body", "status"), [*FAILING.values()], ids=[*FAILING])
def test_a_failed_request_stores_nothing(
    method: str, path: str, body: Any, status: int, workspace_client: WorkspaceClient
) -> None:
    assert workspace_client.call(method, path, body).is_client_error
    assert not workspace_client.was_there()
    before = workspace_client.session("it", metadata={"a": 1}, peers={"carol": {}})
    refused = workspace_client.call(method, path, body)
    assert refused.status_code == status, refused.text
    assert isinstance(refused.json()["detail"], str | list)
    assert workspace_client.session("it") == before
    assert (workspace_client.peers(), workspace_client.members("it"), workspace_client.said("it")) == (
        ["carol"],
        ["carol"],
        [],
    )


@pytest.mark.parametrize("odd", ["a b", "é", "a.b", "x" * 513])
@pytest.mark.parametrize(("method", "path", "body"), [("PUT", "/peers/{}", {}), ("PUT", "/sessions/{}", {})])
def test_nothing_is_created_with_an_invalid_id_in_the_path(
    odd: str, method: str, path: str, body: Any, workspace_client: WorkspaceClient
) -> None:
    assert workspace_client.call(method, path.format(odd), body).status_code == 422
    assert not workspace_client.was_there()


@pytest.mark.parametrize("path", ["", "/peers/alice", "/sessions/it", "/sessions/it/peers"])
def test_nothing_is_created_in_a_workspace_with_an_invalid_id(path: str, http: httpx.Client) -> None:
    method = "POST" if path.endswith("peers") else "PUT"
    assert WorkspaceClient(http, "an odd one").call(method, path, {}).status_code == 422


@pytest.mark.parametrize("word", ["list", "upload", "A", "a" * 512, "-", "_", "0"])
def test_no_word_is_reserved_and_case_counts(word: str, workspace_client: WorkspaceClient) -> None:
    workspace_client.peer(word)
    workspace_client.session(word, peers={word: {}})
    assert (workspace_client.peers(), workspace_client.sessions(), workspace_client.members(word)) == (
        [word],
        [word],
        [word],
    )
    assert workspace_client.call("POST", "/peers", {"id": word.swapcase()}).status_code in {200, 201}
    assert len(workspace_client.peers()) == len({word, word.swapcase()})
