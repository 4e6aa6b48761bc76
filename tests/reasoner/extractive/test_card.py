"""Cards generated from statements, with given lines."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from omoide.core.records import Conclusion
from omoide.reasoner.card_format import MAX_LINES
from omoide.reasoner.extractive.card import card, line_of, slots_of_line
from omoide.reasoner.extractive.slots import slots_of
from omoide.reasoner.protocol import CardTask
from tests.reasoner.extractive.conclusion_factories import START, know, said
from tests.reasoner.extractive.test_slots import FILLED


def kept(
    conclusions: Sequence[Conclusion], current: Sequence[str] = (), given: Sequence[str] = (), *, rebuild: bool = False
) -> list[str]:
    return card(CardTask("bot", "alice", [*given, *current], given, conclusions, rebuild))


def test_lines_are_sorted_by_section() -> None:
    statements = said(
        'alice said: "Please always answer in French."',
        "alice moved to Lisbon with alice's dog Rex",
        "alice works at Siemens as a nurse",
        "alice's name is Alice Moreira",
        "alice is 34 years old",
    )
    assert kept(statements) == [
        "IDENTITY: name is Alice Moreira",
        "IDENTITY: is 34 years old (2026-03-05)",
        "ATTRIBUTE: lives in Lisbon",
        "ATTRIBUTE: works at Siemens",
        "ATTRIBUTE: is a nurse",
        "RELATIONSHIP: dog Rex",
        "INSTRUCTION: Please always answer in French.",
    ]


@pytest.mark.parametrize("text", FILLED)
def test_generated_lines_parse_back_into_their_slots(text: str) -> None:
    for slot in slots_of(text, "alice"):
        assert slots_of_line(line_of(slot, START), "alice") == [slot]


def test_a_newer_value_replaces_the_line_of_a_single_slot() -> None:
    assert kept(said("alice lives in Porto", "alice moved to Lisbon")) == ["ATTRIBUTE: lives in Lisbon"]
    assert kept(said("alice moved to Lisbon"), ["ATTRIBUTE: lives in Porto"]) == ["ATTRIBUTE: lives in Lisbon"]


def test_conclusions_are_applied_in_order_of_time() -> None:
    porto, lisbon = said("alice lives in Porto", "alice lives in Lisbon")
    assert kept([lisbon, porto]) == ["ATTRIBUTE: lives in Lisbon"]


def test_a_more_detailed_name_is_kept() -> None:
    assert kept(said("alice's name is Alice Moreira", "alice's name is Alice")) == ["IDENTITY: name is Alice Moreira"]


def test_all_values_of_multi_value_slots_are_kept() -> None:
    statements = said("alice likes tea", "alice loves jazz", "alice is allergic to nuts")
    assert kept(statements) == ["ATTRIBUTE: likes tea", "ATTRIBUTE: likes jazz", "ATTRIBUTE: is allergic to nuts"]


def test_a_dislike_replaces_a_like() -> None:
    assert kept(said("alice likes tea", "alice does not like tea")) == ["ATTRIBUTE: does not like tea"]


def test_ended_values_are_removed_from_the_card() -> None:
    current = ["ATTRIBUTE: lives in Lisbon", "ATTRIBUTE: works at Siemens", "RELATIONSHIP: dog Rex"]
    statements = said("alice no longer works at Siemens", "alice's dog Rex died")
    assert kept(statements, current) == ["ATTRIBUTE: lives in Lisbon"]


def test_given_lines_come_first_and_block_generated_lines() -> None:
    given = ["likes  Tea", "ATTRIBUTE: lives in Porto", "Name: Al Moreira", "", "x" * 300]
    statements = said("alice likes tea", "alice moved to Lisbon", "alice's name is Alice", "alice is vegetarian")
    assert kept(statements, given=given) == [*given, "ATTRIBUTE: is vegetarian"]


def test_conclusions_without_slots_leave_the_card_unchanged() -> None:
    current = ["whatever stood there", "ATTRIBUTE: lives in Porto"]
    assert kept(said("alice would like tea", "bob lives in Lisbon"), current) == current
    assert kept([], current) == current
    assert kept([], current, rebuild=True) == current


def test_a_rebuilt_card_uses_given_lines_and_conclusions_only() -> None:
    current = ["ATTRIBUTE: lives in Porto", "ATTRIBUTE: likes jazz"]
    assert kept(said("alice likes tea"), current, ["VIP"], rebuild=True) == ["VIP", "ATTRIBUTE: likes tea"]


def test_patterns_and_contradictions_are_not_used() -> None:
    for level in ("inductive", "contradiction"):
        assert kept([know("alice likes tea", 0, level=level)]) == []


def test_lines_of_another_reasoner_are_kept_until_contradicted() -> None:
    current = ["ATTRIBUTE: collects old maps", "ATTRIBUTE: lives in Porto and works at Siemens"]
    assert kept(said("alice is vegan"), current) == [*current, "ATTRIBUTE: is vegan"]
    assert kept(said("alice moved to Lisbon"), current) == [
        "ATTRIBUTE: collects old maps",
        "ATTRIBUTE: works at Siemens",
        "ATTRIBUTE: lives in Lisbon",
    ]
    assert kept(said("alice lives in Porto"), current) == current


def test_the_oldest_tastes_are_dropped_first_beyond_the_limit() -> None:
    statements = said("alice lives in Lisbon", *(f"alice likes tea number {n}" for n in range(MAX_LINES)))
    lines = kept(statements)
    assert len(lines) == MAX_LINES
    assert lines[0] == "ATTRIBUTE: lives in Lisbon"
    assert "ATTRIBUTE: likes tea number 0" not in lines
    assert lines[-1] == f"ATTRIBUTE: likes tea number {MAX_LINES - 1}"


def test_an_instruction_too_long_for_a_line_is_omitted() -> None:
    assert kept(said(f'alice said: "Always answer {"very " * 50}briefly."')) == []


def test_lines_are_in_order_of_the_last_statement() -> None:
    statements = said("alice likes tea", "alice loves jazz", "alice enjoys tea")
    assert kept(statements) == ["ATTRIBUTE: likes jazz", "ATTRIBUTE: likes tea"]


def test_repeated_conclusions_change_nothing() -> None:
    statements = said(*FILLED)
    once = kept(statements)
    assert kept(statements, once) == once
    assert kept(statements, rebuild=True) == once
