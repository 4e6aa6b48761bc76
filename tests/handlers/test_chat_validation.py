"""Questions that a chat refuses, and what it creates before an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from omoide.core.auth import Principal
from omoide.core.errors import Unavailable
from tests.handlers.recorded_questions import QuestionRecorder, ask, chat_client, failing, key, refused
from tests.handlers.workspace import WorkspaceClient

Fresh = Callable[[str], str]


@pytest.fixture
def workspace_client(api: httpx.Client, told: QuestionRecorder, fresh: Fresh) -> WorkspaceClient:
    return chat_client(api, told, fresh("chat"))


def test_a_missing_peer_is_created_and_stays_if_the_answer_fails(
    workspace_client: WorkspaceClient, told: QuestionRecorder
) -> None:
    told.say = failing(Unavailable("The model does not answer"))
    assert refused(workspace_client, "/peers/newcomer/chat")[0] == 503
    assert workspace_client.peers() == ["alice", "newcomer"]


def test_a_missing_peer_is_not_created_if_that_is_not_wanted(workspace_client: WorkspaceClient) -> None:
    assert ask(workspace_client, "/peers/newcomer/chat", create_peer=False)["content"] is None
    assert workspace_client.peers() == ["alice"]


@pytest.mark.parametrize(
    "body",
    [{"session_id": "unknown"}, {"target": "unknown"}, {"scope": "unknown"}, {"response_format": {"type": "string"}}],
)
def test_a_refused_question_creates_no_peer(workspace_client: WorkspaceClient, body: Any) -> None:
    assert refused(workspace_client, "/peers/newcomer/chat", **body)[0] in (404, 422)
    assert workspace_client.peers() == ["alice"]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"target": "nobody"}, 404, "Peer nobody not found"),
        ({"session_id": "nowhere"}, 404, "Session nowhere not found"),
        ({"scope": "none"}, 404, "Scope none not found"),
        ({"scope": ["none"]}, 404, "Scope none not found"),
        ({"target": "scope.th"}, 422, "are scopes"),
        ({"scope": "th", "session_id": "s"}, 422, "scope cannot be combined with session_id or filters"),
        ({"scope": ["th"], "filters": {"session_id": "s"}}, 422, "scope cannot be combined with session_id or filters"),
        ({"filters": {"peer_id": "alice"}}, 422, "Only a session_id filter"),
        ({"filters": {"session_id": {"gt": "a"}}}, 422, "must be an id, a list of ids"),
        ({"filters": {"session_id": ["a b"]}}, 422, "Invalid session id"),
        ({"filters": {"session_id": ["t"]}, "session_id": "s"}, 422, "must be included"),
        ({"response_format": {"type": "string"}}, 422, "Invalid response_format: "),
        ({"response_format": {"type": "object", "not": {}}, "target": "nobody"}, 422, "Invalid response_format: "),
        ({"query": ""}, 422, "query"),
        ({"query": "x" * 10_001}, 422, "query"),
        ({"scope": []}, 422, "scope"),
    ],
)
def test_invalid_questions_are_refused_before_any_answer(
    workspace_client: WorkspaceClient, told: QuestionRecorder, stream: bool, body: Any, status: int, detail: str
) -> None:
    workspace_client.session("s")
    workspace_client.ok("POST", "/scopes", {"id": "th"})
    found = refused(workspace_client, stream=stream, **body)
    assert found[0] == status
    assert detail in found[1]
    assert told.asked == []


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"session_id": "nowhere"}, 404, "Session nowhere not found"),
        ({"scope": "none"}, 404, "Scope none not found"),
        ({"scope": "th", "session_id": "s"}, 422, "scope cannot be combined with session_id"),
        ({"response_format": {"type": "string"}}, 422, "Invalid response_format: "),
        ({"scope": []}, 422, "scope"),
    ],
)
def test_questions_to_a_workspace_follow_the_same_rules(
    workspace_client: WorkspaceClient, told: QuestionRecorder, stream: bool, body: Any, status: int, detail: str
) -> None:
    workspace_client.session("s")
    workspace_client.ok("POST", "/scopes", {"id": "th"})
    found = refused(workspace_client, "/chat", stream=stream, **body)
    assert found[0] == status
    assert detail in found[1]
    assert told.asked == []


def test_a_scope_cannot_be_asked_as_a_peer(workspace_client: WorkspaceClient) -> None:
    workspace_client.ok("POST", "/scopes", {"id": "th"})
    assert refused(workspace_client, "/peers/scope.th/chat")[0] == 422
    assert refused(workspace_client, "/peers/scope.none/chat")[0] == 422
    assert refused(workspace_client, "/peers/a%20b/chat")[0] == 422


def test_a_workspace_that_does_not_exist_knows_nothing(api: httpx.Client, told: QuestionRecorder, fresh: Fresh) -> None:
    told.say = QuestionRecorder().say
    unknown = WorkspaceClient(api, fresh("unknown"))
    assert ask(unknown, "/chat")["content"] is None
    assert not unknown.was_there()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 200),
        ({"target": "bob"}, 200),
        ({"session_id": "hers"}, 200),
        ({"session_id": "his"}, 401),
        ({"session_id": "left"}, 401),
        ({"session_id": "unknown"}, 401),
        ({"filters": {"session_id": ["hers"]}}, 200),
        ({"filters": {"session_id": ["hers", "his"]}}, 401),
        ({"scope": "th"}, 401),
        ({"scope": ["th"]}, 401),
    ],
)
def test_a_peer_key_gives_access_only_to_sessions_of_its_peer(
    workspace_client: WorkspaceClient, body: Any, status: int
) -> None:
    for session in ("hers", "left"):
        workspace_client.session(session, peers={"alice": {}})
    workspace_client.ok("DELETE", "/sessions/left/peers", ["alice"])
    workspace_client.session("his", peers={"bob": {}})
    workspace_client.ok("POST", "/scopes", {"id": "th"})
    headers = key(Principal(workspace=workspace_client.id, peer="alice"))
    found = workspace_client.call("POST", "/peers/alice/chat", {"query": "tea", **body}, headers=headers)
    assert found.status_code == status, found.text
