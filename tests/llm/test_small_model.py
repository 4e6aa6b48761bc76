"""The whole way through the official SDK with a real language model behind it.

The model is a very small one: what is held here is form, flow and bookkeeping. Whether an answer is wise is not asked.
"""

from __future__ import annotations

import threading

from honcho import Honcho, Peer, Session

from omoide.core.answer_levels import DEFAULTS
from tests.inference.completions import completion, error
from tests.inference.fault_proxy import FaultProxy, answering, halving, hanging_up, in_turn, passing
from tests.llm.conftest import AFTER_SHORT, KEY
from tests.server_process import Server

LINES = ["I live in Lisbon with my cat Tom.", "I work as a baker, and I love rye bread."]
MOST_ANSWER_TOKENS = DEFAULTS["minimal"].output_tokens
"""What the level minimal allows an answer to have."""


def is_settled(honcho: Honcho) -> bool:
    status = honcho.queue_status()
    return bool(status.pending_work_units + status.in_progress_work_units == 0)


def settle(honcho: Honcho) -> None:
    """Return once nothing waits to be reasoned about: a model takes its time, and there is no limit to it here."""
    between = threading.Event()
    while not is_settled(honcho):
        between.wait(0.1)


def say(session: Session, peer: Peer, *contents: str) -> set[str]:
    """The ids of the messages."""
    said = session.add_messages([peer.message(content) for content in contents])
    return {message.id for message in said}


def test_what_was_said_becomes_conclusions(honcho: Honcho, endpoint: FaultProxy) -> None:
    alice = honcho.peer("alice")
    say(honcho.session("walk"), alice, *LINES)
    settle(honcho)
    found = list(alice.conclusions.list())
    assert found
    for conclusion in found:
        assert conclusion.content.strip()
        assert (conclusion.level, conclusion.session_id, conclusion.observer_id) == ("explicit", "walk", "alice")
    [request] = endpoint.asked
    assert request["model"] == "smollm2"
    assert request["response_format"]["type"] == "json_schema"
    assert alice.representation()


def test_a_session_is_summarized(honcho: Honcho) -> None:
    alice, session = honcho.peer("alice"), honcho.session("walk")
    say(session, alice, *(f"On day {day} I baked {day} loaves of bread." for day in range(1, AFTER_SHORT + 1)))
    settle(honcho)
    summary = session.summaries().short_summary
    assert summary is not None
    assert summary.content.strip()
    assert 0 < summary.token_count <= 1_000


def test_a_question_is_answered(honcho: Honcho, endpoint: FaultProxy) -> None:
    alice = honcho.peer("alice")
    say(honcho.session("walk"), alice, LINES[0])
    settle(honcho)
    endpoint.asked.clear()
    answer = alice.chat("Where do I live?", reasoning_level="minimal", include_evidence=True)
    assert answer is not None
    assert answer.content
    assert answer.evidence is not None
    assert {message.session_id for message in answer.evidence.messages} <= {"walk"}
    assert {request["max_tokens"] for request in endpoint.asked} == {MOST_ANSWER_TOKENS}


def test_an_answer_is_streamed(honcho: Honcho, endpoint: FaultProxy) -> None:
    alice = honcho.peer("alice")
    say(honcho.session("walk"), alice, LINES[1])
    settle(honcho)
    endpoint.asked.clear()
    stream = alice.chat_stream("What do you know about my work?", reasoning_level="minimal")
    pieces = list(stream)
    assert "".join(pieces).strip()
    assert stream.get_final_response() == {"content": "".join(pieces)}
    assert all(request["stream"] for request in endpoint.asked)


def test_what_is_said_while_the_provider_fails_is_reasoned_about_later(
    honcho: Honcho, endpoint: FaultProxy, thinking: Server
) -> None:
    alice, session = honcho.peer("alice"), honcho.session("walk")
    no_json = answering(200, completion("I would rather not."))
    endpoint.fault = in_turn(answering(503, error("overloaded")), hanging_up, halving, no_json, passing)
    begin = len(thinking.log)
    said = say(session, alice, LINES[0])
    settle(honcho)
    assert len(endpoint.asked) == 5
    assert "The provider of openai:smollm2 could not be reached, or broke off." in "".join(thinking.log[begin:])
    assert {message.id for message in session.messages()} == said
    contents = [conclusion.content for conclusion in alice.conclusions.list()]
    assert contents
    assert len(contents) == len(set(contents))


def test_a_question_that_no_provider_answers_has_a_reason(
    honcho: Honcho, endpoint: FaultProxy, thinking: Server
) -> None:
    honcho.peer("alice", metadata={})
    endpoint.fault = answering(401, error(f"Incorrect API key {KEY}"))
    with thinking.client() as client:
        path = f"/v3/workspaces/{honcho.workspace_id}/peers/alice/chat"
        answer = client.post(path, json={"query": "Where do I live?", "reasoning_level": "minimal"})
    assert answer.status_code == 503
    assert answer.json() == {"detail": "The provider of openai:smollm2 refused the key (HTTP 401)."}
