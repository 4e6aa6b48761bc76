"""Corrections of what was just said apply to a value, and to nothing that merely begins a sentence."""

from __future__ import annotations

import pytest

from omoide.reasoner.extractive.corrections import corrected


@pytest.mark.parametrize(
    "statement",
    [
        'ana said: "Everyone deserves a good cup of coffee."',
        'ana said: "Nothing beats a cold lake. Swimming helps."',
        'ana said: "Mondays are hard."',
    ],
)
def test_the_first_word_of_a_sentence_is_not_the_wrong_value(statement: str) -> None:
    assert corrected("wait no, I meant Lisbon", [statement], "ana") is None


@pytest.mark.parametrize(
    ("statement", "right"),
    [
        ("ana lives in Porto", "ana lives in Lisbon"),
        ('ana said: "We are flying to Porto on the 4th."', 'ana said: "We are flying to Lisbon on the 4th."'),
    ],
)
def test_a_name_within_a_sentence_is_replaced(statement: str, right: str) -> None:
    assert corrected("wait no, I meant Lisbon", [statement], "ana") == (statement, right)
