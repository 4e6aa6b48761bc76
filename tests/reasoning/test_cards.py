"""The form of the lines that a reasoner may write on a card."""

from __future__ import annotations

import pytest

from omoide.reasoning.cards import MAX_LINE_LENGTH, MAX_LINES, admitted


@pytest.mark.parametrize("line", ["lives in Lisbon", "IDENTITY:", "IDENTITY: ", "identity: name is Al", "NOTE: x", ""])
def test_a_line_without_a_known_prefix_and_a_remainder_is_refused(line: str) -> None:
    assert admitted([line]) == ([], [line])


def test_a_line_may_be_as_long_as_the_limit_and_no_longer() -> None:
    fits = "ATTRIBUTE: ".ljust(MAX_LINE_LENGTH, "x")
    assert admitted([fits, fits + "x"]) == ([fits], [fits + "x"])


def test_lines_that_differ_in_case_and_white_space_stand_once_and_the_first_stays() -> None:
    assert admitted(["ATTRIBUTE: likes Tea", "ATTRIBUTE:  likes tea "]) == (["ATTRIBUTE: likes Tea"], [])


def test_the_surplus_is_refused() -> None:
    lines = [f"ATTRIBUTE: likes tea {number}" for number in range(MAX_LINES + 1)]
    assert admitted(lines) == (lines[:-1], lines[-1:])
