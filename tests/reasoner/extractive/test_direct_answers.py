"""A direct answer precedes the quotation only where the quoted statement says it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omoide.core.clock import DAY
from omoide.reasoner.extractive.candidates import statements
from omoide.reasoner.extractive.leads import lead
from omoide.reasoner.extractive.questions import parse_question
from tests.reasoner.extractive.answering import START, compose, fact, question, snippet

NOW = START + 400 * DAY


def told(query: str, content: str, *, is_fact: bool = False) -> str | None:
    """The direct answer from one message of alice, said on Monday, 2026-01-05, or from one conclusion about her."""
    asked = parse_question(query, ["alice"], "alice", "alice")
    conclusions, snippets = ([fact(content)], []) if is_fact else ([], snippet(("alice", content)))
    (statement,) = statements(question(query), asked, conclusions, snippets)
    return lead(asked, statement, NOW)


WHEN = [
    ("When did alice go to the pottery workshop?", "Yesterday I went to the pottery workshop.", "On 4 January 2026."),
    ("What day did alice visit Rome?", "I visited Rome yesterday. The food was great.", "On 4 January 2026."),
    ("When did alice move to Porto?", "I moved to Porto last year.", "In 2025."),
    ("When did alice get hurt?", "I had a setback. Last month I got hurt while training.", "In December 2025."),
    ("How long ago did alice see the sea?", "I saw the sea yesterday.", "About 13 months ago, on 4 January 2026."),
]


@pytest.mark.parametrize(("query", "content", "answer"), WHEN)
def test_a_relative_date_is_worked_out(query: str, content: str, answer: str) -> None:
    assert told(query, content) == answer


def test_a_noted_date_of_a_conclusion_is_told() -> None:
    content = "alice adopted a cat three weeks ago (around 2025-12-15)"
    assert told("When did alice adopt a cat?", content, is_fact=True) == "Around 15 December 2025."


COUNTS = [
    ("How many children does alice have?", "I have two children.", "Two children."),
    ("How many bowls did alice make?", "I made three clay bowls yesterday.", "Three clay bowls."),
    ("How many kilometres did alice run?", "I ran 12 kilometres before breakfast!", "12 kilometres."),
]


@pytest.mark.parametrize(("query", "content", "answer"), COUNTS)
def test_a_number_is_told_with_its_noun(query: str, content: str, answer: str) -> None:
    assert told(query, content) == answer


WHETHER = [
    ("Does alice drink coffee?", "I don't drink coffee.", "No."),
    ("Does alice drink coffee?", "I drink coffee every morning.", "Yes."),
    ("Does alice play the violin?", "I play the violin in an orchestra.", "Yes."),
    ("Do I own a car?", "I own a small car.", "Yes."),
]


@pytest.mark.parametrize(("query", "content", "answer"), WHETHER)
def test_yes_and_no_are_told_of_the_same_verb_and_object(query: str, content: str, answer: str) -> None:
    assert told(query, content) == answer


NONE = [
    ("When did alice go to Rome?", "I went to Oslo yesterday."),
    ("When did alice visit Rome?", "I visited Rome. Yesterday I came back from Oslo."),
    ("When did alice visit Rome?", "I visited Rome yesterday and Rome again last year."),
    ("When does alice swim?", "I swim on Mondays."),
    ("How many cats does alice have?", "I'd like two cats."),
    ("How many cats does alice have?", "I have two dogs."),
    ("How many cats does alice have?", "I have about ten cats."),
    ("How many cats does alice have?", "My sister has two dogs, and I no cats."),
    ("How many cats are still with alice?", "I live with three cats."),
    ("How many bowls are left in alice's kiln?", "I have six bowls in the kiln."),
    ("How many cats does alice have now?", "I have three cats."),
    ("Does alice drink coffee?", "I might drink coffee."),
    ("Does alice drink coffee?", "My brother drinks coffee."),
    ("Does alice drink coffee?", "I hate the smell of coffee, but I drink tea."),
    ("Does alice's brother drink coffee?", "I drink coffee with my brother."),
    ("Does alice like tea or coffee?", "I like coffee."),
    ("Did alice live in Paris?", "I live in Lisbon and love Paris."),
    ("Does alice play the violin?", "I played the violin as a child."),
    ("Where does alice live?", "I live in Lisbon."),
]


@pytest.mark.parametrize(("query", "content"), NONE)
def test_nothing_is_told_that_the_statement_does_not_say(query: str, content: str) -> None:
    assert told(query, content) is None


def test_the_direct_answer_precedes_the_quotation() -> None:
    found = snippet(("alice", "Yesterday I went to the pottery workshop with my kids."))
    text = compose(question("When did alice go to the pottery workshop?"), [], found)
    assert text.startswith('On 4 January 2026. alice said on 2026-01-05: "Yesterday')


def test_a_superseded_statement_has_no_direct_answer() -> None:
    asked = parse_question("Does alice smoke?", ["alice"], "alice", "alice")
    (statement,) = statements(question("Does alice smoke?"), asked, [fact("alice smokes")], [])
    assert lead(asked, replace(statement, is_past=True), NOW) is None
