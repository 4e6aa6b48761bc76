"""Validation of the card lines that a reasoner writes."""

from __future__ import annotations

import pytest

from omoide.reasoner.card_format import MAX_LINE_LENGTH, MAX_LINES, accept_lines


@pytest.mark.parametrize("line", ["lives in Lisbon", "IDENTITY:", "IDENTITY: ", "identity: name is Al", "NOTE: x", ""])
def test_a_line_needs_a_known_prefix_and_content(line: str) -> None:
    assert accept_lines([line]) == ([], [line])


def test_a_line_longer_than_the_limit_is_refused() -> None:
    fits = "ATTRIBUTE: ".ljust(MAX_LINE_LENGTH, "x")
    assert accept_lines([fits, fits + "x"]) == ([fits], [fits + "x"])


def test_lines_that_differ_in_case_or_white_space_are_repetitions() -> None:
    assert accept_lines(["ATTRIBUTE: likes Tea", "ATTRIBUTE:  likes tea "]) == (["ATTRIBUTE: likes Tea"], [])


def test_lines_beyond_the_maximum_are_refused() -> None:
    lines = [f"ATTRIBUTE: likes tea {number}" for number in range(MAX_LINES + 1)]
    assert accept_lines(lines) == (lines[:-1], lines[-1:])
