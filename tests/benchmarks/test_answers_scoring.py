"""An answer is judged by the words of the gold turn and of the short answer, without a model."""

from __future__ import annotations

import pytest

from benchmarks.answers.dataset import LabelledQuestion
from benchmarks.answers.scoring import Reply, Score, score

TURNS = {
    "d01t01": "Moving day! I have lived in Porto since March 2024, near the river. More soon.",
    "d01t02": "Yes, twice.",
}


def judged(
    text: str, *, evidence: str = "d01t01", answer: tuple[str, ...] = ("porto|oporto",), known: bool = False
) -> Score:
    question = LabelledQuestion("talk", "fact", "ana", "ben", "Where does Ana live?", (evidence,), answer)
    conclusions = [("ana lives in Porto", frozenset({"d01t01"}))] if known else []
    return score(question, Reply(text, conclusions), TURNS)


@pytest.mark.parametrize(
    ("text", "is_quoted"),
    [
        ('ana said on 2024-03-02: "I have lived in Porto since March 2024, near the river."', True),
        ("I have lived in Porto since March, near the river", True),
        ("ana likes the river in Porto", False),
        ("Moving day!", False),
        ("", False),
    ],
)
def test_a_turn_is_quoted_if_most_words_of_one_of_its_sentences_are_there(text: str, is_quoted: bool) -> None:
    assert (judged(text).quoted == 1.0) is is_quoted


def test_a_short_turn_counts_as_a_whole() -> None:
    assert judged('ana said: "Yes, twice."', evidence="d01t02").quoted == 1.0
    assert judged('ana said: "Yes."', evidence="d01t02").quoted == 0.0


def test_a_conclusion_counts_for_the_turns_behind_it() -> None:
    assert judged("ana lives in Porto. (ana, 2024-03-02)", known=True).quoted == 1.0
    assert judged("ana lives in Porto. (ana, 2024-03-02)").quoted == 0.0


@pytest.mark.parametrize(
    ("text", "answer", "is_right"),
    [
        ("In Oporto.", ("porto|oporto",), True),
        ("Portofino", ("porto",), True),
        ("Sporto", ("porto",), False),
        ("Porto, since March", ("porto", "march|april"), True),
        ("No, in the north", ("no|never",), True),
        ("In the north", ("no|never",), False),
        ("Porto", ("porto", "march|april"), False),
    ],
)
def test_each_item_of_the_short_answer_needs_one_of_its_alternatives(
    text: str, answer: tuple[str, ...], is_right: bool
) -> None:
    assert judged(text, answer=answer).has_words is is_right
