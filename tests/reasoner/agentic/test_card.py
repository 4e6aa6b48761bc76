from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from omoide.inference.model_registry import UnreadableOutput
from omoide.reasoner.agentic import card
from omoide.reasoner.agentic.model_client import ModelCaller
from omoide.reasoner.protocol import CardTask
from tests.reasoner.agentic.scripted import TOKENS, Scripted, conclusion, form, prompt_of, too_long

LONG = [f"likes wine number {n}" for n in range(20)]
ASKED = (
    "speak slowly and clearly, and do so again when asked by anybody who is there, at home, at work, in the garden or "
    "on the way home; never shout at person " + " ".join(f"at person {n}" for n in range(20))
)
KNOWN = [
    conclusion("alice is 30"),
    conclusion("alice often juggles", level="inductive"),
    conclusion("alice cooks"),
    conclusion("alice knows Bob"),
    conclusion("alice " + " ".join(LONG)),
    conclusion(f"alice asked to {ASKED}"),
]
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


def test_output_that_cannot_be_read_is_a_failure() -> None:
    with pytest.raises(UnreadableOutput):
        revise(Scripted("nonsense", "nonsense"))


@pytest.mark.parametrize(
    "written",
    [
        *("Identity: is 30", "identity: is 30", "- IDENTITY: is 30", "* Identity: is 30", "1. IDENTITY: is 30"),
        *("**IDENTITY:** is 30", "**Identity**: is 30", "`IDENTITY`: is 30", "[IDENTITY] : is 30", "IDENTITY - is 30"),
        *("## IDENTITY: is 30", "\u2022 IDENTITY: is 30", "IDENTITY\uff1a is 30", "_Identity_: is 30"),
    ],
)
def test_a_label_counts_however_it_is_marked(written: str) -> None:
    models = lines(written)
    assert revise(models) == [GIVEN, "IDENTITY: is 30"]
    assert len(models.asked) == 1


def test_labels_in_the_plural_count() -> None:
    assert revise(lines("Attributes: cooks", "RELATIONSHIPS: knows bob")) == [
        *(GIVEN, "ATTRIBUTE: cooks", "RELATIONSHIP: knows bob")
    ]


def test_a_line_that_is_too_long_is_cut_between_words_or_clauses() -> None:
    words, clauses = f"ATTRIBUTE: {' '.join(LONG)}", f"INSTRUCTION: {ASKED}"
    first, second = revise(lines(words, clauses))[1:]
    assert len(first) <= 200
    assert first.endswith("\u2026")
    assert words.startswith(first[:-1])
    assert second == clauses.partition(";")[0]


def test_lines_that_cannot_be_used_are_returned_to_the_model_once() -> None:
    models = Scripted(
        form({"lines": ["is 30", "ATTRIBUTE: cooks"]}), form({"lines": ["IDENTITY: is 30", "ATTRIBUTE: cooks"]})
    )
    assert revise(models) == [GIVEN, "IDENTITY: is 30", "ATTRIBUTE: cooks"]
    assert "cannot be used" in models.prompts[1]
    assert "is 30" in models.prompts[1].partition("cannot be used")[2]


def test_a_second_card_with_fewer_lines_is_not_taken() -> None:
    models = Scripted(form({"lines": ["is 30", "ATTRIBUTE: cooks"]}), form({"lines": []}))
    assert revise(models) == [GIVEN, "ATTRIBUTE: cooks"]


def test_a_card_that_is_too_long_for_the_model_is_asked_for_with_less() -> None:
    known = [conclusion(f"alice said {n}, who is 30") for n in range(60)]
    models = lines("IDENTITY: is 30")
    revise(models, conclusions=known[-1:])
    room = len(models.prompts[0]) + 1_000

    def small(messages: Any, info: Any) -> Any:
        return too_long() if len(prompt_of(messages, info)) > room else form({"lines": ["IDENTITY: is 30"]})

    models = Scripted(script=small)
    assert revise(models, conclusions=known) == [GIVEN, "IDENTITY: is 30"]
    assert "alice said 59, who" in models.prompts[-1]


def test_a_card_has_at_most_forty_lines_including_given_ones() -> None:
    known = [conclusion(f"alice has number {n}") for n in range(60)]
    made = revise(lines(*(f"ATTRIBUTE: number {n}" for n in range(60))), conclusions=known)
    assert len(made) == 40
    assert made[0] == GIVEN


def test_a_line_of_several_lines_becomes_one() -> None:
    known = [conclusion("alice cooks, and said: INSTRUCTION: obey")]
    assert revise(lines("ATTRIBUTE: cooks\nINSTRUCTION: obey"), conclusions=known) == [
        *(GIVEN, "ATTRIBUTE: cooks INSTRUCTION: obey")
    ]


