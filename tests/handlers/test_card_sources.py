"""Each line of a card says who wrote it, and which conclusions state it."""

from __future__ import annotations

from typing import Any

from tests.handlers.thinking import ReasonedWorkspace


def lines(memory: ReasonedWorkspace, query: str = "") -> Any:
    return {each["line"]: each for each in memory.ok("GET", f"/peers/alice/card?sources=true{query}")["lines"]}


def test_a_line_leads_to_the_conclusions_that_state_it(memory: ReasonedWorkspace) -> None:
    memory.hear("s", "I live in Rome.", "I have a dog named Max.", "My sister Ana is a nurse.")
    memory.hear("t", "I live in Rome.")
    card = memory.ok("GET", "/peers/alice/card")
    assert card.keys() == {"peer_card"}
    found = lines(memory)
    assert [*found] == card["peer_card"]
    for text in ("Rome", "Max", "Ana"):
        (line,) = (each for line, each in found.items() if text in line)
        stating = [memory.ok("GET", f"/conclusions/{id}") for id in line["conclusion_ids"]]
        assert not line["given"]
        assert stating
        assert all(text in each["content"] for each in stating)
    (rome,) = (each for line, each in found.items() if "Rome" in line)
    assert len(rome["conclusion_ids"]) == 2, "it was said in two sessions"


def test_a_line_that_a_caller_wrote_is_told_apart(memory: ReasonedWorkspace) -> None:
    memory.hear("s", "I live in Rome.")
    own = memory.ok("GET", "/peers/alice/card")["peer_card"]
    memory.ok("PUT", "/peers/alice/card", {"peer_card": [*own, "ATTRIBUTE: likes quiet rooms"]})
    found = lines(memory)
    assert {line: each["given"] for line, each in found.items()} == {
        **dict.fromkeys(own, False),
        "ATTRIBUTE: likes quiet rooms": True,
    }
    assert found["ATTRIBUTE: likes quiet rooms"]["conclusion_ids"] == []


def test_what_superseded_a_value_is_its_only_source(memory: ReasonedWorkspace) -> None:
    memory.hear("s", "I live in Rome.")
    memory.hear("s", "I moved to Oslo.")
    (line,) = (each for line, each in lines(memory).items() if "Oslo" in line)
    assert line["conclusion_ids"] == [memory.known("Oslo")["id"]]


def test_a_card_that_does_not_exist_has_no_lines(memory: ReasonedWorkspace) -> None:
    memory.peer("alice")
    assert memory.ok("GET", "/peers/alice/card?sources=true&target=bob") == {"peer_card": None, "lines": []}
    assert memory.call("GET", "/peers/nobody/card?sources=true").status_code == 404
