"""The exact layout of a representation, and the selection of its conclusions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from omoide.core.clock import to_micros
from omoide.core.records import Conclusion, Level
from omoide.reasoner.representation import render, within
from omoide.services.selection import Selection

AT = to_micros(datetime(2026, 3, 2, 9, 14, tzinfo=UTC))


def conclusion(content: str, level: Level = "explicit", *, said_at: int = AT, **details: object) -> Conclusion:
    return Conclusion(0, content, content, "ines", "ines", "s", level, None, 1, said_at, said_at, dict(details))


MOVED = conclusion("ines moved to Porto", said_at=to_micros(datetime(2026, 3, 5, 18, 40, 11, 999_999, tzinfo=UTC)))
KEEPS = conclusion("ines keeps two greyhounds")


def test_no_conclusions_render_as_an_empty_text() -> None:
    assert render([]) == ""


def test_explicit_conclusions_are_one_line_each_in_the_given_order() -> None:
    assert render([MOVED, KEEPS]) == (
        "## Explicit Observations\n\n"
        "[2026-03-05 18:40:11] ines moved to Porto\n"
        "[2026-03-02 09:14:00] ines keeps two greyhounds\n"
    )


def test_sections_are_joined_as_the_public_api_joins_them() -> None:
    lives = conclusion("ines lives in Portugal", "deductive", said_at=MOVED.said_at, premises=["ines moved to Porto"])
    assert render([lives, KEEPS, MOVED]) == (
        "## Explicit Observations\n\n[2026-03-02 09:14:00] ines keeps two greyhounds\n"
        "[2026-03-05 18:40:11] ines moved to Porto\n\n"
        "## Deductive Observations\n\n[2026-03-05 18:40:11] ines lives in Portugal\n"
        "   Premises:\n   - ines moved to Porto\n\n"
    )


def test_a_deduction_without_premises_has_no_list() -> None:
    assert render([conclusion("so it is", "deductive")]) == (
        "## Deductive Observations\n\n[2026-03-02 09:14:00] so it is\n\n"
    )


def test_a_pattern_shows_confidence_kind_and_up_to_five_sources() -> None:
    sources = [f"walk {n}" for n in range(7)]
    pattern = conclusion("ines walks daily", "inductive", confidence="high", pattern_type="behavior", sources=sources)
    assert render([pattern]) == (
        "## Inductive Observations\n\n **Pattern** [high]: ines walks daily\n   **Type**: behavior\n"
        "   **Sources**:\n   - walk 0\n   - walk 1\n   - walk 2\n   - walk 3\n   - walk 4\n   - ... and 2 more\n\n"
    )


def test_the_default_confidence_of_a_pattern_is_medium() -> None:
    assert render([conclusion("x", "inductive")]) == "## Inductive Observations\n\n **Pattern** [medium]: x\n\n"


def test_a_contradiction_shows_all_its_sources() -> None:
    both = conclusion("ines lives in two towns", "contradiction", sources=["Porto", "Lisbon"])
    assert render([both]) == (
        "## Contradictions\n\n **CONTRADICTION**: ines lives in two towns\n"
        "   **Conflicting statements**:\n   - Porto\n   - Lisbon\n\n"
    )


@pytest.mark.parametrize(
    ("total", "query", "top_k", "frequent", "shares"),
    [
        (25, None, None, False, (0, 0)),
        (25, None, 5, True, (0, 12)),
        (9, "q", None, True, (4, 3)),
        (9, "q", None, False, (4, 0)),
        (9, "q", 5, True, (5, 3)),
        (9, "q", 8, True, (8, 1)),
        (9, "q", 50, True, (9, 0)),
        (1, "q", None, True, (1, 0)),
        (2, "q", None, False, (1, 0)),
        (1, None, None, True, (0, 0)),
    ],
)
def test_the_shares_of_nearest_and_most_frequent_conclusions(
    total: int, query: str | None, top_k: int | None, frequent: bool, shares: tuple[int, int]
) -> None:
    wanted = Selection("w", "a", "a", None, query, top_k, None, frequent, total)
    assert wanted.shares() == shares


def count(text: str) -> int:
    return len(text.split())


def test_a_representation_within_a_budget_has_the_first_that_fit() -> None:
    long = conclusion("ines " + "remembers " * 30)
    assert within([MOVED, KEEPS], 100, count) == render([MOVED, KEEPS])
    assert within([MOVED, KEEPS], 13, count) == render([MOVED])
    assert within([long, MOVED], 13, count) == render([MOVED])
    assert within([MOVED, KEEPS], 5, count) == within([], 100, count) == ""


def test_every_level_of_a_representation_within_a_budget_pays_for_its_heading() -> None:
    lives = conclusion("ines lives in Portugal", "deductive")
    for budget in range(40):
        assert count(within([MOVED, lives, KEEPS], budget, count)) <= budget
    assert within([MOVED, lives, KEEPS], 40, count) == render([MOVED, lives, KEEPS])
