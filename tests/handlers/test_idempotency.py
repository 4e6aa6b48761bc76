"""A batch sent twice with the same Idempotency-Key is stored once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.handlers.concurrency import together
from tests.handlers.workspace import WorkspaceClient
from tests.server_process import Server

KEY = "Idempotency-Key"
PATH = "/sessions/it/messages"
FIRST = {"peer_id": "alice", "content": "hi", "metadata": {"a": 1, "b": 2}, "created_at": "2024-01-15T10:30:00Z"}
OTHERS: dict[str, list[Any]] = {
    "another text": [FIRST | {"content": "ho"}],
    "another author": [FIRST | {"peer_id": "bob"}],
    "other metadata": [FIRST | {"metadata": {"a": 1}}],
    "another time": [FIRST | {"created_at": "2024-01-15T10:30:01Z"}],
    "another configuration": [FIRST | {"configuration": {"reasoning": {"enabled": False}}}],
    "one more message": [FIRST, FIRST],
}


def send(workspace_client: WorkspaceClient, messages: Any, key: str = "turn-1", session: str = "it") -> httpx.Response:
    return workspace_client.call("POST", f"/sessions/{session}/messages", {"messages": messages}, headers={KEY: key})


def test_a_repetition_returns_the_messages_of_the_first_request(workspace_client: WorkspaceClient) -> None:
    batch = [FIRST, FIRST | {"content": "there"}]
    first = send(workspace_client, batch)
    workspace_client.say("it", "between")
    again = send(workspace_client, [FIRST | {"metadata": {"b": 2, "a": 1}}, batch[1]])
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert workspace_client.said("it") == ["hi", "there", "between"]


@pytest.mark.parametrize("batch", [*OTHERS.values()], ids=[*OTHERS])
def test_another_body_with_the_same_key_is_refused(batch: Any, workspace_client: WorkspaceClient) -> None:
    send(workspace_client, [FIRST])
    assert send(workspace_client, batch).status_code == 409
    assert (workspace_client.said("it"), workspace_client.peers()) == (["hi"], ["alice"])


def test_a_key_belongs_to_its_session(workspace_client: WorkspaceClient) -> None:
    ids = {send(workspace_client, [FIRST], session=session).json()[0]["id"] for session in ("it", "other")}
    assert len(ids) == 2
    assert (workspace_client.said("it"), workspace_client.said("other")) == (["hi"], ["hi"])


def test_without_a_key_or_with_another_the_same_body_is_stored_again(workspace_client: WorkspaceClient) -> None:
    send(workspace_client, [FIRST])
    send(workspace_client, [FIRST], key="turn-2")
    for _ in range(2):
        workspace_client.ok("POST", PATH, {"messages": [FIRST]})
    assert workspace_client.said("it") == ["hi"] * 4


def test_a_failed_request_does_not_use_up_its_key(workspace_client: WorkspaceClient) -> None:
    assert send(workspace_client, [FIRST, FIRST | {"peer_id": "a b"}]).status_code == 422
    assert send(workspace_client, [FIRST]).status_code == 201
    assert workspace_client.said("it") == ["hi"]


def test_a_recreated_session_has_no_keys(workspace_client: WorkspaceClient) -> None:
    send(workspace_client, [FIRST])
    workspace_client.ok("DELETE", "/sessions/it")
    assert send(workspace_client, [FIRST | {"content": "anew"}]).status_code == 201
    assert workspace_client.said("it") == ["anew"]


def test_repetitions_at_the_same_time_store_one_batch(server: Server, workspace_client: WorkspaceClient) -> None:
    call = ("POST", f"{workspace_client.url}{PATH}", {"messages": [FIRST]})
    answers = together(server.url, [call] * 16, **{KEY: "turn-1"})
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert workspace_client.said("it") == ["hi"]


@pytest.mark.parametrize(("key", "status"), [("", 422), ("x", 201), ("x" * 255, 201), ("x" * 256, 422)])
def test_a_key_has_1_to_255_characters(key: str, status: int, workspace_client: WorkspaceClient) -> None:
    assert send(workspace_client, [FIRST], key=key).status_code == status
