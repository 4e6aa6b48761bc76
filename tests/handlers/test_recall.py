"""Recall returns what has to do with a query, says what no longer counts, and keeps to the caller's key."""

from __future__ import annotations

from typing import Any

import pytest

from omoide.core.auth import Principal
from tests.handlers.thinking import ReasonedWorkspace

LISBON, DOG = "I live in Lisbon.", "My dog Rex chases every bicycle that passes the house."


def recall(memory: ReasonedWorkspace, query: str, by: Principal | None = None, **options: Any) -> Any:
    keys = {} if by is None else {"by": by}
    return memory.ok("POST", "/recall", {"query": query, **options}, **keys)


def line(recalled: Any, text: str) -> str:
    """The one line of the text that contains this."""
    (found,) = [each for each in recalled["text"].splitlines() if text in each]
    return str(found)


@pytest.mark.parametrize(
    "query", ["What is the capital of Mongolia?", "kubernetes pod crash loop", "量子物理学", "Где аптека?"]
)
def test_a_query_about_nothing_in_memory_recalls_nothing(memory: ReasonedWorkspace, query: str) -> None:
    memory.hear("s", LISBON, DOG, "The piano lesson on Tuesday was cancelled.")
    recalled = recall(memory, query)
    assert (recalled["text"], recalled["conclusions"], recalled["messages"]) == ("", [], [])


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("Where does alice live?", "Lisbon"),
        ("What is the dog called?", "Rex"),
        ("bicycle", "bicycle"),
        ("犬", "犬を飼っています"),
        ("сестра работает", "врачом"),
    ],
)
def test_what_a_query_is_about_is_recalled(memory: ReasonedWorkspace, query: str, text: str) -> None:
    memory.hear("s", LISBON, DOG, "犬を飼っています。", "Моя сестра работает врачом.")
    assert text in recall(memory, query)["text"]


def test_a_query_for_everything_is_not_judged(memory: ReasonedWorkspace) -> None:
    memory.hear("s", LISBON, DOG)
    text = recall(memory, "What do you know about alice?")["text"]
    assert "Lisbon" in text
    assert "Rex" in text


def test_a_message_whose_statement_was_corrected_says_so(memory: ReasonedWorkspace) -> None:
    (said,) = memory.hear("s", LISBON)
    old = memory.known("Lisbon")
    memory.ok("PATCH", f"/conclusions/{old['id']}", {"content": "alice lives in Porto"})
    recalled = recall(memory, "Where does alice live?")
    assert ": alice lives in Porto)" in line(recalled, LISBON)
    assert "corrected since" in line(recalled, LISBON)
    (change,) = recalled["changes"]
    assert (change["message_id"], change["kind"]) == (said, "corrected")
    assert change["content"] == "alice lives in Porto"


def test_a_message_whose_statement_has_changed_says_so_once(memory: ReasonedWorkspace) -> None:
    memory.hear("s", LISBON)
    memory.hear("s", "I moved to Porto.")
    memory.hear("s", "I moved to Faro.")
    recalled = recall(memory, "Where does alice live?")
    assert line(recalled, LISBON).count("Faro") == 1
    assert "changed since" in line(recalled, LISBON)
    assert "changed" not in line(recalled, "I moved to Faro.")


def test_forgetting_leaves_the_message_as_it_was_said(memory: ReasonedWorkspace) -> None:
    memory.hear("s", LISBON)
    new = memory.ok("PATCH", f"/conclusions/{memory.known('Lisbon')['id']}", {"content": "alice lives in Porto"})
    memory.ok("DELETE", f"/conclusions/{new['id']}")
    recalled = recall(memory, "Where does alice live?")
    assert line(recalled, LISBON)
    assert (recalled["conclusions"], recalled["changes"]) == ([], [])


def test_a_message_that_a_conclusion_quotes_is_not_repeated(memory: ReasonedWorkspace) -> None:
    memory.hear("s", "犬を飼っています。")
    recalled = recall(memory, "犬")
    assert len(recalled["conclusions"]) == 1
    assert recalled["messages"] == []


def test_a_peers_key_recalls_what_the_peer_holds_and_may_read(memory: ReasonedWorkspace) -> None:
    memory.hear("hers", LISBON)
    memory.hear("his", "I live in Lisbon, too.", peer="bob")
    recalled = recall(memory, "Lisbon", Principal(workspace=memory.id, peer="alice"))
    assert {each["observer_id"] for each in recalled["conclusions"]} == {"alice"}
    assert {each["session_id"] for each in recalled["messages"]} == {"hers"}


def test_a_sessions_key_recalls_only_the_session(memory: ReasonedWorkspace) -> None:
    memory.hear("one", LISBON)
    memory.hear("two", "I live in Lisbon, too.", peer="bob")
    by = Principal(workspace=memory.id, session="two")
    for options in ({}, {"session_id": "two"}):
        recalled = recall(memory, "Lisbon", by, **options)
        assert {each["session_id"] for each in recalled["conclusions"] + recalled["messages"]} == {"two"}
        assert recalled["text"]
