"""A clone is an independent session that starts with the contents of its source."""

from __future__ import annotations

from typing import Any

import pytest

from tests.handlers.workspace import WorkspaceClient

LISTENS = {"observe_me": False, "observe_others": True}


@pytest.fixture
def source(workspace_client: WorkspaceClient) -> WorkspaceClient:
    """A workspace with three messages in the session `it`; alice is a member, and bob was one."""
    workspace_client.session("it", metadata={"a": 1}, configuration={"own": 1}, peers={"alice": LISTENS, "bob": {}})
    workspace_client.say("it", "one", "two", peer="bob")
    workspace_client.ok(
        "POST",
        "/sessions/it/messages",
        {"messages": [{"peer_id": "alice", "content": "three", "metadata": {"m": 3}, "created_at": "2024-01-15"}]},
    )
    workspace_client.ok("DELETE", "/sessions/it/peers", ["bob"])
    return workspace_client


def clone(workspace_client: WorkspaceClient, **query: str) -> Any:
    answer = workspace_client.call("POST", "/sessions/it/clone", params=query)
    assert answer.status_code == 201, answer.text
    return answer.json()


def messages(workspace_client: WorkspaceClient, session: str) -> Any:
    return workspace_client.ok("POST", f"/sessions/{session}/messages/list")["items"]


def test_a_clone_has_everything_but_the_ids(source: WorkspaceClient) -> None:
    original, copy = source.session("it"), clone(source)
    assert source.session(copy["id"]) == copy
    same = ("metadata", "configuration", "workspace_id", "is_active")
    assert [copy[key] for key in same] == [original[key] for key in same]
    assert len({copy["id"], copy["uid"], original["id"], original["uid"]}) == 4
    assert len(copy["id"]) == 21
    old, new = messages(source, "it"), messages(source, copy["id"])
    assert not {m["id"] for m in old} & {m["id"] for m in new}
    assert [m | {"id": None, "session_id": None} for m in new] == [m | {"id": None, "session_id": None} for m in old]
    assert {m["session_id"] for m in new} == {copy["id"]}


def test_a_clone_has_only_the_current_members(source: WorkspaceClient) -> None:
    copy = clone(source)["id"]
    assert source.members(copy) == ["alice"]
    assert source.flags(copy, "alice") == (False, True)


@pytest.mark.parametrize("last", [1, 2, 3])
def test_a_clone_may_end_with_a_message(last: int, source: WorkspaceClient) -> None:
    copy = clone(source, message_id=messages(source, "it")[last - 1]["id"])["id"]
    assert source.said(copy) == ["one", "two", "three"][:last]


def test_source_and_clone_are_independent(source: WorkspaceClient) -> None:
    copy = clone(source)["id"]
    source.say(copy, "four")
    source.say("it", "other", "others")
    source.ok("PUT", f"/sessions/{copy}", {"metadata": {}})
    source.ok("DELETE", f"/sessions/{copy}/peers", ["alice"])
    assert (source.said("it")[3:], source.said(copy)[3:]) == (["other", "others"], ["four"])
    assert (source.session("it")["metadata"], source.members("it")) == ({"a": 1}, ["alice"])
    source.ok("DELETE", "/sessions/it")
    assert source.said(copy) == ["one", "two", "three", "four"]


def test_a_session_without_messages_can_be_cloned(workspace_client: WorkspaceClient) -> None:
    workspace_client.session("it", peers={"alice": LISTENS})
    copy = clone(workspace_client)["id"]
    assert (workspace_client.sessions(), workspace_client.said(copy), workspace_client.members(copy)) == (
        ["it", copy],
        [],
        ["alice"],
    )


def test_a_clone_holds_nothing_of_a_session_with_the_same_id_elsewhere(source: WorkspaceClient) -> None:
    other = WorkspaceClient(source.http, f"{source.id}-other")
    other.say("it", "elsewhere", peer="eve")
    assert source.said(clone(source)["id"]) == ["one", "two", "three"]
    assert other.said(clone(other)["id"]) == ["elsewhere"]


@pytest.mark.parametrize("cutoff", ["", "nothing", "elsewhere"])
def test_a_cutoff_outside_the_session_is_not_found(cutoff: str, source: WorkspaceClient) -> None:
    if cutoff == "elsewhere":
        cutoff = source.say("other", "hi")[0]["id"]
    before = source.sessions()
    assert source.call("POST", "/sessions/it/clone", params={"message_id": cutoff}).status_code == 404
    assert source.sessions() == before


@pytest.mark.parametrize("session", ["nothing", "it"])
def test_a_session_that_does_not_exist_cannot_be_cloned(session: str, source: WorkspaceClient) -> None:
    source.ok("DELETE", "/sessions/it")
    refused = source.call("POST", f"/sessions/{session}/clone")
    assert (refused.status_code, refused.json()["detail"]) == (404, "Original session not found")
