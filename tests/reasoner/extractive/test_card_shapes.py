"""The shapes of card lines in `data/cards/`: every example gives its lines, and what is not plain gives none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from omoide.reasoner.extractive.card import card
from omoide.reasoner.extractive.shapes.catalog import shapes
from omoide.reasoner.extractive.shapes.pattern import InvalidPattern, compile_pattern
from omoide.reasoner.protocol import CardTask
from tests.reasoner.extractive.conclusion_factories import said
from tests.reasoner.extractive.test_derive import facts

NO_LINE = Path(__file__).with_name("no_card_line.txt").read_text("utf-8").splitlines()


def lines_of(*sentences: str) -> list[str]:
    """The card of kit, who has said the sentences one after another."""
    contents = [fact.content for sentence in sentences for fact in facts(sentence, peer_id="kit")]
    return card(CardTask("kit", "kit", [], [], said(*contents)))


def examples() -> Iterator[tuple[str, list[str]]]:
    for shape in shapes():
        for sentence, lines in shape.examples.items():
            yield sentence, [lines] if isinstance(lines, str) else [*lines]


def test_an_example_gives_exactly_its_lines() -> None:
    expected = dict(examples())
    assert {sentence: lines_of(sentence) for sentence in expected} == expected


def test_praise_jests_questions_and_facts_of_others_give_no_line() -> None:
    assert {sentence: lines for sentence in NO_LINE if (lines := lines_of(sentence))} == {}


def test_every_wording_compiles() -> None:
    for shape in shapes():
        for number in range(len(shape.says)):
            shape.fill(number, "nothing of the kind ", "")


@pytest.mark.parametrize("text", ["I have (a|an cat", "I have a] cat", "I have a {beast}"])
def test_a_wording_with_a_fault_is_named(text: str) -> None:
    with pytest.raises(InvalidPattern, match="I have"):
        compile_pattern(text, {})


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("I play the cello.", "I no longer play the cello.", []),
        ("I have asthma.", "I don't have asthma anymore.", []),
        ("I go to the gym every morning.", "I used to go to the gym every morning.", []),
        ("I take metformin.", "I stopped taking metformin.", []),
        ("My email is a@example.org.", "My email is now b@example.org.", ["ATTRIBUTE: email is b@example.org"]),
        ("I'm engaged.", "I got married last week.", ["ATTRIBUTE: is married"]),
        ("I'm based in Berlin.", "We moved to Rome.", ["ATTRIBUTE: lives in Rome"]),
        (
            "I like comedies and tea.",
            "I don't like tea.",
            ["ATTRIBUTE: likes comedies", "ATTRIBUTE: does not like tea"],
        ),
        ("I have two kids, Emma and Jake.", "My son Jake is 7.", ["RELATIONSHIP: kid Emma", "RELATIONSHIP: son Jake"]),
        ("My girlfriend is Ana.", "Ana and I broke up.", []),
        ("Ich wohne in Köln.", "Ich wohne nicht mehr in Köln.", []),
        ("Vivo en Madrid.", "Me mudé a Sevilla.", ["ATTRIBUTE: lives in Sevilla"]),
        ("I'm a nurse.", "I quit my job as a nurse.", []),
        ("I go to the gym twice a week.", "I don't go to the gym anymore.", []),
        ("Keep your answers short.", "Keep your answers detailed.", ["INSTRUCTION: Keep your answers detailed."]),
        ("My dog is Rex.", "My dog Rex is a beagle.", ["RELATIONSHIP: dog Rex (beagle)"]),
    ],
)
def test_a_line_follows_what_is_said_later(before: str, after: str, lines: list[str]) -> None:
    assert lines_of(before, after) == lines
