"""Calls for agents: remember messages and facts, and the context of a peer and a session as one text."""

from __future__ import annotations

from typing import Any

import pytest

from omoide.core.auth import Principal
from omoide.inference.tokens import TokenCounter
from tests.handlers.thinking import ReasonedWorkspace

FACT = {"peer_id": "alice", "content": "alice is vegetarian"}
LISBON = {"peer_id": "alice", "content": "I live in Lisbon."}


def context(memory: ReasonedWorkspace, by: Principal | None = None, **wanted: Any) -> str:
    found = memory.ok("POST", "/context", wanted, **({} if by is None else {"by": by}))
    assert found["token_count"] == TokenCounter().count(found["text"]) <= wanted.get("max_tokens", 2_000)
    return str(found["text"])


def test_a_fact_takes_the_place_of_what_it_contradicts(memory: ReasonedWorkspace) -> None:
    memory.hear("s", "I live in Lisbon.")
    (id,) = memory.ok("POST", "/remember", {"facts": [{"peer_id": "alice", "content": "alice lives in Porto"}]})[
        "conclusion_ids"
    ]
    assert memory.known("lives in")["id"] == id


def test_a_repeated_call_with_a_key_stores_nothing_twice(memory: ReasonedWorkspace) -> None:
    body = {"session_id": "s", "messages": [LISBON], "facts": [FACT]}
    first, again = (memory.ok("POST", "/remember", body, headers={"Idempotency-Key": "k"}) for _ in range(2))
    assert (first["message_ids"], first["conclusion_ids"]) == (again["message_ids"], again["conclusion_ids"])
    assert memory.said("s") == [LISBON["content"]]


def test_a_call_that_conflicts_with_an_earlier_one_stores_nothing(memory: ReasonedWorkspace) -> None:
    key = {"Idempotency-Key": "k"}
    memory.ok("POST", "/remember", {"session_id": "s", "messages": [LISBON]}, headers=key)
    body = {"session_id": "s", "messages": [LISBON], "facts": [{"peer_id": "bob", "content": "bob sings"}]}
    assert memory.call("POST", "/remember", body, headers=key).status_code == 409
    assert memory.peers() == ["alice"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "messages"),
        ({"messages": [LISBON]}, "session_id"),
        ({"facts": [{"peer_id": "alice", "content": "\u0000 "}]}, "content"),
        ({"facts": [FACT, {"peer_id": "alice", "content": "word " * 9_000}]}, "content"),
    ],
)
def test_what_cannot_be_remembered_is_refused_whole(memory: ReasonedWorkspace, body: Any, field: str) -> None:
    refused = memory.call("POST", "/remember", body)
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"][-1] == field
    assert memory.peers() == []


def test_a_sessions_key_adds_messages_to_its_session_and_no_facts(memory: ReasonedWorkspace) -> None:
    memory.session("s")
    by = Principal(workspace=memory.id, session="s")
    assert memory.ok("POST", "/remember", {"messages": [LISBON]}, by=by)["message_ids"]
    for body in ({"session_id": "t", "messages": [LISBON]}, {"facts": [FACT]}):
        assert memory.call("POST", "/remember", body, by=by).status_code == 401
    peer = Principal(workspace=memory.id, peer="alice")
    assert memory.call("POST", "/remember", {"session_id": "s", "messages": [LISBON]}, by=peer).status_code == 401
    assert memory.said("s") == [LISBON["content"]]


def test_a_context_fits_any_budget_and_ends_with_the_newest_messages(memory: ReasonedWorkspace) -> None:
    memory.hear("s", *(f"I bought {n} books about trains in Lisbon." for n in range(30)))
    for budget in (50, 120, 400, 2_000):
        text = context(memory, peer_id="alice", session_id="s", max_tokens=budget)
        assert text
        if budget >= 120:
            assert text.endswith("I bought 29 books about trains in Lisbon.")
    assert "## Messages" not in context(memory, peer_id="alice")
    assert context(memory, session_id="s", max_tokens=400).startswith("## Messages")


def test_the_context_of_what_does_not_exist_is_empty(memory: ReasonedWorkspace) -> None:
    assert context(memory, peer_id="nobody", session_id="never") == ""
    assert memory.peers() == []


def test_a_key_gets_the_context_that_it_may_read(memory: ReasonedWorkspace) -> None:
    memory.hear("hers", "I live in Lisbon.")
    memory.hear("his", "I live in Oslo.", peer="bob")
    alice, hers = Principal(workspace=memory.id, peer="alice"), Principal(workspace=memory.id, session="hers")
    assert "Lisbon" in context(memory, alice, peer_id="alice")
    assert context(memory, alice, peer_id="bob") == ""
    assert "Lisbon" in context(memory, hers)
    assert "Oslo" not in context(memory, hers, peer_id="bob")
    for by in (alice, hers):
        assert memory.call("POST", "/context", {"session_id": "his"}, by=by).status_code == 401
