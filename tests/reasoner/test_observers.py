"""Selection of observers: flags, collections, joining and leaving."""

from __future__ import annotations

import pytest

from omoide.scheduling.observers import Membership, observers_of, observes_me, peer_flag

NAMES = ("", "A", "B", "C", "S", "T")


def member(
    name: str,
    me: bool | None = None,
    others: bool | None = None,
    *,
    own: bool | None = None,
    active: bool = True,
    scope: bool = False,
) -> Membership:
    return Membership(name, NAMES.index(name), me, own, others, active, scope)


def collections(members: list[Membership]) -> set[str]:
    """Return the pairs written for one message of each active ordinary peer, as `AB` for (observer, observed)."""
    senders = [each for each in members if each.active and not each.is_scope]
    return {f"{observer.peer_id}{sender.peer_id}" for sender in senders for observer in observers_of(sender, members)}


# 3.1 Flags


@pytest.mark.parametrize(
    ("in_session", "on_peer", "observed"),
    [
        (None, None, True),
        (None, True, True),
        (None, False, False),
        (True, False, True),
        (False, True, False),
        (False, None, False),
        (True, None, True),
    ],
)
def test_observe_me_of_session_overrides_peer_and_defaults_to_true(
    in_session: bool | None, on_peer: bool | None, observed: bool
) -> None:
    assert observes_me(member("A", in_session, own=on_peer)) is observed


def test_observe_others_defaults_to_false() -> None:
    a = member("A")
    assert observers_of(a, [a, member("B"), member("C", others=False)]) == [a]


@pytest.mark.parametrize("configuration", [{}, {"observe_me": None}, {"observe_me": "no"}, {"observe_me": 0}])
def test_an_invalid_flag_of_a_peer_is_ignored(configuration: dict[str, object]) -> None:
    assert peer_flag(configuration) is None


def test_the_flag_of_a_peer_is_read_from_its_configuration() -> None:
    assert peer_flag({"observe_me": False}) is False
    assert peer_flag({"observe_me": True, "more": 1}) is True


# 3.2 Collections written per message


@pytest.mark.parametrize(
    ("members", "written"),
    [
        pytest.param([member("A"), member("B")], {"AA", "BB"}, id="two-peers-defaults"),
        pytest.param([member("A", others=True), member("B")], {"AA", "BB", "AB"}, id="one-observes-others"),
        pytest.param(
            [member("A", others=True), member("B", others=True)], {"AA", "BB", "AB", "BA"}, id="both-observe-others"
        ),
        pytest.param([member("A", False), member("B", False)], set(), id="no-peer-may-be-observed"),
        pytest.param([member("A", own=False), member("B", own=False)], set(), id="no-peer-allows-observation"),
        pytest.param([member("A", others=True), member("B", False)], {"AA"}, id="an-unobserved-peer-has-no-observer"),
        pytest.param(
            [member("A", others=True), member("B", True, own=False)], {"AA", "BB", "AB"}, id="the-session-overrides"
        ),
        pytest.param([member("A"), member("B", False, True)], {"AA", "BA"}, id="an-unobserved-peer-may-observe"),
        pytest.param(
            [member("A", others=True), member("B"), member("C")], {"AA", "BB", "CC", "AB", "AC"}, id="one-of-three"
        ),
    ],
)
def test_these_collections_are_written(members: list[Membership], written: set[str]) -> None:
    assert collections(members) == written


def test_three_peers_observing_in_a_circle_write_their_pairs_only() -> None:
    pairs = [("A", "B"), ("B", "C"), ("C", "A")]
    written = [collections([member(observer, others=True), member(observed)]) for observer, observed in pairs]
    assert set.union(*written) == {"AA", "BB", "CC", "AB", "BC", "CA"}


def test_flags_of_a_pair_apply_per_session() -> None:
    assert "AB" in collections([member("A", others=True), member("B")])
    assert "AB" not in collections([member("A"), member("B")])


def test_the_sender_comes_first_and_the_others_in_order() -> None:
    a, b, c = member("A"), member("B", others=True), member("C", others=True)
    assert observers_of(a, [c, a, b]) == [a, c, b]


def test_a_sender_that_observes_others_is_listed_once() -> None:
    a = member("A", others=True)
    assert observers_of(a, [a]) == [a]


def test_a_sender_that_is_not_a_member_can_be_observed() -> None:
    stranger, b = member("A", active=False), member("B", others=True)
    assert observers_of(stranger, [b]) == [stranger, b]


def test_a_sender_that_left_keeps_its_flags() -> None:
    left = member("A", False, active=False)
    assert observers_of(left, [left, member("B", others=True)]) == []


# 3.3 Joining and leaving


def test_a_member_observes_from_its_joining_on() -> None:
    a, late = member("A"), member("B", others=True)
    assert observers_of(a, [a]) == [a]
    assert observers_of(a, [a, late]) == [a, late]


def test_a_member_that_left_does_not_observe() -> None:
    a = member("A")
    assert observers_of(a, [a, member("B", others=True, active=False)]) == [a]


# Scopes

SCOPES = [member("S", False, True, scope=True), member("T", False, True, scope=True, active=False)]


def test_scopes_are_not_observers() -> None:
    a, b = member("A"), member("B", others=True)
    assert observers_of(a, [a, *SCOPES, b]) == [a, b]


def test_a_scope_is_never_observed() -> None:
    scope = member("S", True, own=True, scope=True)
    assert observers_of(scope, [member("A", others=True)]) == []
