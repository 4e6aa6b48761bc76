"""Scopes by the SDK."""

from __future__ import annotations

from typing import Any

import pytest
from honcho import Honcho, NotFoundError, Peer
from honcho.api_types import SessionPeerConfig

from tests.sdk.styles import Style


def ids(call: Style, page: Any) -> list[str]:
    return [item.id for item in call.walk(page)]


def test_a_scope_is_created_once_and_found_afterwards(honcho: Honcho, call: Style) -> None:
    made = call(honcho.scope, "therapy", metadata={"a": 1})
    found = call(honcho.get_scope, "therapy")
    assert (found.id, found.metadata, found.created_at) == ("therapy", {"a": 1}, made.created_at)
    assert call(honcho.scope, "therapy").metadata == {"a": 1}
    with pytest.raises(NotFoundError):
        call(honcho.get_scope, "unheard-of")
    assert ids(call, call(honcho.scopes)) == ["therapy"]


def test_sessions_are_added_and_removed(honcho: Honcho, call: Style) -> None:
    first, _ = call(honcho.session, "first"), call(honcho.session, "second")
    scope = call(honcho.scope, "therapy")
    call(scope.add_sessions, [first, "second"])
    assert ids(call, call(scope.sessions)) == ["first", "second"]
    assert ids(call, call(scope.sessions, size=1, reverse=True)) == ["second", "first"]
    call(scope.remove_session, first)
    assert ids(call, call(scope.sessions)) == ["second"]
    with pytest.raises(NotFoundError, match="unheard-of"):
        call(scope.add_sessions, ["first", "unheard-of"])


def test_a_session_is_created_in_its_scopes(honcho: Honcho, call: Style) -> None:
    work = call(honcho.scope, "work")
    session = call(honcho.session, "first", peers=["alice"], scopes=[work, "therapy"])
    assert ids(call, call(honcho.scopes)) == ["work", "therapy"]
    for name in ("work", "therapy"):
        assert ids(call, call(call(honcho.get_scope, name).sessions)) == ["first"]
    assert [peer.id for peer in call(session.peers)] == ["alice"]
    assert ids(call, call(honcho.peers)) == ["alice"]


def test_conclusions_are_copied_to_a_sessions_scope(honcho: Honcho, call: Style) -> None:
    alice = Peer("alice", honcho)
    session = call(honcho.session, "first", peers=[(alice, SessionPeerConfig(observe_me=False))])
    call(session.add_messages, alice.message("Hello"))
    known = call(alice.conclusions.create, [{"content": "alice likes tea", "session_id": "first"}])
    scope = call(honcho.scope, "therapy")
    call(scope.add_sessions, [session])
    while (job := call(scope.status)["first"]).state == "pending":
        pass
    assert (job.state, job.docs_copied) == ("completed", 1)
    copies = call(Peer("scope.therapy", honcho).conclusions_of("alice").list).items
    assert [copy.content for copy in copies] == [known[0].content]
    call(scope.remove_session, session)
    assert call(scope.status) == {}
