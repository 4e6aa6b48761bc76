"""Chat by the SDK: with a peer and a workspace, every option, whole and streamed.

The server derives the memory from messages. The quality of answers is not tested here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from honcho import Honcho, NotFoundError, Peer, Session, UnprocessableEntityError
from honcho.api_types import SessionPeerConfig
from pydantic import BaseModel

from tests.sdk.conftest import Connect, settle
from tests.sdk.styles import Plain, Style
from tests.server_process import Server

LIVES = "Where does Alice live?"
WORKS = "Where does Alice work?"
UNSAID = "What is Alice's favourite opera?"
ALL = "What do you know about Alice?"
LEVELS = ["minimal", "low", "medium", "high", "max"]


class Resident(BaseModel):
    city: str | None
    favourite_opera: str | None = None


@pytest.fixture(scope="module")
def town(restless: Server) -> str:
    """A workspace where alice and bob talk in `walk` (in the scope `home`), bob observing alice, and where alice writes
    alone in `work` (in the scope `office`)."""
    honcho, call = Honcho(base_url=restless.url, workspace_id="town"), Plain()
    alice, bob = Peer("alice", honcho), Peer("bob", honcho)
    listens = SessionPeerConfig(observe_others=True)
    walk = call(honcho.session, "walk", peers=[alice, (bob, listens)], scopes=["home"])
    work = call(honcho.session, "work", peers=[alice], scopes=["office"])
    said = [alice.message("I live in Lisbon."), bob.message("I am a nurse."), alice.message("I have a dog called Rex.")]
    call(walk.add_messages, said)
    call(work.add_messages, alice.message("I work at a bakery."))
    settle(honcho, call)
    call.close(honcho)
    return "town"


@pytest.fixture
def honcho(restless: Server, town: str, connect: Connect) -> Honcho:
    return connect(restless, town)


@pytest.fixture
def alice(honcho: Honcho) -> Any:
    return Peer("alice", honcho)


@pytest.fixture
def bob(honcho: Honcho) -> Any:
    return Peer("bob", honcho)


@pytest.fixture(params=["whole", "streamed"])
def ask(request: pytest.FixtureRequest, call: Style) -> Callable[..., str]:
    """`ask(alice, question, ...)` is the text of the answer, which is the same whole and streamed."""

    def whole(of: Any, query: str, **options: Any) -> str:
        return str(call(of.chat, query, **options))

    def streamed(of: Any, query: str, **options: Any) -> str:
        pieces, stream = call.stream(of.chat_stream, query, **options)
        assert stream.is_complete
        assert stream.get_final_response() == {"content": "".join(pieces)}
        return "".join(pieces)

    return whole if request.param == "whole" else streamed


# Questions to a peer


def test_a_peer_answers_from_its_messages(ask: Callable[..., str], alice: Peer) -> None:
    assert "Lisbon" in ask(alice, LIVES)
    assert "bakery" in ask(alice, WORKS)


def test_unknown_facts_are_answered_as_unknown(ask: Callable[..., str], alice: Peer) -> None:
    assert "no information" in ask(alice, UNSAID)


def test_a_peer_knows_what_it_observed_of_another(ask: Callable[..., str], alice: Peer, bob: Peer) -> None:
    assert "Lisbon" in ask(bob, LIVES, target=alice)
    assert "bakery" not in ask(bob, WORKS, target="alice")


def test_a_session_does_not_restrict_conclusions(ask: Callable[..., str], alice: Peer) -> None:
    assert "bakery" in ask(alice, WORKS, session="walk")


def test_listed_sessions_exclude_all_others(ask: Callable[..., str], honcho: Honcho, alice: Peer) -> None:
    walk = Session("walk", honcho)
    assert "Lisbon" in ask(alice, LIVES, sessions=[walk, "nowhere"])
    assert "bakery" not in ask(alice, WORKS, sessions=[walk])
    assert "Lisbon" in ask(alice, LIVES, sessions=[walk, "work"], session=walk)


def test_scopes_exclude_all_other_sessions(ask: Callable[..., str], honcho: Honcho, alice: Peer, call: Style) -> None:
    home = call(honcho.get_scope, "home")
    assert "Lisbon" in ask(alice, LIVES, scope="home")
    assert "bakery" not in ask(alice, WORKS, scope=home)
    assert "bakery" in ask(alice, WORKS, scope=[home, "office"])


@pytest.mark.parametrize("level", LEVELS)
def test_a_peer_answers_at_every_level(ask: Callable[..., str], alice: Peer, level: str) -> None:
    assert "Lisbon" in ask(alice, LIVES, reasoning_level=level)


def test_a_schema_gives_an_answer_in_json(ask: Callable[..., str], alice: Peer) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    assert json.loads(ask(alice, LIVES, response_format=schema)) == {"city": "Lisbon"}


# Questions to a workspace


def test_a_workspace_answers_about_the_peer_in_the_question(ask: Callable[..., str], honcho: Honcho) -> None:
    assert "Lisbon" in ask(honcho, LIVES)
    assert "bob" in ask(honcho, "Who is a nurse?")
    assert "no information" in ask(honcho, UNSAID)


def test_questions_to_a_workspace_take_every_option(ask: Callable[..., str], honcho: Honcho) -> None:
    assert "bakery" in ask(honcho, WORKS, session=Session("walk", honcho))
    assert "bakery" not in ask(honcho, WORKS, scope="home")
    assert "bakery" in ask(honcho, WORKS, scope=["home", "office"])
    schema = Resident.model_json_schema()
    assert json.loads(ask(honcho, LIVES, response_format=schema))["city"] == "Lisbon"


@pytest.mark.parametrize("level", LEVELS)
def test_a_workspace_answers_at_every_level(ask: Callable[..., str], honcho: Honcho, level: str) -> None:
    assert "Lisbon" in ask(honcho, LIVES, reasoning_level=level)


# Responses


@pytest.mark.parametrize("whom", ["alice", "honcho"])
def test_a_model_is_filled_only_with_known_facts(whom: str, request: pytest.FixtureRequest, call: Style) -> None:
    of = request.getfixturevalue(whom)
    assert call(of.chat, LIVES, response_format=Resident) == Resident(city="Lisbon", favourite_opera=None)
    answer = call(of.chat, LIVES, response_format=Resident, include_evidence=True)
    assert answer.content == Resident(city="Lisbon")
    assert answer.evidence.conclusions
    pieces, _ = call.stream(of.chat_stream, LIVES, response_format=Resident)
    assert Resident.model_validate_json("".join(pieces)) == answer.content


@pytest.mark.parametrize("whom", ["alice", "honcho"])
def test_evidence_lists_what_was_read(whom: str, request: pytest.FixtureRequest, call: Style) -> None:
    of = request.getfixturevalue(whom)
    answer = call(of.chat, LIVES, include_evidence=True)
    assert answer.content == call(of.chat, LIVES)
    evidence = answer.evidence
    [lives] = [read for read in evidence.conclusions if "Lisbon" in read.content and read.observer_id == "alice"]
    assert (lives.level, lives.session_id, lives.observed_id, lives.source_ids) == ("explicit", "walk", "alice", [])
    assert {read.session_id for read in evidence.messages} == {"walk", "work"}
    assert "search_memory" in {tool.tool_name for tool in evidence.tool_calls}
    _, stream = call.stream(of.chat_stream, LIVES, include_evidence=True)
    assert stream.evidence == evidence
    _, stream = call.stream(of.chat_stream, LIVES)
    assert stream.evidence is None


def test_evidence_can_be_fetched(honcho: Honcho, alice: Peer, call: Style) -> None:
    evidence = call(alice.chat, LIVES, sessions=["walk"], include_evidence=True).evidence
    known = call(honcho.conclusions.get_many, [read.id for read in evidence.conclusions])
    assert {each.content for each in known} == {read.content for read in evidence.conclusions}
    said = [call(Session(read.session_id, honcho).get_message, read.id) for read in evidence.messages]
    assert "I live in Lisbon." in {message.content for message in said}


def test_a_session_restricts_the_messages_that_are_read(alice: Peer, call: Style) -> None:
    evidence = call(alice.chat, WORKS, session="walk", include_evidence=True).evidence
    assert {read.session_id for read in evidence.messages} == {"walk"}


def test_a_streamed_answer_comes_in_pieces(alice: Peer, call: Style) -> None:
    pieces, _ = call.stream(alice.chat_stream, ALL)
    assert len(pieces) > 1
    assert "".join(pieces) == call(alice.chat, ALL)


# Refusals


@pytest.mark.parametrize("options", [{"target": "nobody"}, {"session": "nowhere"}, {"scope": "none"}], ids=str)
def test_missing_resources_are_not_found(alice: Peer, options: dict[str, Any], call: Style) -> None:
    with pytest.raises(NotFoundError):
        call(alice.chat, LIVES, **options)
    with pytest.raises(NotFoundError):
        call.stream(alice.chat_stream, LIVES, **options)


def test_conflicting_options_are_refused(honcho: Honcho, alice: Peer, call: Style) -> None:
    with pytest.raises(UnprocessableEntityError, match="scope cannot be combined with session_id"):
        call(honcho.chat, LIVES, session="walk", scope="home")
    with pytest.raises(UnprocessableEntityError, match="must be included"):
        call(alice.chat, LIVES, session="walk", sessions=["work"])


@pytest.mark.parametrize("schema", [{"type": "array"}, {"type": "object", "allOf": []}], ids=str)
def test_a_schema_that_cannot_be_filled_is_refused(
    honcho: Honcho, alice: Peer, schema: dict[str, Any], call: Style
) -> None:
    for of in (alice, honcho):
        with pytest.raises(UnprocessableEntityError, match="Invalid response_format: "):
            call(of.chat, LIVES, response_format=schema)


def test_an_unknown_peer_knows_nothing(honcho: Honcho, call: Style) -> None:
    zoe = Peer("zoe", honcho)
    answer = call(zoe.chat, "Where do I live?", include_evidence=True)
    assert "no information" in answer.content
    assert (answer.evidence.conclusions, answer.evidence.messages) == ([], [])
