"""Sessions by the SDK: get or create, list, delete. Cloning is in test_clones, membership in test_members."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from honcho import Honcho, NotFoundError, Session
from honcho.api_types import SessionConfiguration, SessionPeerConfig

from tests.sdk.styles import Style

BRIEF = SessionConfiguration.model_validate({"summary": {"enabled": False}})


def test_a_session_is_created_once(honcho: Honcho, call: Style) -> None:
    before = datetime.now(UTC)
    created = call(honcho.session, "first")
    found = call(honcho.session, "first")
    assert (found.uid, found.created_at, found.is_active) == (created.uid, created.created_at, True)
    assert before <= created.created_at <= datetime.now(UTC)
    assert (created.id, created.workspace_id) == ("first", honcho.workspace_id)


def test_one_request_creates_a_session_with_all_given_fields(honcho: Honcho, call: Style) -> None:
    listens = SessionPeerConfig(observe_me=False, observe_others=True)
    session = call(
        honcho.session,
        "first",
        metadata={"channel": "web"},
        configuration=BRIEF,
        peers=["alice", ("helper", listens)],
    )
    assert session.metadata == {"channel": "web"}
    assert session.configuration.summary.enabled is False
    assert [peer.id for peer in call(session.peers)] == ["alice", "helper"]
    assert call(session.get_peer_configuration, "helper") == listens


def test_getting_a_session_keeps_omitted_fields(honcho: Honcho, call: Style) -> None:
    call(honcho.session, "first", metadata={"channel": "web"}, configuration=BRIEF, peers="alice")
    found = call(honcho.session, "first", metadata={"channel": "phone"}, peers=["bob"])
    assert found.metadata == {"channel": "phone"}
    assert found.configuration.summary.enabled is False
    assert [peer.id for peer in call(found.peers)] == ["alice", "bob"]


def test_a_listed_session_has_all_fields(honcho: Honcho, call: Style) -> None:
    session = call(honcho.session, "first", metadata={"channel": "web"}, configuration=BRIEF)
    [listed] = call(honcho.sessions).items
    for field in ("id", "uid", "created_at", "is_active", "metadata"):
        assert getattr(listed, field) == getattr(session, field)
    assert listed.configuration.model_dump() == BRIEF.model_dump()


def test_a_deleted_session_is_hidden_at_once(honcho: Honcho, call: Style) -> None:
    session = call(honcho.session, "first", peers="alice")
    [message] = call(session.add_messages, call(honcho.peer, "alice").message("Hello."))
    call(session.delete)
    assert call(honcho.sessions).items == []
    assert call(session.messages).items == []
    assert call(session.peers) == []
    for gone in (session.delete, session.clone):
        with pytest.raises(NotFoundError):
            call(gone)
    with pytest.raises(NotFoundError):
        call(session.get_message, message.id)
    with pytest.raises(NotFoundError):
        call(session.update_message, message, {"seen": True})


def test_deleting_a_session_keeps_its_peers(honcho: Honcho, call: Style) -> None:
    call(call(honcho.session, "first", peers=["alice", "bob"]).delete)
    assert [peer.id for peer in call(honcho.peers).items] == ["alice", "bob"]


def test_a_session_recreated_after_deletion_is_another_and_empty(honcho: Honcho, call: Style) -> None:
    old = call(honcho.session, "first", metadata={"channel": "web"}, configuration=BRIEF, peers="alice")
    call(old.add_messages, call(honcho.peer, "alice").message("Hello."))
    call(old.delete)
    new = call(honcho.session, "first")
    assert new.uid != old.uid
    assert (new.is_active, new.metadata, new.configuration.summary) == (True, {}, None)
    assert call(new.peers) == []
    assert call(new.messages).items == []


def test_deleting_a_session_that_does_not_exist_is_not_found(honcho: Honcho, call: Style) -> None:
    with pytest.raises(NotFoundError, match=f"Session ghost not found in workspace {honcho.workspace_id}"):
        call(Session("ghost", honcho).delete)
