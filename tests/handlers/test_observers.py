"""The graph of who holds conclusions about whom."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from omoide.services import observer_graph
from omoide.services.observer_graph import MOST_PAIRS_SHOWN, select
from omoide.storage.observer_pairs import ObserverPair
from tests.handlers.workspace import WorkspaceClient
from tests.postgresql import open_store
from tests.server_process import Server

PAIRS = {("alice", "alice"): 3, ("alice", "bob"): 1, ("Bobby", "alice"): 2, ("dora", "eve"): 1}


@pytest.fixture
def workspace(workspace_client: WorkspaceClient) -> WorkspaceClient:
    """A workspace with PAIRS of peers, of which Bobby's conclusions come from a session."""
    for peer in ("alice", "bob", "Bobby", "dora", "eve", "frank"):
        workspace_client.peer(peer)
    workspace_client.session("s")
    for (observer, observed), count in PAIRS.items():
        about = {"observer_id": observer, "observed_id": observed, "session_id": "s" if observer == "Bobby" else None}
        new = [{"content": f"{observer} {observed} {number}", **about} for number in range(count)]
        workspace_client.ok("POST", "/conclusions", {"conclusions": new})
    return workspace_client


def graph(workspace: WorkspaceClient, **query: Any) -> tuple[list[str], list[tuple[str, str, int]], bool]:
    """The peers, the pairs, and whether it is truncated."""
    found = workspace.ok("GET", "/observers", params=query)
    pairs = [(each["observer_id"], each["observed_id"], each["conclusions"]) for each in found["pairs"]]
    return [each["peer_id"] for each in found["peers"]], pairs, found["truncated"]


def test_the_graph_shows_all_pairs_biggest_first(workspace: WorkspaceClient) -> None:
    found = workspace.ok("GET", "/observers")
    assert found["peers"][0] == {"peer_id": "alice", "conclusions_held": 4, "conclusions_about": 5}
    pairs = {(each["observer_id"], each["observed_id"]): each["conclusions"] for each in found["pairs"]}
    assert pairs == PAIRS
    assert next(iter(pairs)) == ("alice", "alice")
    assert (found["total_peers"], found["total_pairs"], found["total_conclusions"]) == (5, 4, 7)
    assert found["truncated"] is False


def test_a_limited_graph_has_the_biggest_peers_and_says_so(workspace: WorkspaceClient) -> None:
    assert graph(workspace, limit=2) == (["alice", "Bobby"], [("alice", "alice", 3), ("Bobby", "alice", 2)], True)


def test_a_search_finds_peers_whatever_their_case_with_neighbours(workspace: WorkspaceClient) -> None:
    peers, pairs, truncated = graph(workspace, query="BOB")
    assert (peers, truncated) == (["Bobby", "bob", "alice"], False)
    assert pairs == [("Bobby", "alice", 2), ("alice", "bob", 1), ("alice", "alice", 3)]
    assert graph(workspace, query="nobody") == ([], [], False)
    assert graph(workspace, query="%") == ([], [], False)


def test_a_peer_is_shown_with_its_neighbours(workspace: WorkspaceClient) -> None:
    assert graph(workspace, peer_id="eve") == (["eve", "dora"], [("dora", "eve", 1)], False)
    assert graph(workspace, peer_id="alice", limit=2)[::2] == (["alice", "Bobby"], True)
    assert graph(workspace, peer_id="frank") == (["frank"], [], False), "also if nothing is known"
    assert workspace.call("GET", "/observers", params={"peer_id": "nobody"}).status_code == 404


def test_what_was_deleted_is_not_in_the_graph(workspace: WorkspaceClient) -> None:
    workspace.ok("DELETE", "/sessions/s")
    workspace.ok("DELETE", "/peers/dora")
    assert graph(workspace) == (["alice", "bob"], [("alice", "alice", 3), ("alice", "bob", 1)], False)


def test_a_missing_workspace_has_no_graph(workspace_client: WorkspaceClient) -> None:
    assert workspace_client.call("GET", "/observers").status_code == 404


def test_long_ids_do_not_make_a_large_response(
    workspace_client: WorkspaceClient, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    monkeypatch.setattr(observer_graph, "MOST_CHARACTERS", 2_000)
    names = [letter * 500 for letter in "abc"]
    for name in names:
        workspace_client.peer(name)
    new = [{"content": "x", "observer_id": names[0], "observed_id": name} for name in names]
    workspace_client.ok("POST", "/conclusions", {"conclusions": new})
    store = open_store(server.db)
    found = asyncio.run(store.read(observer_graph.read, workspace_client.id, 200, None, None))
    store.close()
    assert (len(found.peers), len(found.pairs), found.is_cut) == (3, 2, True)


def test_the_pairs_are_bounded() -> None:
    pairs = [ObserverPair(observer, observed, 1) for observer in range(100) for observed in range(100)]
    shown = select(pairs, 200)
    assert (len(shown.peers), len(shown.pairs), shown.total_pairs, shown.is_cut) == (
        100,
        MOST_PAIRS_SHOWN,
        10_000,
        True,
    )
    of_one = select(pairs, 200, {99})
    assert all(99 in pair[:2] for pair in of_one.pairs[:199]), "those with the peer come first"
