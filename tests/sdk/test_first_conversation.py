"""The first thing that a newcomer runs, as the README has it."""

from __future__ import annotations

from collections.abc import Callable

from honcho import Honcho, Peer, Session

from tests.running import Server
from tests.sdk.styles import Plain, Style

SAID = ["I moved to Lisbon with my dog Rex.", "Nice!"]


def test_the_first_conversation_of_the_readme_works(server: Server, fresh: Callable[[str], str]) -> None:
    h = Honcho(base_url=server.url, workspace_id=fresh("demo"))
    a, b = h.peer("alice"), h.peer("bob")
    s = h.session("first")
    s.add_messages([a.message("I moved to Lisbon with my dog Rex."), b.message("Nice!")])
    assert [m.content for m in s.messages()] == SAID
    Plain().close(h)


def test_a_conversation_needs_nothing_created_beforehand(honcho: Honcho, call: Style) -> None:
    alice, bob, session = Peer("alice", honcho), Peer("bob", honcho), Session("first", honcho)
    call(session.add_messages, [alice.message(SAID[0]), bob.message(SAID[1])])
    assert [message.content for message in call(session.messages).items] == SAID
    assert [peer.id for peer in call(honcho.peers).items] == ["alice", "bob"]
    assert [peer.id for peer in call(session.peers)] == ["alice", "bob"]
    assert [found.id for found in call(honcho.sessions).items] == ["first"]
