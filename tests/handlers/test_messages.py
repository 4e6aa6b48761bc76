"""Messages: storing, order, reading and updating."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import httpx
import pytest

from tests.handlers.concurrency import together
from tests.handlers.workspace import WorkspaceClient
from tests.server_process import Server

LIMIT = 25_000
BATCH = 100
MESSAGES = "/sessions/it/messages"
TOKENS = {
    "": 0,
    "hello world": 2,
    " ": 1,
    "I moved to Lisbon with my dog Rex.": 9,
}


def batch(*contents: str, peer: str = "alice") -> dict[str, Any]:
    return {"messages": [{"peer_id": peer, "content": content} for content in contents]}


def test_a_batch_is_returned_in_the_order_of_the_request(workspace_client: WorkspaceClient) -> None:
    given = [("zoe", "one"), ("adam", "two"), ("zoe", "three")]
    stored = workspace_client.ok("POST", MESSAGES, {"messages": [{"peer_id": p, "content": c} for p, c in given]})
    assert [(m["peer_id"], m["content"]) for m in stored] == given
    assert {(m["workspace_id"], m["session_id"], len(m["id"])) for m in stored} == {(workspace_client.id, "it", 21)}
    assert len({m["id"] for m in stored}) == len(given)


@pytest.mark.parametrize("content", TOKENS)
def test_tokens_are_counted(content: str, workspace_client: WorkspaceClient) -> None:
    [message] = workspace_client.say("it", content)
    assert message["token_count"] == TOKENS[content]


def test_special_tokens_are_plain_text(workspace_client: WorkspaceClient) -> None:
    [message] = workspace_client.say("it", "<|endoftext|>")
    assert message["content"] == "<|endoftext|>"
    assert message["token_count"] > 1


def test_server_assigned_fields_in_the_body_are_ignored(workspace_client: WorkspaceClient) -> None:
    extra = {"id": "mine", "session_id": "other", "workspace_id": "other", "token_count": 999, "uid": "x"}
    [message] = workspace_client.ok("POST", MESSAGES, {"messages": [{"peer_id": "alice", "content": "hi", **extra}]})
    assert (message["session_id"], message["workspace_id"], message["token_count"]) == ("it", workspace_client.id, 1)
    assert message["id"] != "mine"
    assert workspace_client.sessions() == ["it"]


@pytest.mark.parametrize("content", ["", "   \n\t", "é" * LIMIT, "😀" * LIMIT, "\ufeffa\r\n\u2028b", "x" * LIMIT])
def test_content_up_to_the_limit_is_stored_unchanged(content: str, workspace_client: WorkspaceClient) -> None:
    [message] = workspace_client.say("it", content)
    assert message["content"] == content
    assert workspace_client.said("it") == [content]


def test_nul_characters_are_removed_from_content(workspace_client: WorkspaceClient) -> None:
    assert workspace_client.say("it", "a\0b\0")[0]["content"] == "ab"


@pytest.mark.parametrize("odd", ["x" * (LIMIT + 1), "😀" * (LIMIT + 1), None, 7, ["x"]])
def test_invalid_content_is_refused_with_its_batch(odd: Any, workspace_client: WorkspaceClient) -> None:
    refused = workspace_client.call("POST", MESSAGES, batch("fine", odd))
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == ["body", "messages", 1, "content"]
    assert not workspace_client.was_there()


def test_a_batch_has_1_to_100_messages(workspace_client: WorkspaceClient) -> None:
    for count, fault in ((0, "too_short"), (BATCH + 1, "too_long")):
        refused = workspace_client.call("POST", MESSAGES, batch(*"x" * count))
        assert (refused.status_code, refused.json()["detail"][0]["type"]) == (422, fault)
    assert not workspace_client.was_there()
    assert len(workspace_client.say("it", *"x" * BATCH)) == BATCH
    assert len(workspace_client.say("it", "x")) == 1


@pytest.mark.parametrize("body", [{"peer_id": "a", "content": "x"}, [{"peer_id": "a", "content": "x"}], {}, None])
def test_a_body_that_is_not_a_batch_is_refused(body: Any, workspace_client: WorkspaceClient) -> None:
    assert workspace_client.call("POST", MESSAGES, body).status_code == 422
    assert not workspace_client.was_there()


@pytest.mark.parametrize("field", ["peer_id", "content"])
def test_a_message_needs_an_author_and_content(field: str, workspace_client: WorkspaceClient) -> None:
    message = {"peer_id": "alice", "content": "hi"}
    del message[field]
    [fault] = workspace_client.call("POST", MESSAGES, {"messages": [message]}).json()["detail"]
    assert (fault["type"], fault["loc"]) == ("missing", ["body", "messages", 0, field])


def test_messages_are_listed_in_order_of_arrival(workspace_client: WorkspaceClient) -> None:
    for n in range(0, 9, 3):
        workspace_client.say("it", *(str(n + i) for i in range(3)))
        workspace_client.say("other", "elsewhere")
    assert workspace_client.said("it") == [str(n) for n in range(9)]
    assert workspace_client.said("it", reverse=True) == [str(n) for n in reversed(range(9))]


@pytest.mark.parametrize(
    ("page", "reverse", "expected"),
    [
        (1, False, range(1, 101)),
        (3, False, range(201, 251)),
        (4, False, []),
        (1, True, range(250, 150, -1)),
        (3, True, range(50, 0, -1)),
        (4, True, []),
    ],
)
def test_the_first_the_last_and_a_further_page(page: int, reverse: bool, expected: Any, long: WorkspaceClient) -> None:
    answer = long.ok("POST", f"{MESSAGES}/list", params={"size": 100, "page": page, "reverse": reverse})
    assert [m["content"] for m in answer.pop("items")] == [f"message {n}" for n in expected]
    assert answer == {"total": 250, "page": page, "size": 100, "pages": 3}


@pytest.fixture(scope="module")
def long(http: httpx.Client) -> WorkspaceClient:
    """A workspace with 250 messages in the session `it`. Read-only."""
    workspace_client = WorkspaceClient(http, "two-hundred-and-fifty-messages")
    for first in (1, 101, 201):
        workspace_client.say("it", *(f"message {n}" for n in range(first, min(first + 100, 251))))
    return workspace_client


def test_concurrent_batches_are_contiguous(server: Server, workspace_client: WorkspaceClient) -> None:
    clients, size = 12, 20
    calls = [
        ("POST", f"{workspace_client.url}{MESSAGES}", batch(*(f"{n}" for n in range(size)), peer=f"peer{c}"))
        for c in range(clients)
    ]
    assert {answer.status_code for answer in together(server.url, calls)} == {201}
    pages = [
        workspace_client.ok("POST", f"{MESSAGES}/list", params={"size": 100, "page": page})["items"]
        for page in (1, 2, 3)
    ]
    stored = [message for page in pages for message in page]
    groups = [(peer, [m["content"] for m in group]) for peer, group in groupby(stored, key=lambda m: m["peer_id"])]
    assert len(groups) == clients
    assert all(contents == [str(n) for n in range(size)] for _, contents in groups)
    assert workspace_client.sessions() == ["it"]


def test_a_message_is_found_only_in_its_session(workspace_client: WorkspaceClient) -> None:
    [message] = workspace_client.say("it", "hi")
    workspace_client.session("other")
    assert workspace_client.ok("GET", f"{MESSAGES}/{message['id']}") == message
    for session, id in (("other", message["id"]), ("it", "nothing"), ("none", message["id"])):
        refused = workspace_client.call("GET", f"/sessions/{session}/messages/{id}")
        assert (refused.status_code, refused.json()["detail"]) == (404, f"Message with ID {id} not found")
        refused = workspace_client.call("PUT", f"/sessions/{session}/messages/{id}", {"metadata": {"a": 1}})
        assert (refused.status_code, refused.json()["detail"]) == (404, "Message not found")
    assert workspace_client.ok("GET", f"{MESSAGES}/{message['id']}")["metadata"] == {}


def test_a_message_of_another_workspace_is_not_found(workspace_client: WorkspaceClient) -> None:
    [message] = workspace_client.say("it", "hi")
    other = WorkspaceClient(workspace_client.http, f"{workspace_client.id}-other")
    other.say("it", "hello")
    assert other.call("GET", f"{MESSAGES}/{message['id']}").status_code == 404


def test_only_metadata_can_be_updated(workspace_client: WorkspaceClient) -> None:
    [message] = workspace_client.say("it", "hi")
    body = {"metadata": {"a": 1}, "content": "other", "peer_id": "bob", "token_count": 9, "created_at": 0}
    changed = workspace_client.ok("PUT", f"{MESSAGES}/{message['id']}", body)
    assert changed == {**message, "metadata": {"a": 1}}
    assert workspace_client.ok("POST", f"{MESSAGES}/list")["items"] == [changed]
