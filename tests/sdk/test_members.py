"""Members of a session and their configuration, by the SDK."""

from __future__ import annotations

from typing import Any

import pytest
from honcho import BadRequestError, Honcho, NotFoundError, Peer, Session
from honcho.api_types import SessionPeerConfig

from tests.sdk.styles import Style

LISTENS = SessionPeerConfig(observe_me=False, observe_others=True)
UNSET = SessionPeerConfig()
MAX_OBSERVERS = 10


@pytest.fixture
def session(honcho: Honcho, call: Style) -> Any:
    return call(honcho.session, "first")


def members(call: Style, session: Session) -> list[str]:
    return [peer.id for peer in call(session.peers)]


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ("alice", ["alice"]),
        (("alice", LISTENS), ["alice"]),
        (["alice", "bob"], ["alice", "bob"]),
        (["alice", ("bob", LISTENS)], ["alice", "bob"]),
        ([], []),
    ],
    ids=["an id", "an id with a configuration", "ids", "both", "none"],
)
def test_peers_are_added_in_every_form_that_the_sdk_accepts(
    session: Session, given: Any, ids: list[str], call: Style
) -> None:
    call(session.add_peers, given)
    assert members(call, session) == ids


def test_added_peer_objects_belong_to_the_workspace(honcho: Honcho, session: Session, call: Style) -> None:
    alice, bob = call(honcho.peer, "alice"), call(honcho.peer, "bob")
    call(session.add_peers, [alice, (bob, LISTENS)])
    assert [peer.uid for peer in call(session.peers)] == [alice.uid, bob.uid]
    assert call(session.get_peer_configuration, bob) == LISTENS


def test_adding_peers_creates_the_session_and_them(honcho: Honcho, call: Style) -> None:
    session = Session("unheard-of", honcho)
    call(session.add_peers, ["alice", "bob"])
    assert members(call, session) == ["alice", "bob"]
    assert [peer.id for peer in call(honcho.peers).items] == ["alice", "bob"]


def test_adding_a_member_again_changes_only_the_flags_that_are_set(session: Session, call: Style) -> None:
    call(session.add_peers, [("alice", LISTENS), "bob"])
    call(session.add_peers, "alice")
    assert call(session.get_peer_configuration, "alice") == LISTENS
    call(session.add_peers, ("alice", SessionPeerConfig(observe_me=True)))
    assert call(session.get_peer_configuration, "alice") == SessionPeerConfig(observe_me=True, observe_others=True)
    assert members(call, session) == ["alice", "bob"]


def test_setting_peers_makes_them_the_only_ones_with_just_that_configuration(session: Session, call: Style) -> None:
    call(session.add_peers, [("alice", LISTENS), ("bob", LISTENS)])
    call(session.set_peers, ["bob", ("carol", LISTENS)])
    assert members(call, session) == ["bob", "carol"]
    assert call(session.get_peer_configuration, "bob") == UNSET
    assert call(session.get_peer_configuration, "carol") == LISTENS
    call(session.set_peers, [])
    assert members(call, session) == []


def test_peers_are_set_only_in_an_existing_session(honcho: Honcho, call: Style) -> None:
    with pytest.raises(NotFoundError):
        call(Session("ghost", honcho).set_peers, ["alice"])
    assert call(honcho.peers).items == []


@pytest.mark.parametrize("gone", ["alice", ["alice"], ["alice", "nobody"]])
def test_removed_peers_leave_and_others_are_ignored(session: Session, gone: Any, call: Style) -> None:
    call(session.add_peers, ["alice", "bob"])
    call(session.remove_peers, gone)
    assert members(call, session) == ["bob"]


def test_a_peer_that_left_keeps_its_configuration(honcho: Honcho, session: Session, call: Style) -> None:
    alice = call(honcho.peer, "alice")
    call(session.add_peers, (alice, LISTENS))
    call(session.remove_peers, alice)
    assert members(call, session) == []
    assert call(session.get_peer_configuration, alice) == LISTENS


def test_an_author_that_left_rejoins_with_its_configuration(honcho: Honcho, session: Session, call: Style) -> None:
    alice = Peer("alice", honcho)
    call(session.add_peers, (alice, LISTENS))
    call(session.remove_peers, alice)
    call(session.add_messages, alice.message("Here I am again."))
    assert members(call, session) == ["alice"]
    assert call(session.get_peer_configuration, alice) == LISTENS


def test_a_peers_configuration_is_unset_until_it_is_set_flag_by_flag(session: Session, call: Style) -> None:
    call(session.add_peers, "alice")
    assert call(session.get_peer_configuration, "alice") == UNSET
    call(session.set_peer_configuration, "alice", SessionPeerConfig(observe_others=True))
    call(session.set_peer_configuration, "alice", SessionPeerConfig(observe_me=False))
    assert call(session.get_peer_configuration, "alice") == LISTENS
    call(session.set_peer_configuration, "alice", UNSET)
    assert call(session.get_peer_configuration, "alice") == LISTENS


def test_configuring_a_peer_that_was_never_in_the_session_adds_it(
    honcho: Honcho, session: Session, call: Style
) -> None:
    alice = call(honcho.peer, "alice")
    call(session.set_peer_configuration, alice, LISTENS)
    assert members(call, session) == ["alice"]


def test_configuring_a_peer_that_left_does_not_bring_it_back(session: Session, call: Style) -> None:
    call(session.add_peers, "alice")
    call(session.remove_peers, "alice")
    call(session.set_peer_configuration, "alice", LISTENS)
    assert members(call, session) == []
    assert call(session.get_peer_configuration, "alice") == LISTENS


def test_only_existing_peers_have_a_configuration(honcho: Honcho, session: Session, call: Style) -> None:
    call(honcho.peer, "alice")
    with pytest.raises(NotFoundError, match="Session peer alice not found in session first"):
        call(session.get_peer_configuration, "alice")
    with pytest.raises(NotFoundError, match="Peer nobody not found"):
        call(session.get_peer_configuration, "nobody")
    with pytest.raises(NotFoundError, match="Peer nobody not found"):
        call(session.set_peer_configuration, "nobody", LISTENS)


def test_the_number_of_observers_in_a_session_is_limited(session: Session, call: Style) -> None:
    observers = [(f"observer-{n}", LISTENS) for n in range(MAX_OBSERVERS)]
    call(session.add_peers, [*observers, *(f"peer-{n}" for n in range(MAX_OBSERVERS))])
    for once_more in (("one-too-many", LISTENS), ("peer-0", LISTENS)):
        with pytest.raises(BadRequestError, match=f"Maximum allowed is {MAX_OBSERVERS} observers"):
            call(session.add_peers, once_more)
    with pytest.raises(BadRequestError):
        call(session.set_peer_configuration, "peer-0", LISTENS)
    assert len(members(call, session)) == 2 * MAX_OBSERVERS
    assert call(session.get_peer_configuration, "peer-0") == UNSET
