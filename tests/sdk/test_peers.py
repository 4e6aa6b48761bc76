"""Peers by the SDK: get or create, list, and the sessions that a peer is in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from honcho import Honcho, Peer
from honcho.api_types import PeerConfig

from tests.sdk.styles import Style


def test_a_peer_is_created_once(honcho: Honcho, call: Style) -> None:
    before = datetime.now(UTC)
    created = call(honcho.peer, "alice")
    found = call(honcho.peer, "alice")
    assert (found.uid, found.created_at) == (created.uid, created.created_at)
    assert before <= created.created_at <= datetime.now(UTC)
    assert (created.id, created.workspace_id) == ("alice", honcho.workspace_id)


def test_a_new_peer_has_the_given_fields(honcho: Honcho, call: Style) -> None:
    alice = call(honcho.peer, "alice", metadata={"language": "pt"}, configuration=PeerConfig(observe_me=False))
    assert alice.metadata == {"language": "pt"}
    assert alice.configuration == PeerConfig(observe_me=False)
    assert call(alice.get_metadata) == {"language": "pt"}


def test_getting_a_peer_replaces_only_the_given_fields(honcho: Honcho, call: Style) -> None:
    call(honcho.peer, "alice", metadata={"language": "pt", "age": 30}, configuration=PeerConfig(observe_me=False))
    assert call(honcho.peer, "alice").metadata == {"language": "pt", "age": 30}
    changed = call(honcho.peer, "alice", metadata={"language": "en"})
    assert changed.metadata == {"language": "en"}
    assert changed.configuration == PeerConfig(observe_me=False)


def test_peer_ids_may_have_letters_digits_dashes_and_underscores(honcho: Honcho, call: Style) -> None:
    names = ["A-Za-z_09", "list", "x" * 512]
    assert [call(honcho.peer, name).id for name in names] == names
    assert [peer.id for peer in call(honcho.peers).items] == names


def test_a_listed_peer_has_all_fields(honcho: Honcho, call: Style) -> None:
    alice = call(honcho.peer, "alice", metadata={"language": "pt"}, configuration=PeerConfig(observe_me=True))
    [listed] = call(honcho.peers).items
    for field in ("id", "uid", "created_at", "metadata", "configuration"):
        assert getattr(listed, field) == getattr(alice, field)


def test_a_peers_sessions_are_its_current_ones(honcho: Honcho, fresh: Callable[[str], str], call: Style) -> None:
    alice = call(honcho.peer, "alice")
    stays, leaves, ends = (call(honcho.session, fresh("session"), peers=[alice, "bob"]) for _ in range(3))
    call(honcho.session, fresh("session"), peers="bob")
    call(leaves.remove_peers, alice)
    call(ends.delete)
    [only] = call(alice.sessions).items
    assert (only.id, only.uid, only.is_active) == (stays.id, stays.uid, True)


def test_a_peer_that_does_not_exist_is_in_no_session(honcho: Honcho, call: Style) -> None:
    assert call(Peer("nobody", honcho).sessions).items == []
    assert call(honcho.peers).items == []
