"""Restricted chats: the conclusions, messages and cards that each option allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from omoide.core import clock
from omoide.services import session_filter
from omoide.storage import Transaction, members, sessions
from omoide.storage.peers import ensure
from tests.handlers.recorded_questions import QuestionRecorder
from tests.handlers.workspace import WorkspaceClient
from tests.postgresql import open_store
from tests.reasoner.memory_fixtures import Past

Fresh = Callable[[str], str]


@pytest.fixture
def past(db: Path, fresh: Fresh) -> Iterator[Past]:
    """Alice in the sessions a, b and c, which she has left; bob in d. The scopes ab and d."""
    store = open_store(db)
    past = Past(store, fresh("scoped"))
    for session, peer in (("a", "alice"), ("b", "alice"), ("c", "alice"), ("d", "bob")):
        past.say(session, f"tea said in {session}", peer=peer)
        past.conclude(f"tea known from {session}", peer, "alice", session=session)
    past.leave("c", "alice")
    source = past.conclude("tea known from nowhere")
    past.conclude("tea derived", level="inductive", session="a", sources=[source])
    ab = past.scope("ab", "a", "b")
    past.scope("d", "d")
    past.conclude("tea of the scope", ab, "alice", session="a")
    past.conclude("tea derived by the scope", ab, "alice", level="deductive", sources=[source])
    yield past
    store.close()


@pytest.fixture
def workspace_client(api: httpx.Client, told: QuestionRecorder, past: Past) -> WorkspaceClient:
    told.asked.clear()
    workspace_client = WorkspaceClient(api, past.workspace_id)
    for observer in ("alice", "scope.ab"):
        workspace_client.ok(
            "PUT", f"/peers/{observer}/card", {"peer_card": [f"Kept by {observer}"]}, params={"target": "alice"}
        )
    return workspace_client


OWN = {"tea known from a", "tea known from b", "tea known from c", "tea known from nowhere", "tea derived"}


def found(workspace_client: WorkspaceClient, path: str, body: Any) -> set[str]:
    content = workspace_client.ok("POST", path, {"query": "tea", **body})["content"]
    return set((content or "").splitlines())


def said(*session_ids: str) -> set[str]:
    return {f"tea said in {session}" for session in session_ids}


def known(*session_ids: str) -> set[str]:
    return {f"tea known from {session}" for session in session_ids}


@pytest.mark.parametrize(
    ("body", "conclusions", "messages", "card"),
    [
        ({}, OWN, said("a", "b", "c"), "alice"),
        ({"session_id": "a"}, OWN, said("a"), "alice"),
        ({"session_id": "d"}, OWN, said("d"), "alice"),
        ({"filters": {"session_id": "a"}}, known("a"), said("a"), None),
        ({"filters": {"session_id": ["a", "c"]}}, known("a", "c"), said("a", "c"), None),
        ({"filters": {"session_id": {"in": ["b", "unknown"]}}}, known("b"), said("b"), None),
        ({"filters": {"session_id": []}}, set(), set(), None),
        ({"filters": {"session_id": None}}, OWN, said("a", "b", "c"), "alice"),
        ({"filters": {"session_id": ["a", "b"]}, "session_id": "b"}, known("a", "b"), said("b"), None),
        ({"scope": "ab"}, {"tea of the scope", "tea derived by the scope"}, said("a", "b"), "scope.ab"),
        ({"scope": ["ab"]}, known("a", "b"), said("a", "b"), None),
        ({"scope": ["ab", "d"]}, known("a", "b"), said("a", "b", "d"), None),
        ({"scope": ["d"]}, set(), said("d"), None),
    ],
)
def test_a_question_to_a_peer_reads_what_its_options_allow(
    workspace_client: WorkspaceClient,
    told: QuestionRecorder,
    body: Any,
    conclusions: set[str],
    messages: set[str],
    card: str | None,
) -> None:
    assert found(workspace_client, "/peers/alice/chat", body) == conclusions | messages
    assert [*told.asked[0].target_card] == ([] if card is None else [f"Kept by {card}"])


@pytest.mark.parametrize(
    ("body", "conclusions", "messages"),
    [
        ({}, OWN | known("d") | {"tea of the scope", "tea derived by the scope"}, said(*"abcd")),
        ({"session_id": "d"}, OWN | known("d") | {"tea of the scope", "tea derived by the scope"}, said("d")),
        ({"scope": "ab"}, known("a", "b") | {"tea of the scope"}, said("a", "b")),
        ({"scope": ["ab", "d"]}, known("a", "b", "d") | {"tea of the scope"}, said("a", "b", "d")),
    ],
)
def test_a_question_to_a_workspace_reads_what_its_options_allow(
    workspace_client: WorkspaceClient, told: QuestionRecorder, body: Any, conclusions: set[str], messages: set[str]
) -> None:
    assert found(workspace_client, "/chat", body) == conclusions | messages
    assert [*told.asked[0].observer_card, *told.asked[0].target_card] == []


def test_evidence_comes_only_from_the_scope(workspace_client: WorkspaceClient) -> None:
    body = {"query": "tea", "scope": ["ab"], "include_evidence": True}
    evidence = workspace_client.ok("POST", "/peers/alice/chat", body)["evidence"]
    assert {each["session_id"] for each in evidence["conclusions"]} == {"a", "b"}
    assert {each["session_id"] for each in evidence["messages"]} == {"a", "b"}


def test_a_scope_answers_about_a_target(workspace_client: WorkspaceClient, told: QuestionRecorder) -> None:
    workspace_client.peer("bob")
    workspace_client.ok("POST", "/peers/alice/chat", {"query": "tea", "scope": "ab", "target": "bob"})
    assert (told.asked[0].observer_id, told.asked[0].target_id) == ("scope.ab", "bob")


@pytest.mark.parametrize("path", ["/chat", "/peers/alice/chat"])
@pytest.mark.parametrize("scope", ["empty", ["empty"]])
def test_a_scope_without_sessions_recalls_nothing(workspace_client: WorkspaceClient, path: str, scope: Any) -> None:
    workspace_client.ok("POST", "/scopes", {"id": "empty"})
    assert found(workspace_client, path, {"scope": scope}) == set()


@pytest.mark.parametrize("path", ["/chat", "/peers/alice/chat"])
def test_a_session_removed_from_a_scope_is_not_read(workspace_client: WorkspaceClient, path: str) -> None:
    workspace_client.ok("DELETE", "/scopes/ab/sessions/b")
    assert said("b").isdisjoint(found(workspace_client, path, {"scope": "ab"}))
    assert (known("b") | said("b")).isdisjoint(found(workspace_client, path, {"scope": ["ab"]}))


@pytest.mark.parametrize("path", ["/chat", "/peers/alice/chat"])
def test_too_many_sessions_are_refused(workspace_client: WorkspaceClient, past: Past, path: str) -> None:
    def fill(db: Transaction) -> None:
        for number in range(session_filter.MAX_SESSIONS + 1):
            workspace, session = sessions.ensure(db, past.workspace_id, f"s{number}", clock.now())
            scope = ensure(db, workspace, ["scope.d"], clock.now())["scope.d"]
            members.join_as_authors(db, session, [scope], clock.now(), max_observers=10)

    past.write(fill)
    refused = workspace_client.call("POST", path, {"query": "tea", "scope": ["d"]})
    assert (refused.status_code, "at most 1000 sessions" in refused.text) == (422, True)
    listed = {"session_id": [f"s{number}" for number in range(session_filter.MAX_SESSIONS + 1)]}
    assert workspace_client.call("POST", "/peers/alice/chat", {"query": "tea", "filters": listed}).status_code == 422