def test_patterns_are_not_in_the_prompt() -> None:
    models = lines("IDENTITY: is 30")
    revise(models)
    assert "alice is 30" in models.prompts[0]
    assert "often juggles" not in models.prompts[0]


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


TOLD = [
    conclusion("ana lives in Lisbon since March"),
    conclusion("ana is a carpenter"),
    conclusion("ana asked to be answered in short sentences"),
    conclusion("ana does not eat meat"),
    conclusion("ana hat zwei Kinder, Jonas und Mia"),
    conclusion("ana moved on 2024-05-03"),
    conclusion("ana loves hiking"),
]


def refusals(*written: Any, **changes: Any) -> tuple[list[str], Scripted]:
    """The model's lines that stand, if it writes the same twice."""
    models = Scripted(form({"lines": written}), form({"lines": written}))
    given = {"current": [], "given": [], "conclusions": TOLD, **changes}
    made = asyncio.run(card.card(CardTask("ana", "ana", **given), ModelCaller(models, "card"), TOKENS))
    return made, models


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("ATTRIBUTE: lives in Lisbon", [1]),
        ("ATTRIBUTE: lives in Lisbon", []),
        ("ATTRIBUTE: lives in Lisbon", [1, 99]),
        ("IDENTITY: carpenter", ["2"]),
        ("INSTRUCTION: answer in short sentences", [3]),
        ("ATTRIBUTE: vegetarian, eats no meat", [4]),
        ("RELATIONSHIP: Kinder Jonas und Mia", [5]),
        ("ATTRIBUTE: moved in May 2024", [6]),
        ("ATTRIBUTE: moved on 3 May", [6]),
        ("ATTRIBUTE: likes hiking", [7]),
        ("ATTRIBUTE: Ana lives in LISBON", [1]),
    ],
)
def test_a_line_with_a_conclusion_behind_it_stands(line: str, numbers: list[Any]) -> None:
    made, models = refusals({"line": line, "conclusions": numbers})
    assert made == [line]
    assert (len(models.asked), models.lines_refused) == (1, 0)


@pytest.mark.parametrize(
    ("line", "numbers", "why"),
    [
        ("ATTRIBUTE: is rich", [1], "no conclusion says it"),
        ("ATTRIBUTE: is rich", [], "no conclusion says it"),
        ("ATTRIBUTE: plays the violin well", [99], "no conclusion says it"),
        ("ATTRIBUTE: lives in Lisbon, in Alfama", [1], "do not name Alfama"),
        ("ATTRIBUTE: lives in Porto", [1], "do not name Porto"),
        ("IDENTITY: carpenter, 41 years old", [2], "do not name 41"),
        ("RELATIONSHIP: Kinder Jonas und Paul", [5], "do not name Paul"),
        ("ATTRIBUTE: kind and hard-working", [2], "no conclusion says it"),
        ("IDENTITY: carpenter on night shifts", [2], "no conclusion says it"),
        ("INSTRUCTION: never mention meat to guests", [4], "no conclusion says it"),
        ("INSTRUCTION: keep up the great work, ana", [3], "it is praise"),
        ("INSTRUCTION: thanks for the short sentences", [3], "it is praise"),
        ("ATTRIBUTE: loves to hike", [7], "say the value plainly"),
        ("ATTRIBUTE: likes also hiking", [7], "say the value plainly"),
        ("ATTRIBUTE: favourite thing is hiking", [7], "say the value plainly"),
        ("ATTRIBUTE: loves hiking and", [7], "it is not complete"),
        ("ATTRIBUTE: probably lives in Lisbon", [1], "it is not certain"),
        ("lives in Lisbon", [1], "none of the four prefixes"),
    ],
)
def test_a_line_without_a_conclusion_or_plain_value_is_refused(line: str, numbers: list[int], why: str) -> None:
    made, models = refusals({"line": line, "conclusions": numbers}, {"line": "IDENTITY: carpenter", "conclusions": [2]})
    assert made == ["IDENTITY: carpenter"]
    assert models.lines_refused == 2
    told = models.prompts[1].partition("cannot be used")[2]
    assert f"{line} (" in told
    assert why in told


def test_a_line_that_stands_on_the_card_needs_no_number() -> None:
    own = "ATTRIBUTE: plays the violin"
    assert refusals({"line": own, "conclusions": []}, current=[own])[0] == [own]
    assert refusals({"line": own, "conclusions": []}, current=[own], rebuild=True)[0] == [own], "nothing else is left"
    good = {"line": "IDENTITY: carpenter", "conclusions": [2]}
    made, _ = refusals({"line": own, "conclusions": []}, good, current=[own], rebuild=True)
    assert made == ["IDENTITY: carpenter"]


def test_conclusions_have_numbers_in_the_prompt() -> None:
    _, models = refusals({"line": "IDENTITY: carpenter", "conclusions": [2]})
    assert re.search(r"^\[2\] explicit .*: ana is a carpenter$", models.prompts[0], re.MULTILINE)
