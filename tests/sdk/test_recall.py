"""Reading memory by the SDK: cards, representations, contexts, summaries, searches."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from honcho import Honcho, NotFoundError, Peer, Session, UnprocessableEntityError
from honcho.api_types import ReasoningConfiguration, SummaryConfiguration, WorkspaceConfiguration

from omoide.core import clock
from omoide.core.records import Summary
from omoide.storage import Transaction, sessions, summaries
from tests.postgresql import open_store
from tests.sdk.styles import Style
from tests.server_process import Server

HEADING = "## Explicit Observations\n\n"


@pytest.fixture
def walk(honcho: Honcho, call: Style) -> Any:
    """A session of alice and bob, in a workspace with reasoning off."""
    quiet = WorkspaceConfiguration(
        reasoning=ReasoningConfiguration(enabled=False), summary=SummaryConfiguration(enabled=False)
    )
    call(honcho.set_configuration, quiet)
    session = call(honcho.session, "walk")
    alice, bob = Peer("alice", honcho), Peer("bob", honcho)
    call(session.add_messages, [alice.message("I walk the dog", metadata={"n": 1}), bob.message("My dog is Rex")])
    return session


@pytest.fixture
def alice(honcho: Honcho, walk: Session, call: Style) -> Any:
    """alice, with two conclusions about bob and a card."""
    peer = call(honcho.peer, "alice")
    known = [{"content": "bob has a dog", "session_id": "walk"}, {"content": "bob reports to carol"}]
    call(peer.conclusions_of("bob").create, known)
    call(peer.set_card, ["ATTRIBUTE: has a dog"], "bob")
    return peer


# Cards


def test_a_card_is_returned_as_written_for_each_target(honcho: Honcho, call: Style) -> None:
    alice, bob = call(honcho.peer, "alice"), call(honcho.peer, "bob")
    assert call(alice.get_card) is None
    assert call(alice.set_card, ["IDENTITY: Alice", "anything"]) == ["IDENTITY: Alice", "anything"]
    assert call(alice.set_card, ["RELATIONSHIP: friend"], target=bob) == ["RELATIONSHIP: friend"]
    assert call(alice.get_card) == ["IDENTITY: Alice", "anything"]
    assert call(alice.get_card, "bob") == ["RELATIONSHIP: friend"]
    assert call(bob.get_card) is None
    assert call(alice.set_card, []) == call(alice.get_card) == []


def test_the_card_of_a_missing_peer_is_not_found(honcho: Honcho, call: Style) -> None:
    with pytest.raises(NotFoundError):
        call(Peer("nobody", honcho).get_card)


# Representations and contexts


def test_a_representation_has_the_conclusions(alice: Peer, walk: Session, call: Style) -> None:
    text = call(alice.representation, target="bob")
    assert text.startswith(HEADING)
    assert {line.partition("] ")[2] for line in text.splitlines()[2:]} == {"bob has a dog", "bob reports to carol"}
    assert call(alice.conclusions_of("bob").representation) == text
    assert call(alice.representation) == ""
    assert "carol" not in call(alice.representation, target="bob", max_conclusions=1, search_query="dog")
    assert "carol" in call(alice.representation, target="bob", include_most_frequent=True, search_max_distance=0.9)


def test_a_representation_is_limited_to_sessions(alice: Peer, walk: Session, call: Style) -> None:
    limited = call(walk.representation, "alice", target="bob")
    assert "bob has a dog" in limited
    assert "carol" not in limited
    assert call(alice.representation, target="bob", session=walk) == limited
    assert call(alice.representation, target="bob", sessions=["walk", "nowhere"]) == limited
    assert call(alice.representation, target="bob", sessions=["nowhere"]) == ""
    with pytest.raises(UnprocessableEntityError):
        call(alice.representation, target="bob", session="walk", sessions=["nowhere"])


def test_a_peers_context_is_its_representation_and_its_card(alice: Peer, call: Style) -> None:
    known = call(alice.context, target="bob")
    assert (known.peer_id, known.target_id, known.peer_card) == ("alice", "bob", ["ATTRIBUTE: has a dog"])
    assert "bob reports to carol" in known.representation
    of_herself = call(alice.context)
    assert (of_herself.target_id, of_herself.peer_card) == ("alice", None)
    assert not of_herself.representation
    few = call(alice.context, target="bob", search_query="dog", search_top_k=1, max_conclusions=1)
    assert "carol" not in few.representation


def test_a_sessions_context_is_the_newest_messages_that_fit(walk: Session, call: Style) -> None:
    whole = call(walk.context)
    assert [message.content for message in whole.messages] == ["I walk the dog", "My dog is Rex"]
    assert (whole.summary, whole.peer_representation, whole.peer_card) == (None, None, None)
    newest = call(walk.context, summary=False, tokens=whole.messages[1].token_count)
    assert [message.content for message in newest.messages] == ["My dog is Rex"]
    assert [message["role"] for message in whole.to_openai(assistant="bob")] == ["user", "assistant"]
    assert len(whole.to_anthropic(assistant="alice")) == 2


def test_a_sessions_context_has_what_one_peer_knows_of_another(alice: Peer, walk: Session, call: Style) -> None:
    known = call(walk.context, peer_target="bob", peer_perspective="alice")
    assert "bob reports to carol" in known.peer_representation
    assert known.peer_card == ["ATTRIBUTE: has a dog"]
    found = call(walk.context, peer_target="bob", peer_perspective="alice", search_query="dog").peer_representation
    assert "bob has a dog" in found
    assert "carol" not in found, "a representation is not filled up with what was not asked for"
    for limits in ({"limit_to_session": True}, {"sessions": [walk, "other"]}):
        limited = call(walk.context, peer_target="bob", peer_perspective="alice", **limits)
        assert "bob has a dog" in limited.peer_representation
        assert "carol" not in limited.peer_representation


# Summaries


def test_summaries_are_none_until_they_exist(walk: Session, call: Style) -> None:
    found = call(walk.summaries)
    assert (found.id, found.short_summary, found.long_summary) == ("walk", None, None)


def test_a_summary_is_returned_and_starts_the_context(walk: Session, server: Server, call: Style) -> None:
    last = call(walk.messages)[1]

    def summarised(db: Transaction) -> None:
        session = sessions.get(db, walk.workspace_id, "walk")
        now = clock.now()
        summary = Summary("They talk about Rex.", last.id, 2, summaries.SHORT, now, 6)
        summaries.put(db, session.pk, summary, now)

    store = open_store(server.db)
    asyncio.run(store.write(summarised))
    store.close()
    found = call(walk.summaries)
    assert found.long_summary is None
    short = found.short_summary
    assert (short.content, short.message_id, short.token_count) == ("They talk about Rex.", last.id, 6)
    assert short.summary_type == "honcho_chat_summary_short"
    context = call(walk.context, tokens=1000)
    assert context.summary == short
    whole = ["I walk the dog", "My dog is Rex"]  # a summary between two intervals leaves no message out
    assert [message.content for message in context.messages] == whole
    assert call(walk.context, summary=False).summary is None


# Searches


@pytest.fixture
def work(honcho: Honcho, walk: Session, call: Style) -> Any:
    session = call(honcho.session, "work")
    call(
        session.add_messages,
        [Peer("alice", honcho).message("The dog ate the report"), Peer("bob", honcho).message("?")],
    )
    return session


def test_a_search_is_restricted_to_its_resource(honcho: Honcho, walk: Session, work: Session, call: Style) -> None:
    everywhere = call(honcho.search, "dog", limit=3)
    assert {message.content for message in everywhere} == {"I walk the dog", "My dog is Rex", "The dog ate the report"}
    assert {message.peer_id for message in call(Peer("alice", honcho).search, "dog")} == {"alice"}
    assert {message.session_id for message in call(work.search, "dog")} == {"work"}
    assert call(work.search, "dog")[0].content == "The dog ate the report"
    assert call(Session("nowhere", honcho).search, "dog") == []


def test_a_search_is_filtered(honcho: Honcho, walk: Session, work: Session, call: Style) -> None:
    assert call(honcho.search, "dog", filters={"peer_id": "bob"})[0].content == "My dog is Rex"
    for filters in ({"metadata": {"n": 1}}, {"metadata": {"n": {"in": [1, 2]}}, "peer_id": "alice"}):
        assert [m.content for m in call(walk.search, "dog", filters=filters)] == ["I walk the dog"]
    assert call(walk.search, "dog", filters={"created_at": {"lt": "2001-01-01"}}) == []
    with pytest.raises(UnprocessableEntityError, match="nope"):
        call(honcho.search, "dog", filters={"nope": 1})


def test_a_search_is_restricted_to_a_scope(honcho: Honcho, walk: Session, work: Session, call: Style) -> None:
    scope = call(honcho.scope, "office")
    call(scope.add_sessions, [work])
    found = call(honcho.search, "dog", scope=scope)
    assert found[0].content == "The dog ate the report"
    assert {message.session_id for message in found} == {"work"}
    assert call(honcho.search, "dog", scope=call(honcho.scope, "empty")) == []
    with pytest.raises(NotFoundError):
        call(honcho.search, "dog", scope="nothing")
