"""Members of a session and their flags after adding, setting, removing, configuring and writing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.handlers.workspace import WorkspaceClient

PEERS = "/sessions/it/peers"
LISTENS = {"observe_me": False, "observe_others": True}
LISTENING, UNSET = (False, True), (None, None)


@pytest.fixture
def session(workspace_client: WorkspaceClient) -> WorkspaceClient:
    """A workspace where alice, who observes others, and bob are in the session `it`."""
    workspace_client.session("it", peers={"alice": LISTENS, "bob": {}})
    return workspace_client


def add(workspace_client: WorkspaceClient, body: Any) -> Any:
    return workspace_client.ok("POST", PEERS, body)


def add_by_creating(workspace_client: WorkspaceClient, body: Any) -> Any:
    return workspace_client.session("it", peers=body)


ADDING = pytest.mark.parametrize("join", [add, add_by_creating])


@ADDING
def test_a_new_member_gets_the_flags_given(join: Any, workspace_client: WorkspaceClient) -> None:
    join(workspace_client, {"alice": LISTENS, "bob": {}, "carol": {"observe_me": True, "observe_others": None}})
    assert [workspace_client.flags("it", peer) for peer in ("alice", "bob", "carol")] == [
        LISTENING,
        UNSET,
        (True, None),
    ]


@ADDING
def test_a_member_that_is_added_again_keeps_all_flags_but_those_set(join: Any, session: WorkspaceClient) -> None:
    join(session, {"alice": {}})
    assert session.flags("it", "alice") == LISTENING
    join(session, {"alice": {"observe_me": None, "observe_others": None}})
    assert session.flags("it", "alice") == LISTENING
    join(session, {"alice": {"observe_me": True}})
    assert session.flags("it", "alice") == (True, True)
    assert session.members("it") == ["alice", "bob"]


@ADDING
def test_a_member_that_returns_gets_the_flags_given_and_no_others(join: Any, session: WorkspaceClient) -> None:
    session.ok("DELETE", PEERS, ["alice"])
    join(session, {"alice": {"observe_me": True}})
    assert session.flags("it", "alice") == (True, None)


def test_adding_no_peers_changes_nothing(session: WorkspaceClient) -> None:
    add(session, {})
    assert session.members("it") == ["alice", "bob"]


def test_setting_makes_the_given_peers_the_only_ones_with_just_those_flags(session: WorkspaceClient) -> None:
    session.ok("PUT", PEERS, {"carol": LISTENS, "alice": {"observe_me": True}})
    assert sorted(session.members("it")) == ["alice", "carol"]
    assert session.flags("it", "alice") == (True, None)
    assert session.flags("it", "carol") == LISTENING
    session.ok("PUT", PEERS, {})
    assert session.members("it") == []


def test_an_author_joins_without_flags(workspace_client: WorkspaceClient) -> None:
    workspace_client.say("it", "hi", peer="zoe")
    assert (workspace_client.members("it"), workspace_client.flags("it", "zoe")) == (["zoe"], UNSET)


def test_an_author_that_is_a_member_keeps_its_flags(session: WorkspaceClient) -> None:
    session.say("it", "hi", peer="alice")
    assert session.flags("it", "alice") == LISTENING
    assert session.members("it") == ["alice", "bob"]


def test_an_author_that_had_left_rejoins_with_its_flags(session: WorkspaceClient) -> None:
    session.ok("DELETE", PEERS, ["alice"])
    session.say("it", "hi", peer="alice")
    assert session.flags("it", "alice") == LISTENING
    assert session.members("it") == ["bob", "alice"]


def test_removing_ignores_peers_that_are_not_members(session: WorkspaceClient) -> None:
    session.peer("carol")
    session.ok("DELETE", PEERS, [])
    session.ok("DELETE", PEERS, ["carol", "nobody", "a b", "scope.x", "bob", "bob"])
    assert session.members("it") == ["alice"]
    assert session.peers() == ["alice", "bob", "carol"]


def test_a_member_that_has_left_is_hidden_but_its_flags_are_readable(session: WorkspaceClient) -> None:
    session.ok("DELETE", PEERS, ["alice"])
    assert session.members("it") == ["bob"]
    assert session.flags("it", "alice") == LISTENING
    assert session.ok("POST", "/peers/alice/sessions")["items"] == []
    assert [s["id"] for s in session.ok("POST", "/peers/bob/sessions")["items"]] == ["it"]


def test_members_that_have_left_are_listed_on_demand(session: WorkspaceClient) -> None:
    session.ok("DELETE", PEERS, ["alice"])
    listed = session.ok("GET", f"{PEERS}?former=true")
    assert ([peer["id"] for peer in listed["items"]], listed["total"]) == (["alice", "bob"], 2)
    assert session.members("it") == ["bob"]


def test_members_are_listed_in_the_order_in_which_they_joined(session: WorkspaceClient) -> None:
    session.peer("aaron")
    add(session, {"zoe": {}})
    add(session, {"aaron": {}})
    add(session, {"alice": {"observe_me": True}})
    assert session.members("it") == ["alice", "bob", "zoe", "aaron"]
    session.ok("DELETE", PEERS, ["alice", "zoe"])
    add(session, {"zoe": {}})
    assert session.members("it") == ["bob", "aaron", "zoe"]


def test_configuring_sets_the_flags_given_and_never_unsets_one(session: WorkspaceClient) -> None:
    for body in ({}, {"observe_me": None}, {"colour": "red"}):
        assert session.ok("PUT", f"{PEERS}/alice/config", body) is None
        assert session.flags("it", "alice") == LISTENING
    answer = session.call("PUT", f"{PEERS}/alice/config", {"observe_me": True})
    assert (answer.status_code, answer.content) == (204, b"")
    assert session.flags("it", "alice") == (True, True)


@pytest.mark.parametrize("body", [{}, LISTENS])
def test_configuring_a_peer_that_was_never_a_member_adds_it(body: Any, session: WorkspaceClient) -> None:
    session.peer("carol")
    session.ok("PUT", f"{PEERS}/carol/config", body)
    assert session.members("it") == ["alice", "bob", "carol"]
    assert session.flags("it", "carol") == (LISTENING if body else UNSET)


def test_configuring_a_member_that_has_left_does_not_bring_it_back(session: WorkspaceClient) -> None:
    session.ok("DELETE", PEERS, ["bob"])
    session.ok("PUT", f"{PEERS}/bob/config", LISTENS)
    assert session.members("it") == ["alice"]
    assert session.flags("it", "bob") == LISTENING


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_unknown_peer_has_no_flags(method: str, session: WorkspaceClient) -> None:
    refused = session.call(method, f"{PEERS}/nobody/config", {} if method == "PUT" else None)
    assert refused.status_code == 404
    assert refused.json()["detail"] == f"Peer nobody not found in workspace {session.id}"


def test_a_peer_that_was_never_a_member_has_no_flags(session: WorkspaceClient) -> None:
    session.peer("carol")
    refused = session.call("GET", f"{PEERS}/carol/config")
    assert refused.status_code == 404
    assert refused.json()["detail"] == f"Session peer carol not found in session it in workspace {session.id}"


def test_every_membership_request_returns_the_session(session: WorkspaceClient) -> None:
    it = session.session("it")
    for method, body in (("POST", {"carol": {}}), ("PUT", {"bob": {}}), ("DELETE", ["bob"])):
        assert session.ok(method, PEERS, body) == it


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("POST", ["carol"]),
        ("POST", {"carol": None}),
        ("POST", {"carol": []}),
        ("POST", {"carol": {"observe_me": "banana"}}),
        ("POST", None),
        ("PUT", {"carol": None}),
        ("PUT", None),
        ("DELETE", {"alice": {}}),
        ("DELETE", [1]),
        ("DELETE", None),
    ],
)
def test_a_malformed_membership_body_is_refused(method: str, body: Any, session: WorkspaceClient) -> None:
    refused = session.call(method, PEERS, body)
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"][0] == "body"
    assert session.members("it") == ["alice", "bob"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_request_takes_at_most_a_thousand_peers(method: str, workspace_client: WorkspaceClient) -> None:
    workspace_client.session("it")
    ids = [f"p{number}" for number in range(1_001)]
    refused = workspace_client.call(method, "/sessions/it/peers", ids if method == "DELETE" else {id: {} for id in ids})
    assert refused.status_code == 422
    assert len(refused.text) < 1_000
    assert workspace_client.call("POST", "/sessions", {"id": "it", "peers": {id: {} for id in ids}}).status_code == 422
    assert workspace_client.members("it") == []
