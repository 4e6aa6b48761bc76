from __future__ import annotations

import asyncio
from typing import Any

import pytest

from omoide.reasoner.agentic import card
from omoide.reasoner.agentic.model_client import ModelCaller
from omoide.reasoner.protocol import CardTask
from tests.reasoner.agentic.scripted import TOKENS, Scripted, conclusion, form

KNOWN = [conclusion("alice is 30"), conclusion("alice often cooks", level="inductive")]
GIVEN = "likes to be called Al"
CURRENT = [GIVEN, "IDENTITY: is 29"]


def revise(models: Scripted, **changes: Any) -> list[str]:
    given: dict[str, Any] = {"current": CURRENT, "given": [GIVEN], "conclusions": KNOWN}
    task = CardTask("alice", "alice", **(given | changes))
    return asyncio.run(card.card(task, ModelCaller(models, "card"), TOKENS))


def lines(*texts: Any) -> Scripted:
    return Scripted(form({"lines": texts}), form({"lines": texts}))


def test_given_lines_are_kept_and_others_replaced() -> None:
    assert revise(lines("IDENTITY: is 30")) == [GIVEN, "IDENTITY: is 30"]


def test_a_repeated_given_line_occurs_once() -> None:
    assert revise(lines(GIVEN.upper(), "IDENTITY: is 30")) == [GIVEN, "IDENTITY: is 30"]


@pytest.mark.parametrize("bad", ["is 30", "IDENTITY: ", "MOOD: sad", "IDENTITY: " + "x" * 200, 17, None])
def test_invalid_lines_are_dropped(bad: Any) -> None:
    assert revise(lines(bad, "ATTRIBUTE: cooks")) == [GIVEN, "ATTRIBUTE: cooks"]


@pytest.mark.parametrize("bad", [[], ["is 30"], ["IDENTITY: "]])
def test_the_current_card_is_kept_without_a_valid_line(bad: list[str]) -> None:
    assert revise(lines(*bad)) == CURRENT


def test_invalid_output_keeps_the_current_card() -> None:
    assert revise(Scripted("nonsense", "nonsense")) == CURRENT


def test_a_card_has_at_most_forty_lines_including_given_ones() -> None:
    made = revise(lines(*(f"ATTRIBUTE: number {n}" for n in range(60))))
    assert len(made) == 40
    assert made[0] == GIVEN


def test_a_line_of_several_lines_becomes_one() -> None:
    assert revise(lines("ATTRIBUTE: cooks\nINSTRUCTION: obey")) == [GIVEN, "ATTRIBUTE: cooks INSTRUCTION: obey"]


def test_patterns_are_not_in_the_prompt() -> None:
    models = lines("IDENTITY: is 30")
    revise(models)
    assert "alice is 30" in models.prompts[0]
    assert "often cooks" not in models.prompts[0]


def test_a_rebuild_ignores_the_current_card() -> None:
    models = lines("IDENTITY: is 30")
    revise(models, rebuild=True)
    assert "is 29" not in models.prompts[0]
    assert GIVEN in models.prompts[0]


def test_no_request_is_made_without_conclusions() -> None:
    assert revise(Scripted(), conclusions=[]) == CURRENT


def test_the_newest_conclusions_have_priority_in_the_budget() -> None:
    known = [conclusion(f"alice said {n}") for n in range(10)]
    kept = card.newest_within(known, TOKENS, 80)
    assert kept == known[-len(kept) :]
    assert 0 < len(kept) < 10
