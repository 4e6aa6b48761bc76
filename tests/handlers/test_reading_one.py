"""A workspace, a peer or a session alone, and searches over messages and conclusions together."""

from __future__ import annotations

import pytest

from tests.handlers.thinking import ReasonedWorkspace
from tests.handlers.workspace import WorkspaceClient


@pytest.mark.parametrize("path", ["", "/peers/alice", "/sessions/s", "/sessions/s/overview"])
def test_reading_creates_nothing(workspace_client: WorkspaceClient, path: str) -> None:
    assert workspace_client.call("GET", path).status_code == 404
    assert workspace_client.call("GET", "").status_code == 404


def test_what_is_read_is_what_creation_returned(workspace_client: WorkspaceClient) -> None:
    peer = workspace_client.ok("POST", "/peers", {"id": "alice", "metadata": {"language": "pt"}})
    session = workspace_client.ok("POST", "/sessions", {"id": "s", "metadata": {"channel": "web"}})
    assert workspace_client.ok("GET", "/peers/alice") == peer
    assert workspace_client.ok("GET", "/sessions/s") == session
    assert workspace_client.ok("GET", "")["id"] == workspace_client.id


def test_a_scope_is_no_peer(workspace_client: WorkspaceClient) -> None:
    workspace_client.ok("POST", "/scopes", {"id": "work"})
    workspace_client.ok("POST", "/sessions", {"id": "s", "scopes": ["work"]})
    assert workspace_client.call("GET", "/peers/scope.work").status_code == 404
    shown = workspace_client.ok("GET", "/sessions/s/overview")
    assert (shown["peers"], shown["total_peers"]) == ([], 0)


def test_the_overview_of_a_session_follows_what_happens_in_it(memory: ReasonedWorkspace) -> None:
    memory.ok("POST", "/sessions", {"id": "s", "peers": {"bob": {"observe_others": True}, "carl": {}}})
    empty = memory.ok("GET", "/sessions/s/overview")
    assert (empty["messages"], empty["last_message_at"], empty["short_summary"]) == (0, None, None)
    memory.hear("s", *(f"My cat number {n} is called Tiger {n}." for n in range(10)))
    gone, last = memory.ok("POST", "/sessions/s/messages/list?reverse=true&size=2", {})["items"]
    memory.ok("DELETE", f"/sessions/s/messages/{gone['id']}")
    memory.ok("DELETE", "/sessions/s/peers", ["carl"])
    shown = memory.ok("GET", "/sessions/s/overview")
    assert [(peer["id"], peer["observe_others"]) for peer in shown["peers"]] == [("bob", True), ("alice", None)]
    assert (shown["total_peers"], shown["messages"]) == (2, 9)
    assert shown["last_message_at"] >= last["created_at"]


def test_one_search_finds_messages_and_conclusions(memory: ReasonedWorkspace) -> None:
    memory.hear("s", "I live in Rome.")
    memory.hear("t", "I live in Oslo.", peer="bob")
    both = memory.ok("POST", "/search/memory", {"query": "live in"})
    assert {each["peer_id"] for each in both["messages"]} == {"alice", "bob"}
    assert {each["observed_id"] for each in both["conclusions"]} == {"alice", "bob"}
    of_bob = memory.ok("POST", "/search/memory", {"query": "live in", "peer_id": "bob"})
    assert {each["peer_id"] for each in of_bob["messages"]} == {"bob"}
    assert {each["observed_id"] for each in of_bob["conclusions"]} == {"bob"}
    of_s = memory.ok("POST", "/search/memory", {"query": "live in", "session_id": "s"})
    assert {each["session_id"] for found in of_s.values() for each in found} == {"s"}
    filtered = {"message_filters": {"peer_id": "bob"}, "conclusion_filters": {"observed_id": "alice"}}
    chosen = memory.ok("POST", "/search/memory", {"query": "live in", **filtered})
    assert [each["peer_id"] for each in chosen["messages"]] == ["bob"]
    assert [each["observed_id"] for each in chosen["conclusions"]] == ["alice"]
    nothing = {"query": "live in", "message_limit": 0, "conclusion_top_k": 0}
    assert memory.ok("POST", "/search/memory", nothing) == {"messages": [], "conclusions": []}


def test_a_conclusion_is_deleted_only_if_it_has_the_peers_that_are_named(workspace_client: WorkspaceClient) -> None:
    workspace_client.ok("POST", "/sessions", {"id": "s", "peers": {"alice": {}, "bob": {}}})
    pair = {"observer_id": "alice", "observed_id": "bob"}
    (made,) = workspace_client.ok("POST", "/conclusions", {"conclusions": [{"content": "bob likes tea", **pair}]})
    path = f"/conclusions/{made['id']}"
    for other in ("observer_id=bob", "observed_id=alice", "observer_id=bob&observed_id=alice", "observer_id="):
        assert workspace_client.call("DELETE", f"{path}?{other}").status_code == 404
    workspace_client.ok("DELETE", f"{path}?observer_id=alice&observed_id=bob")
    assert workspace_client.call("GET", path).status_code == 404
