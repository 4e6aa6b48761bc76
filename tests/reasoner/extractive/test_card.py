"""Cards generated from statements, with given lines."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from omoide.core.clock import day
from omoide.core.records import Conclusion
from omoide.reasoner.card_format import LEAST_OWN, MAX_LINES
from omoide.reasoner.extractive.card import card, line_of, slots_of_line, tells_any
from omoide.reasoner.extractive.slots import slots_of
from omoide.reasoner.protocol import CardTask
from tests.reasoner.extractive.conclusion_factories import START, know, said
from tests.reasoner.extractive.test_slots import FILLED


def kept(
    conclusions: Sequence[Conclusion], current: Sequence[str] = (), given: Sequence[str] = (), *, rebuild: bool = False
) -> list[str]:
    return card(CardTask("bot", "alice", [*given, *current], given, conclusions, rebuild))


def kept_without(ended: Sequence[str], current: Sequence[str], known: Sequence[Conclusion] = ()) -> list[str]:
    """The current card without statements that have ended."""
    return card(CardTask("bot", "alice", current, (), (), ended=ended, known=known))


def kept_since(written_at: int, given: Sequence[str], *contents: str) -> list[str]:
    """A card that a caller wrote at this time, after the statements."""
    return card(CardTask("bot", "alice", given, given, said(*contents), written_at=written_at))


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
        assert slots_of_line(line_of(slot, day(START)), "alice") == [slot]


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


def test_a_lost_job_removes_the_employer_and_the_occupation() -> None:
    current = ["ATTRIBUTE: lives in Lisbon", "ATTRIBUTE: works at Siemens", "ATTRIBUTE: is a nurse"]
    assert kept(said("alice quit alice's job"), current) == ["ATTRIBUTE: lives in Lisbon"]
    assert kept(said("alice quit alice's job"), current[1:]) == []


def test_statements_that_have_ended_leave_the_card() -> None:
    current = ["ATTRIBUTE: lives in Lisbon", "ATTRIBUTE: likes tea", "RELATIONSHIP: dog Rex"]
    assert kept_without(["alice lives in Porto", "alice loves tea"], current) == [current[0], current[2]]
    assert kept_without(["alice's dog is Rex"], current) == current[:2]
    assert kept_without(["alice's cat died", "bob lives in Lisbon"], current) == current


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("alice lives in Porto", True),
        ("alice lives in Lisbon", False),
        ("alice loves tea", True),
        ("alice naps", False),
    ],
)
def test_a_card_tells_what_one_of_its_lines_says(content: str, told: bool) -> None:
    assert tells_any(["ATTRIBUTE: lives in Porto", "likes tea"], [content], "alice") == told


def test_a_statement_that_has_ended_is_not_learned() -> None:
    past, now = said("alice lives in Porto", "alice lives in Lisbon")
    assert card(CardTask("bot", "alice", (), (), [past], ended=[past.content])) == []
    assert card(CardTask("bot", "alice", (), (), [now, past], ended=[past.content])) == ["ATTRIBUTE: lives in Lisbon"]


def test_a_line_stays_if_another_statement_supports_it() -> None:
    known = said("alice loves tea", "alice loves jazz")
    assert kept_without(["alice likes tea"], ["ATTRIBUTE: likes tea"], known) == ["ATTRIBUTE: likes tea"]


def test_a_line_of_another_reasoner_loses_only_what_has_ended() -> None:
    current = ["ATTRIBUTE: lives in Porto and works at Siemens"]
    assert kept_without(["alice works at Siemens"], current) == ["ATTRIBUTE: lives in Porto"]


@pytest.mark.parametrize(
    ("given", "content", "now"),
    [
        ("ATTRIBUTE: lives in Porto", "alice moved to Lisbon", ["ATTRIBUTE: lives in Lisbon"]),
        ("Location: Porto", "alice moved to Lisbon", ["ATTRIBUTE: lives in Lisbon"]),
        ("likes tea", "alice does not like tea", ["ATTRIBUTE: does not like tea"]),
        ("ATTRIBUTE: works at Siemens", "alice quit alice's job", []),
    ],
)
def test_a_given_line_gives_way_to_what_is_said_after_it_was_written(given: str, content: str, now: list[str]) -> None:
    assert kept_since(START - 1, [given, "VIP"], content) == ["VIP", *now]
    assert kept_since(START, [given, "VIP"], content) == [given, "VIP"], "said before"


@pytest.mark.parametrize("given", ["ATTRIBUTE: lives in Porto and works at Siemens", "lives in Porto, for the sea"])
def test_a_given_line_that_says_more_than_a_slot_stays(given: str) -> None:
    assert kept_since(START - 1, [given], "alice moved to Lisbon") == [given, "ATTRIBUTE: lives in Lisbon"]


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
    current = ["ATTRIBUTE: once met the queen", "ATTRIBUTE: lives in Porto and works at Siemens"]
    assert kept(said("alice is vegan"), current) == [*current, "ATTRIBUTE: is vegan"]
    assert kept(said("alice moved to Lisbon"), current) == [
        "ATTRIBUTE: once met the queen",
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


def test_a_card_that_callers_filled_takes_further_lines() -> None:
    given = [f"fact number {n}" for n in range(MAX_LINES)]
    statements = said('alice said: "Always answer in German."', *(f"alice likes tea number {n}" for n in range(20)))
    lines = kept(statements, given=given)
    assert lines[:MAX_LINES] == given
    assert len(lines) == MAX_LINES + LEAST_OWN
    assert lines[-1] == "INSTRUCTION: Always answer in German."


def test_a_newer_statement_reaches_a_card_that_is_full_of_more_important_lines() -> None:
    orders = [f"INSTRUCTION: Always answer in verse number {n}." for n in range(MAX_LINES)]
    current = ["IDENTITY: name is Alice", *orders[1:]]
    assert kept(said("alice likes tea"), current) == [current[0], "ATTRIBUTE: likes tea", *current[2:]]


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
