"""Chat without streaming: valid questions, input of the reasoner, and responses."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from omoide.core.clock import from_micros
from omoide.core.errors import Unavailable
from omoide.reasoner.protocol import Question
from tests.handlers.recorded_questions import (
    QuestionRecorder,
    Waiting,
    ask,
    chat_client,
    events,
    failing,
    refused,
    saying,
)
from tests.handlers.workspace import WorkspaceClient
from tests.postgresql import open_store
from tests.reasoner.memory_fixtures import Past

Fresh = Callable[[str], str]
CHATS = ("/chat", "/peers/alice/chat")
FORMAT = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@pytest.fixture
def workspace_client(api: httpx.Client, told: QuestionRecorder, fresh: Fresh) -> WorkspaceClient:
    return chat_client(api, told, fresh("chat"))


def conclude(
    workspace_client: WorkspaceClient, content: str, observer: str = "alice", observed: str = "alice", **fields: Any
) -> Any:
    conclusion = {"content": content, "observer_id": observer, "observed_id": observed, **fields}
    (made,) = workspace_client.ok("POST", "/conclusions", {"conclusions": [conclusion]})
    return made


# Responses


@pytest.mark.parametrize("path", CHATS)
def test_an_answer_is_the_reasoners_complete_output(
    workspace_client: WorkspaceClient, told: QuestionRecorder, path: str
) -> None:
    told.say = saying("Green ", "", "tea", ".")
    assert ask(workspace_client, path) == {"content": "Green tea.", "evidence": None}


@pytest.mark.parametrize("pieces", [(), ("",), (" ", "\n\t")])
@pytest.mark.parametrize("path", CHATS)
def test_whitespace_only_is_no_answer(
    workspace_client: WorkspaceClient, told: QuestionRecorder, path: str, pieces: tuple[str, ...]
) -> None:
    told.say = saying(*pieces)
    assert ask(workspace_client, path) == {"content": None, "evidence": None}


def test_whitespace_within_an_answer_is_kept(workspace_client: WorkspaceClient, told: QuestionRecorder) -> None:
    told.say = saying("\n", "a", " ", "b")
    assert ask(workspace_client)["content"] == "\na b"


def test_evidence_lists_what_was_read_in_order_of_time(workspace_client: WorkspaceClient, db: Path) -> None:
    store = open_store(db)
    past = Past(store, workspace_client.id)
    source = past.conclude("tea is green", session="s")
    derived = past.conclude("tea is a habit", level="inductive", sources=[source])
    store.close()
    workspace_client.session("s", peers={"alice": {}})
    later, earlier = workspace_client.ok(
        "POST",
        "/sessions/s/messages",
        {
            "messages": [
                {"peer_id": "alice", "content": "tea now", "created_at": "2024-05-01T10:00:00+02:00"},
                {"peer_id": "bob", "content": "tea then", "created_at": "2024-01-01T00:00:00Z"},
            ]
        },
    )
    evidence = ask(workspace_client, include_evidence=True)["evidence"]
    assert evidence["conclusions"] == [
        {
            "id": each.id,
            "level": each.level,
            "content": each.content,
            "created_at": from_micros(each.said_at).isoformat().replace("+00:00", "Z"),
            "session_id": each.session_id,
            "observer_id": "alice",
            "observed_id": "alice",
            "source_ids": sources,
            "message_ids": each.message_ids,
            "quoted": False,
        }
        for each, sources in ((source, []), (derived, [source.id]))
    ]
    assert evidence["messages"] == [
        {
            "id": message["id"],
            "session_id": "s",
            "peer_id": peer,
            "created_at": said,
            "content": message["content"],
            "quoted": False,
        }
        for message, peer, said in ((earlier, "bob", "2024-01-01T00:00:00Z"), (later, "alice", "2024-05-01T08:00:00Z"))
    ]
    assert evidence["tool_calls"] == [
        {"tool_name": "search_memory", "tool_input": {"query": "tea", "top_k": 40}},
        {"tool_name": "search_messages", "tool_input": {"query": "tea", "limit": 20}},
    ]
    assert evidence["reasoning_trace_id"] is None


@pytest.mark.parametrize("path", CHATS)
def test_evidence_has_empty_lists_if_nothing_was_read(
    workspace_client: WorkspaceClient, told: QuestionRecorder, path: str
) -> None:
    told.say = saying("I know nothing.")
    nothing: Any = {"conclusions": [], "messages": [], "tool_calls": [], "reasoning_trace_id": None}
    assert ask(workspace_client, path, include_evidence=True)["evidence"] == nothing


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", CHATS)
def test_a_reasoner_that_fails_before_any_output_gives_an_error_status(
    workspace_client: WorkspaceClient, told: QuestionRecorder, path: str, stream: bool
) -> None:
    told.say = failing(Unavailable("The model does not answer"))
    assert refused(workspace_client, path, stream=stream) == (503, "The model does not answer")
    told.say = failing(RuntimeError("a secret that no client may read"))
    status, detail = refused(workspace_client, path, stream=stream)
    assert (status, bool(re.fullmatch(r"An unexpected error occurred \(request [0-9a-f]{16}\)", detail))) == (500, True)


def test_an_answer_that_fails_midway_is_an_error(workspace_client: WorkspaceClient, told: QuestionRecorder) -> None:
    told.say = failing(Unavailable("The model went away"), "Green")
    assert refused(workspace_client) == (503, "The model went away")


def test_questions_create_no_conclusions(workspace_client: WorkspaceClient) -> None:
    conclude(workspace_client, "likes tea")
    ask(workspace_client)
    assert workspace_client.ok("POST", "/conclusions/list")["total"] == 1


def test_work_on_an_answer_is_cancelled_when_the_client_disconnects(
    workspace_client: WorkspaceClient, told: QuestionRecorder
) -> None:
    for path in CHATS:
        waiting = told.say = Waiting("Green")
        leaving = threading.Thread(target=_leave_once_silent, args=(workspace_client, path, waiting))
        leaving.start()
        waiting.has_ended.wait()
        leaving.join()
        assert waiting.was_cancelled, path


def _leave_once_silent(workspace_client: WorkspaceClient, path: str, waiting: Waiting) -> None:
    """Ask over a separate connection, and close it before the answer is complete."""
    url = workspace_client.http.base_url
    body = b'{"query": "tea"}'
    lines = [
        f"POST {workspace_client.url}{path} HTTP/1.1",
        f"Host: {url.host}",
        f"Authorization: {workspace_client.http.headers['Authorization']}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    with socket.create_connection((url.host, url.port or 80)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        waiting.is_silent.wait()


# Input of the reasoner


def asked(told: QuestionRecorder) -> Question:
    (question,) = told.asked
    return question


def test_a_question_without_a_target_is_about_the_peer_itself(
    workspace_client: WorkspaceClient, told: QuestionRecorder
) -> None:
    workspace_client.peer("bob")
    ask(workspace_client)
    ask(workspace_client, target="bob")
    ask(workspace_client, target="alice")
    ask(workspace_client, target=None)
    pairs = [(question.observer_id, question.target_id) for question in told.asked]
    assert pairs == [("alice", "alice"), ("alice", "bob"), ("alice", "alice"), ("alice", "alice")]


def test_a_question_to_a_workspace_is_about_the_peers_that_it_names(
    workspace_client: WorkspaceClient, told: QuestionRecorder
) -> None:
    conclude(workspace_client, "Alice likes tea")
    workspace_client.peer("bob")
    conclude(workspace_client, "Bob hates tea", "bob", "bob")
    workspace_client.say("s", "More tea?")
    assert ask(workspace_client, "/chat")["content"].splitlines() == ["Alice likes tea", "Bob hates tea", "More tea?"]
    question = asked(told)
    assert (question.observer_id, question.target_id, question.session_id) == (None, None, None)


@pytest.mark.parametrize("path", CHATS)
def test_the_reasoner_gets_the_options_of_the_body(
    workspace_client: WorkspaceClient, told: QuestionRecorder, path: str
) -> None:
    workspace_client.session("s")
    ask(workspace_client, path, query="Where?", session_id="s", reasoning_level="max", response_format=FORMAT)
    question = asked(told)
    assert (question.query, question.level, question.session_id) == ("Where?", "max", "s")
    assert question.response_format == FORMAT


def test_the_default_level_is_low(workspace_client: WorkspaceClient, told: QuestionRecorder) -> None:
    ask(workspace_client)
    assert asked(told).level == "low"
    assert refused(workspace_client, reasoning_level="deep")[0] == 422


def test_a_semantic_query_replaces_the_query_in_the_search(
    workspace_client: WorkspaceClient, told: QuestionRecorder
) -> None:
    conclude(workspace_client, "likes tea")
    assert ask(workspace_client, query="What to buy?", semantic_query="tea")["content"] == "likes tea\n"
    assert asked(told).semantic_query == "tea"
    assert refused(workspace_client, semantic_query="")[0] == 422


def test_cards_are_the_observers_own_and_the_one_about_the_target(
    workspace_client: WorkspaceClient, told: QuestionRecorder
) -> None:
    workspace_client.peer("bob")
    workspace_client.ok("PUT", "/peers/alice/card", {"peer_card": ["Name: Alice"]})
    workspace_client.ok("PUT", "/peers/alice/card", {"peer_card": ["Name: Bob"]}, params={"target": "bob"})
    workspace_client.ok("PUT", "/peers/bob/card", {"peer_card": ["Never seen by Alice"]})
    ask(workspace_client)
    ask(workspace_client, target="bob")
    cards = [([*question.observer_card], [*question.target_card]) for question in told.asked]
    assert cards == [([], ["Name: Alice"]), (["Name: Alice"], ["Name: Bob"])]


@pytest.mark.parametrize(
    ("workspace", "session", "expected"),
    [
        ({}, {}, ["Name: Alice"]),
        ({"peer_card": {"use": False}}, {}, []),
        ({"peer_card": {"use": False}}, {"peer_card": {"use": True}}, ["Name: Alice"]),
        ({}, {"peer_card": {"use": False}}, []),
    ],
)
def test_configuration_decides_whether_cards_are_used(
    workspace_client: WorkspaceClient, told: QuestionRecorder, workspace: Any, session: Any, expected: list[str]
) -> None:
    workspace_client.ok("PUT", "", {"configuration": workspace})
    workspace_client.session("s", configuration=session)
    workspace_client.ok("PUT", "/peers/alice/card", {"peer_card": ["Name: Alice"]})
    ask(workspace_client, session_id="s")
    assert asked(told).target_card == expected


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize(
    ("workspace", "session", "expected"),
    [
        ({}, {}, None),
        ({"dialectic": {"custom_instructions": "Be brief."}}, {}, "Be brief."),
        ({"dialectic": {"custom_instructions": "Be brief."}}, {"custom_instructions": "Rhyme."}, "Rhyme."),
        ({"dialectic": {"custom_instructions": "Be brief."}}, {"custom_instructions": " "}, None),
        ({"reasoning": {"custom_instructions": "Only food."}}, {}, None),
    ],
)
def test_instructions_come_from_the_session_before_the_workspace(
    workspace_client: WorkspaceClient,
    told: QuestionRecorder,
    path: str,
    workspace: Any,
    session: Any,
    expected: str | None,
) -> None:
    workspace_client.ok("PUT", "", {"configuration": workspace})
    workspace_client.session("s", configuration=session)
    ask(workspace_client, path, session_id="s")
    assert asked(told).instructions == expected


def test_a_streamed_answer_is_the_same(workspace_client: WorkspaceClient) -> None:
    conclude(workspace_client, "likes tea")
    body = {"query": "tea", "stream": True, "include_evidence": True}
    streamed = events(workspace_client.call("POST", "/peers/alice/chat", body).content)
    whole = ask(workspace_client, include_evidence=True)
    assert "".join(event["delta"]["content"] for event in streamed[:-1]) == whole["content"]
    assert streamed[-1] == {"done": True, "evidence": whole["evidence"]}
