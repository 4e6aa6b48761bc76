"""Messages that a chat may read, depending on the key and on when its peer was in the sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from omoide.core import clock
from omoide.core.auth import ADMIN, Principal
from omoide.core.records import Summary
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Question
from omoide.storage import Transaction, sessions, summaries
from tests.handlers.recorded_questions import QuestionRecorder, events, key, served
from tests.handlers.workspace import WorkspaceClient
from tests.postgresql import open_store

Fresh = Callable[[str], str]
WHEN = ("before", "first stay", "away", "second stay")


class Reading:
    """Answers with the results of all tools that read messages, one item per line."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        """Messages whose context is requested."""

    async def __call__(self, question: Question, memory: MemoryView) -> AsyncIterator[str]:
        snippets = [
            *await memory.search_messages("tea", 20),
            *await memory.grep_messages("TEA", 30),
            *await memory.search_messages(["tea"], after=0),
            *await memory.get_observation_context(self.ids),
        ]
        read = [message for snippet in snippets for message in snippet.messages]
        read += await memory.get_messages_by_date_range(None, None)
        read += await memory.get_recent_history(10_000)
        for line in sorted({message.content for message in read}):
            yield f"{line}\n"
        yield await memory.get_session_summary() or ""


@pytest.fixture(scope="module")
def reading() -> Reading:
    return Reading()


@pytest.fixture(scope="module")
def api(reading: Reading, db: Path) -> Iterator[httpx.Client]:
    reasoner = QuestionRecorder()
    reasoner.say = reading
    with served(db, reasoner) as url, httpx.Client(base_url=url, timeout=None, headers=key()) as client:
        yield client


@pytest.fixture
def workspace_client(api: httpx.Client, reading: Reading, fresh: Fresh) -> WorkspaceClient:
    """alice has left `back` and returned, has left `left`, and was never in `other`."""
    workspace_client = WorkspaceClient(api, fresh("stays"))
    reading.ids = []
    for session in ("back", "left"):
        for when in WHEN:
            if when in ("first stay", "second stay"):
                workspace_client.ok("POST", f"/sessions/{session}/peers", {"alice": {}})
            reading.ids += [
                each["id"] for each in workspace_client.say(session, f"tea {when} in {session}", peer="bob")
            ]
            if when == "first stay" or (session, when) == ("left", "second stay"):
                workspace_client.ok("DELETE", f"/sessions/{session}/peers", ["alice"])
    reading.ids += [each["id"] for each in workspace_client.say("left", "tea after in left", peer="bob")]
    reading.ids += [each["id"] for each in workspace_client.say("other", "tea in other", peer="bob")]
    return workspace_client


def ask(workspace_client: WorkspaceClient, principal: Principal, **body: Any) -> set[str]:
    """The answer of the chat with alice, the same whole and streamed; its evidence contains nothing else."""
    given = {"query": "tea", "include_evidence": True, **body}
    whole = workspace_client.ok("POST", "/peers/alice/chat", given, headers=key(principal))
    *pieces, last = events(
        workspace_client.call("POST", "/peers/alice/chat", {**given, "stream": True}, headers=key(principal)).content
    )
    assert "".join(event["delta"]["content"] for event in pieces) == (whole["content"] or "")
    assert last["evidence"] == whole["evidence"]
    said = {*(whole["content"] or "").splitlines()}
    assert len(whole["evidence"]["messages"]) == len(said)
    return said


def alices(workspace_client: WorkspaceClient) -> Principal:
    return Principal(workspace=workspace_client.id, peer="alice")


@pytest.mark.parametrize("more", [{}, {"target": "bob"}, {"reasoning_level": "max"}])
def test_a_peer_key_reads_messages_of_its_stays_in_current_sessions(
    workspace_client: WorkspaceClient, more: dict[str, Any]
) -> None:
    assert ask(workspace_client, alices(workspace_client), **more) == {
        "tea first stay in back",
        "tea second stay in back",
    }
    workspace_client.ok("DELETE", "/sessions/back/peers", ["alice"])
    assert ask(workspace_client, alices(workspace_client), **more) == set()
    workspace_client.ok("POST", "/sessions/left/peers", {"alice": {}})
    assert ask(workspace_client, alices(workspace_client), **more) == {
        "tea first stay in left",
        "tea second stay in left",
    }


@pytest.mark.parametrize(
    "named",
    [{"session_id": "back"}, {"filters": {"session_id": "back"}}, {"filters": {"session_id": {"in": ["back"]}}}],
)
def test_a_peer_key_that_names_a_session_reads_the_same_as_its_list(
    workspace_client: WorkspaceClient, named: dict[str, Any]
) -> None:
    assert (
        ask(workspace_client, alices(workspace_client), **named)
        == {f"tea {when} in back" for when in WHEN}
        == {*workspace_client.said("back")}
    )


@pytest.mark.parametrize("principal", [ADMIN, None], ids=["admin", "workspace"])
def test_a_perspective_excludes_messages_said_while_its_peer_was_away(
    workspace_client: WorkspaceClient, principal: Principal | None
) -> None:
    wide = principal or Principal(workspace=workspace_client.id)
    seen = {f"tea {when} in {session}" for session in ("back", "left") for when in WHEN if when != "away"}
    assert ask(workspace_client, wide) == seen
    workspace_client.ok("POST", "/sessions/left/peers", {"alice": {}})
    assert ask(workspace_client, wide) == seen
    workspace_client.say("left", "tea at last", peer="bob")
    assert ask(workspace_client, wide) == seen | {"tea at last"}


def test_an_authors_perspective_includes_messages_before_its_first(workspace_client: WorkspaceClient) -> None:
    workspace_client.say("new", "Bob's tea is in Lisbon", peer="bob")
    workspace_client.say("new", "good tea", peer="alice")
    assert {"Bob's tea is in Lisbon", "good tea"} <= ask(workspace_client, ADMIN)
    assert "good tea" in ask(workspace_client, alices(workspace_client))


def test_a_search_with_a_peer_key_finds_its_messages_in_current_sessions(workspace_client: WorkspaceClient) -> None:
    for session in ("back", "left"):
        workspace_client.say(session, f"my tea in {session}")
    workspace_client.ok("DELETE", "/sessions/left/peers", ["alice"])

    def found(principal: Principal, query: str) -> set[str]:
        answer = workspace_client.ok("POST", "/peers/alice/search", {"query": query}, headers=key(principal))
        return {message["content"] for message in answer}

    for query in ("tea", "", "my tea in"):
        assert found(alices(workspace_client), query) == {"my tea in back"}
        assert found(ADMIN, query) == {"my tea in back", "my tea in left"}


def test_a_peer_key_lists_the_current_sessions_of_its_peer(workspace_client: WorkspaceClient) -> None:
    def listed(principal: Principal, **filters: Any) -> list[str]:
        answer = workspace_client.ok(
            "POST", "/peers/alice/sessions", {"filters": filters or None}, headers=key(principal)
        )
        return [session["id"] for session in answer["items"]]

    for filters in ({}, {"is_active": True}, {"is_active": {"ne": False}}, {"OR": [{"is_active": True}]}):
        assert listed(alices(workspace_client), **filters) == ["back"]
    assert listed(ADMIN, is_active=True) == ["back", "left"]


def test_a_member_that_leaves_during_an_answer_learns_no_more(
    workspace_client: WorkspaceClient, api: httpx.Client, reading: Reading, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_summary(db, workspace_client, "tea all along")
    seen: list[tuple[set[str], str | None]] = []

    async def leaving(question: Question, memory: MemoryView) -> None:
        for _ in range(2):
            history = {message.content for message in await memory.get_recent_history(10_000)}
            history |= {message.content for each in await memory.grep_messages("tea", 30) for message in each.messages}
            seen.append((history, await memory.get_session_summary()))
            async with httpx.AsyncClient(base_url=api.base_url, headers=key(), timeout=None) as client:
                await client.request("DELETE", f"{workspace_client.url}/sessions/back/peers", json=["alice"])

    async def say(self: Reading, question: Question, memory: MemoryView) -> AsyncIterator[str]:
        await leaving(question, memory)
        yield "done"

    monkeypatch.setattr(Reading, "__call__", say)
    workspace_client.ok(
        "POST", "/peers/alice/chat", {"query": "tea", "session_id": "back"}, headers=key(alices(workspace_client))
    )
    assert seen == [({*workspace_client.said("back")}, "tea all along"), (set(), None)]


def with_summary(db: Path, workspace_client: WorkspaceClient, content: str) -> None:
    def put(connection: Transaction) -> None:
        session = sessions.get(connection, workspace_client.id, "back")
        made = Summary(content, "m" * 21, 1, summaries.SHORT, clock.now(), 3)
        summaries.put(connection, session.pk, made, clock.now())

    store = open_store(db)
    asyncio.run(store.write(put))
    store.close()
