"""Cloning sessions by the SDK."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from honcho import Honcho, NotFoundError, Peer, Session
from honcho.api_types import SessionConfiguration, SessionPeerConfig

from tests.sdk.styles import Style

LISTENS = SessionPeerConfig(observe_me=False, observe_others=True)
BRIEF = SessionConfiguration.model_validate({"summary": {"enabled": False}})


@pytest.fixture
def talk(honcho: Honcho, call: Style) -> Session:
    """A session with three messages of two peers, one of whom has left."""
    alice, bob = Peer("alice", honcho), Peer("bob", honcho)
    session = call(
        honcho.session, "talk", metadata={"channel": "web"}, configuration=BRIEF, peers=[(alice, LISTENS), bob]
    )
    said = [
        alice.message("One.", metadata={"n": 1}, created_at=datetime(2024, 1, 15, 10, 30, tzinfo=UTC)),
        bob.message("Two."),
        alice.message("Three."),
    ]
    call(session.add_messages, said)
    call(session.remove_peers, bob)
    return session


def messages(call: Style, session: Session) -> list[Any]:
    return call.walk(call(session.messages))


def substance(message: Any) -> tuple[object, ...]:
    """A message without its id and session."""
    return message.content, message.peer_id, message.metadata, message.created_at, message.token_count


def test_a_clone_has_the_contents_of_the_session_with_new_ids(talk: Session, call: Style) -> None:
    clone = call(talk.clone)
    assert (clone.metadata, clone.is_active) == (talk.metadata, True)
    assert clone.configuration.model_dump() == BRIEF.model_dump()
    assert clone.id != talk.id
    assert clone.uid != talk.uid
    old, new = messages(call, talk), messages(call, clone)
    assert [substance(message) for message in new] == [substance(message) for message in old]
    assert {message.id for message in new}.isdisjoint(message.id for message in old)
    assert {message.session_id for message in new} == {clone.id}


def test_a_clone_can_end_with_a_message(talk: Session, call: Style) -> None:
    second = messages(call, talk)[1]
    assert [message.content for message in messages(call, call(talk.clone, message_id=second.id))] == ["One.", "Two."]


def test_a_clone_has_the_current_peers_of_the_session(talk: Session, call: Style) -> None:
    clone = call(talk.clone)
    assert [peer.id for peer in call(clone.peers)] == ["alice"]
    assert call(clone.get_peer_configuration, "alice") == LISTENS


def test_a_session_without_messages_can_be_cloned(honcho: Honcho, call: Style) -> None:
    clone = call(call(honcho.session, "empty", peers="alice").clone)
    assert clone.id in [session.id for session in call(honcho.sessions).items]
    assert [peer.id for peer in call(clone.peers)] == ["alice"]
    assert messages(call, clone) == []


def test_a_clone_is_independent(honcho: Honcho, talk: Session, call: Style) -> None:
    clone = call(talk.clone)
    call(clone.add_messages, Peer("carol", honcho).message("Four."))
    call(clone.set_metadata, {"copy": True})
    call(talk.delete)
    assert [message.content for message in messages(call, clone)] == ["One.", "Two.", "Three.", "Four."]
    assert call(clone.get_metadata) == {"copy": True}


def test_a_clone_ends_only_with_a_message_of_its_session(honcho: Honcho, talk: Session, call: Style) -> None:
    [elsewhere] = call(Session("other", honcho).add_messages, Peer("alice", honcho).message("Elsewhere."))
    for unknown in (elsewhere.id, "nothing", ""):
        with pytest.raises(NotFoundError):
            call(talk.clone, message_id=unknown)
    assert {session.id for session in call(honcho.sessions).items} == {"talk", "other"}


def test_a_session_that_does_not_exist_is_not_cloned(honcho: Honcho, call: Style) -> None:
    with pytest.raises(NotFoundError):
        call(Session("ghost", honcho).clone)
