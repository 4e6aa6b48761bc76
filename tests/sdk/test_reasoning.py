"""Derived memory by the SDK: conclusions, representations, cards, summaries and dreams.

`test_recall` and `test_conclusions` test memory written by callers; `test_chat` tests questions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from honcho import Honcho, Peer, Session
from honcho.api_types import (
    PeerCardConfiguration,
    ReasoningConfiguration,
    SessionConfiguration,
    SessionPeerConfig,
    SummaryConfiguration,
    WorkspaceConfiguration,
)

from tests.handlers.workspace import until
from tests.sdk.conftest import Connect, settle
from tests.sdk.styles import Style
from tests.server_process import Server

LISTENS = SessionPeerConfig(observe_others=True)
HEADING = "## Explicit Observations\n\n"
AFTER_SHORT, AFTER_LONG = 20, 60
"""Default number of messages after which a session is summarized."""
LINES = [
    "I moved to Lisbon in the spring.",
    "The bakery opens at six in the morning.",
    "Rex barks at every single tram.",
    "My sister visits us on Sunday.",
    "We painted the kitchen yellow.",
]


@pytest.fixture
def honcho(restless: Server, connect: Connect, fresh: Callable[[str], str]) -> Honcho:
    """A client of a new workspace, on a server that reasons at once."""
    return connect(restless, fresh("reasoning"))


@pytest.fixture
def alice(honcho: Honcho) -> Any:
    return Peer("alice", honcho)


@pytest.fixture
def bob(honcho: Honcho) -> Any:
    return Peer("bob", honcho)


@pytest.fixture
def say(honcho: Honcho, call: Style) -> Callable[..., list[Any]]:
    """`say("walk", alice, "Hello", ...)` returns the messages, after the server has reasoned about them."""

    def said(session: str, peer: Peer, *contents: str) -> list[Any]:
        messages = call(Session(session, honcho).add_messages, [peer.message(content) for content in contents])
        settle(honcho, call)
        return list(messages)

    return said


Say = Callable[..., list[Any]]


def contents(call: Style, page: Any) -> list[str]:
    return [conclusion.content for conclusion in call.walk(page)]


# Conclusions


def test_messages_become_conclusions(honcho: Honcho, alice: Peer, say: Say, call: Style) -> None:
    say("walk", alice, "I live in Lisbon.")
    [known] = call(alice.conclusions.list).items
    assert (known.content, known.level, known.session_id) == ("alice lives in Lisbon", "explicit", "walk")
    assert (known.observer_id, known.observed_id) == ("alice", "alice")
    assert (known.source_ids, known.times_derived) == (None, 1)
    assert call(honcho.conclusions.get, known.id).content == known.content
    assert contents(call, call(honcho.conclusions.list)) == [known.content]
    assert call(honcho.conclusions.list, filters={"level": "deductive"}).items == []


def test_derived_conclusions_are_found_by_meaning(alice: Peer, say: Say, call: Style) -> None:
    say("walk", alice, "I live in Lisbon.", "I have a dog called Rex.", "I work at a bakery.")

    def nearest() -> list[str]:
        return [known.content for known in call(alice.conclusions.query, "a pet", top_k=1)]

    until(lambda: nearest() == ["alice has a dog called Rex"])  # vectors are computed a moment later


def test_observers_know_what_others_say(honcho: Honcho, alice: Peer, bob: Peer, say: Say, call: Style) -> None:
    call(honcho.session, "walk", peers=[alice, (bob, LISTENS)])
    say("walk", alice, "I live in Lisbon.")
    say("walk", bob, "I work as a nurse.")
    say("work", alice, "I work at a bakery.")
    assert contents(call, call(bob.conclusions_of(alice).list)) == ["alice lives in Lisbon"]
    assert contents(call, call(bob.conclusions.list)) == ["bob works as a nurse"]
    assert contents(call, call(alice.conclusions_of("bob").list)) == []
    assert len(contents(call, call(honcho.conclusions.list, filters={"observed_id": "alice"}))) == 3


def test_repeated_facts_are_counted(alice: Peer, say: Say, call: Style) -> None:
    say("walk", alice, "I live in Lisbon.")
    say("walk", alice, "I live in Lisbon.")
    assert [known.times_derived for known in call(alice.conclusions.list).items] == [2]


def test_a_file_is_reasoned_about_like_messages(honcho: Honcho, alice: Peer, call: Style) -> None:
    session = call(honcho.session, "walk")
    call(session.upload_file, file=("notes.txt", b"I live in Lisbon.", "text/plain"), peer=alice)
    settle(honcho, call)
    assert contents(call, call(alice.conclusions.list)) == ["alice lives in Lisbon"]


def test_nothing_is_concluded_if_reasoning_is_off(honcho: Honcho, alice: Peer, bob: Peer, call: Style) -> None:
    off = ReasoningConfiguration(enabled=False)
    walk = call(honcho.session, "walk", configuration=SessionConfiguration(reasoning=off))
    call(walk.add_messages, alice.message("I live in Lisbon."))
    work = call(honcho.session, "work", peers=[(bob, SessionPeerConfig(observe_me=False))])
    silent = alice.message("I live in Porto.", configuration={"reasoning": {"enabled": False}})
    call(work.add_messages, [silent, bob.message("I work as a nurse."), alice.message("I work at a bakery.")])
    settle(honcho, call)
    assert contents(call, call(honcho.conclusions.list)) == ["alice works at a bakery"]
    call(honcho.set_configuration, WorkspaceConfiguration(reasoning=off))
    call(work.add_messages, alice.message("I have a dog called Rex."))
    settle(honcho, call)
    assert len(call(honcho.conclusions.list).items) == 1


# Representations, cards and contexts


def test_a_representation_has_the_derived_conclusions(
    honcho: Honcho, alice: Peer, bob: Peer, say: Say, call: Style
) -> None:
    walk = call(honcho.session, "walk", peers=[alice, (bob, LISTENS)])
    say("walk", alice, "I live in Lisbon.", "I have a dog called Rex.")
    say("work", alice, "I work at a bakery.")
    text = call(alice.representation)
    assert text.startswith(HEADING)
    told = [line.partition("] ")[2] for line in text.splitlines()[2:]]
    assert {*told} == {"alice lives in Lisbon", "alice has a dog called Rex", "alice works at a bakery"}
    assert "bakery" not in call(alice.representation, session=walk)
    assert "bakery" not in call(bob.representation, target=alice)
    assert "Rex" in call(walk.representation, "bob", target="alice")
    assert "Rex" in call(alice.representation, search_query="dog", search_top_k=1, max_conclusions=1)


def test_a_card_is_maintained_automatically(honcho: Honcho, alice: Peer, bob: Peer, say: Say, call: Style) -> None:
    call(honcho.session, "walk", peers=[alice, (bob, LISTENS)])
    say("walk", alice, "I live in Lisbon.", "I have a dog called Rex.")
    card = ["ATTRIBUTE: lives in Lisbon", "RELATIONSHIP: dog Rex"]
    assert call(alice.get_card) == call(bob.get_card, alice) == card
    assert call(bob.get_card) is None
    with pytest.deprecated_call():
        assert call(alice.card) == card
    say("walk", alice, "I moved to Porto.")
    moved = call(alice.get_card)
    assert any("Porto" in line for line in moved)
    assert not any("Lisbon" in line for line in moved)


def test_a_card_keeps_lines_of_callers(alice: Peer, say: Say, call: Style) -> None:
    call(alice.set_card, ["INSTRUCTION: answer in verse"])
    say("walk", alice, "I live in Lisbon.")
    assert {*call(alice.get_card)} == {"INSTRUCTION: answer in verse", "ATTRIBUTE: lives in Lisbon"}


def test_no_card_is_kept_if_disabled(honcho: Honcho, alice: Peer, say: Say, call: Style) -> None:
    call(honcho.set_configuration, WorkspaceConfiguration(peer_card=PeerCardConfiguration(create=False)))
    say("walk", alice, "I live in Lisbon.")
    assert contents(call, call(alice.conclusions.list)) == ["alice lives in Lisbon"]
    assert call(alice.get_card) is None


def test_contexts_have_the_derived_memory(honcho: Honcho, alice: Peer, bob: Peer, say: Say, call: Style) -> None:
    walk = call(honcho.session, "walk", peers=[alice, (bob, LISTENS)])
    say("walk", alice, "I live in Lisbon.")
    say("work", alice, "I work at a bakery.")
    own, of_alice = call(alice.context), call(bob.context, target=alice)
    assert ("bakery" in own.representation, "bakery" in of_alice.representation) == (True, False)
    assert of_alice.peer_card == ["ATTRIBUTE: lives in Lisbon"]
    context = call(walk.context, peer_target="alice")
    assert [message.content for message in context.messages] == ["I live in Lisbon."]
    assert context.peer_representation == own.representation
    assert context.peer_card == own.peer_card
    limited = call(walk.context, peer_target="alice", limit_to_session=True)
    assert "bakery" not in limited.peer_representation
    assert call(walk.context, peer_target="alice", peer_perspective="bob").peer_card == of_alice.peer_card


# Summaries


FEWEST = 8
"""Messages of a session from which on it is summarized once it has been quiet."""


def lines(count: int) -> list[str]:
    return [f"Day {number}: {LINES[number % len(LINES)]}" for number in range(1, count + 1)]


def test_a_session_is_summarized_repeatedly(honcho: Honcho, alice: Peer, say: Say, call: Style) -> None:
    session = call(honcho.session, "walk")
    early = say("walk", alice, *lines(FEWEST - 1))
    assert call(session.summaries).short_summary is None
    early += say("walk", alice, *lines(1))
    assert call(session.summaries).short_summary.message_id == early[-1].id  # the session has been quiet
    messages = [*early, *say("walk", alice, *lines(AFTER_LONG - len(early) + 1))]
    found = call(session.summaries)
    short, long = found.short_summary, found.long_summary
    assert (short.summary_type, long.summary_type) == ("honcho_chat_summary_short", "honcho_chat_summary_long")
    assert short.message_id == long.message_id == messages[AFTER_LONG - 1].id
    for summary in (short, long):
        assert "alice: " in summary.content
        assert summary.token_count > 0
    context = call(session.context, tokens=2_000)
    assert context.summary.content in (short.content, long.content)
    # The last message that a summary covers is included again.
    assert [message.id for message in context.messages] == [message.id for message in messages[AFTER_LONG - 1 :]]
    assert call(session.context, summary=False).summary is None


def test_a_session_is_summarized_at_the_configured_interval(honcho: Honcho, alice: Peer, say: Say, call: Style) -> None:
    often = SummaryConfiguration(messages_per_short_summary=10, messages_per_long_summary=20)
    walk = call(honcho.session, "walk", configuration=SessionConfiguration(summary=often))
    never = SessionConfiguration(summary=SummaryConfiguration(enabled=False))
    work = call(honcho.session, "work", configuration=never)
    said = say("walk", alice, *lines(10))
    say("work", alice, *lines(AFTER_SHORT))
    assert call(walk.summaries).short_summary.message_id == said[-1].id
    assert call(walk.summaries).long_summary is None
    assert call(work.summaries).short_summary is None


# Dreams


def test_a_dream_finds_patterns(honcho: Honcho, alice: Peer, say: Say, call: Style) -> None:
    for session in ("one", "two", "three"):
        say(session, alice, "I love black coffee.")
    call(honcho.schedule_dream, alice)
    settle(honcho, call)
    [pattern] = call(honcho.conclusions.list, filters={"level": "inductive"}).items
    assert "black coffee" in pattern.content
    sources = call(alice.conclusions.get_many, pattern.source_ids)
    assert {source.session_id for source in sources} == {"one", "two", "three"}
    assert contents(call, call(alice.conclusions.derived, sources[0].id)) == [pattern.content]
    assert pattern.content in call(alice.representation)
    call(honcho.schedule_dream, "alice", session="one", observed="alice")
    settle(honcho, call)
    assert len(call(honcho.conclusions.list, filters={"level": "inductive"}).items) == 1


def test_a_dream_is_about_one_pair(honcho: Honcho, alice: Peer, bob: Peer, say: Say, call: Style) -> None:
    for session in ("one", "two", "three"):
        call(honcho.session, session, peers=[alice, (bob, LISTENS)])
        say(session, alice, "I love black coffee.")
    call(honcho.schedule_dream, bob, observed=alice)
    settle(honcho, call)
    drawn = call(honcho.conclusions.list, filters={"level": "inductive"}).items
    assert [(each.observer_id, each.observed_id) for each in drawn] == [("bob", "alice")]


# The queue


def test_the_queue_status_counts_finished_work(honcho: Honcho, alice: Peer, bob: Peer, say: Say, call: Style) -> None:
    walk = call(honcho.session, "walk", peers=[alice, (bob, LISTENS)])
    say("walk", alice, "I live in Lisbon.", "I have a dog called Rex.")
    say("work", bob, "I work as a nurse.")
    whole = call(honcho.queue_status)
    assert whole.completed_work_units == whole.total_work_units
    assert {session: status.completed_work_units for session, status in whole.sessions.items()} == {
        "walk": call(walk.queue_status).completed_work_units,
        "work": 1,
    }
    assert call(honcho.queue_status, sender=alice).completed_work_units == 2
    assert call(honcho.queue_status, session="work").completed_work_units == 1
    assert call(honcho.queue_status, observer="nobody").total_work_units == 0
    assert call(walk.queue_status, sender=bob).total_work_units == 0
