"""Answers composed from given statements and messages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omoide.core.clock import DAY
from omoide.storage.sqlite.engine import Store
from tests.reasoner.extractive.answering import (
    NOTHING,
    START,
    check,
    compose,
    fact,
    facts,
    question,
    said,
    snippet,
    turn,
)
from tests.reasoner.memory_fixtures import Past

pytestmark = pytest.mark.usefixtures("with_and_without_cross_encoder")

# Composing from given statements


def test_the_newest_statement_wins_in_any_order_of_retrieval() -> None:
    lives = facts("alice lives in Lisbon", "alice lives in Porto", "alice lives in Lisbon")
    for found in (lives, lives[::-1]):
        text = compose(question("Where does alice live?"), found, [])
        assert text == "alice lives in Lisbon. (alice, 2026-01-07)"


PORTO = replace(fact("alice lives in Porto"), ended_as="superseded", ended_at=START + DAY, valid_until=START + DAY)
LISBON = fact("alice lives in Lisbon", 1)
EARLIER = "Earlier, until 2026-01-06: alice lives in Porto. (alice, 2026-01-05)"


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("Where did alice live before?", EARLIER),
        ("Where has alice lived?", f"alice lives in Lisbon. (alice, 2026-01-06) {EARLIER}"),
        ("Where did alice live in 2025?", EARLIER),
        ("Where did alice live in 2027?", "alice lives in Lisbon. (alice, 2026-01-06)"),
    ],
)
def test_what_was_before_is_told_with_its_dates(query: str, answer: str) -> None:
    assert compose(question(query), [LISBON], [], past=[PORTO]) == answer


def test_what_was_before_is_told_once() -> None:
    told = compose(
        question("Where did alice live before?"), [LISBON], snippet(("alice", "I live in Porto.")), past=[PORTO]
    )
    assert told == EARLIER


def test_a_home_that_was_left_for_none_is_what_was_before() -> None:
    left = fact("alice no longer lives in Porto", 1)
    assert compose(question("Where did alice live before?"), [left], [], past=[PORTO]) == EARLIER


def test_other_superseded_statements_come_first_in_answers_about_the_past() -> None:
    smokes = replace(fact("alice smokes"), ended_as="superseded")
    text = compose(question("Did alice use to smoke?"), [fact("alice quit smoking", 1)], [], past=[smokes])
    assert text == "Earlier: alice smokes. (alice, 2026-01-05) alice quit smoking. (alice, 2026-01-06)"


def test_a_more_detailed_value_is_not_a_change() -> None:
    text = compose(
        question("Where does alice live?"), facts("alice lives in Lisbon", "alice lives in Lisbon, Portugal"), []
    )
    assert "Earlier" not in text


def test_an_ended_value_is_not_the_answer() -> None:
    text = compose(
        question("Where does alice live?"), facts("alice lives in Porto", "alice no longer lives in Porto"), []
    )
    assert text.startswith("alice no longer lives in Porto.")


def test_a_changed_taste_is_not_listed() -> None:
    known = facts("alice likes tea", "alice likes jazz", "alice does not like tea")
    check(compose(question("What does alice like?"), known, []), ["jazz"], ["likes tea"])


def test_an_update_precedes_the_statement_that_it_updates() -> None:
    known = facts("alice parks the car in the north garage", "alice parks the car in the south garage")
    text = compose(question("In which garage does alice park the car?"), known, [])
    assert 0 <= text.index("south") < text.index("north")


def test_a_card_line_is_used_if_there_is_no_other_statement() -> None:
    asked = question("Where does alice live?", target_card=("ATTRIBUTE: lives in Oslo", "IDENTITY: name is Alice Moe"))
    assert compose(asked, [], []) == "lives in Oslo. (from the card of alice)"
    text = compose(asked, facts("alice lives in Lisbon"), [])
    assert "Lisbon" in text
    assert "Oslo" not in text


def test_a_derived_conclusion_is_marked_as_concluded() -> None:
    text = compose(question("Does alice cycle often?"), [fact("alice often cycles to work", level="inductive")], [])
    assert text == "alice often cycles to work. (concluded about alice, 2026-01-05)"


def test_equal_statements_of_two_observers_are_quoted_once() -> None:
    one = fact("alice plays chess", 1)
    other = replace(one, id="other", observer_id="bob", pk=9)
    text = compose(question("Does alice play chess?"), [one, other], [])
    assert text.count("plays chess") == 1


def test_a_conclusion_and_its_source_message_are_quoted_once() -> None:
    found = snippet(("alice", "I play chess on Sundays."))
    text = compose(question("Does alice play chess?"), [fact("alice plays chess on Sundays")], found)
    # Which of the two the cross-encoder prefers depends on how a processor rounds its 8-bit weights.
    assert text in (
        "Yes. alice plays chess on Sundays. (alice, 2026-01-05)",
        'Yes. alice said on 2026-01-05: "I play chess on Sundays."',
    )


def test_the_most_derived_statements_come_first_in_an_overview(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "omoide.db")
    past = Past(store)
    past.conclude("alice swims every morning", times=4)
    past.conclude("alice owns a red kite")
    text = said(question("What do you know about alice?"), past.memory())
    store.close()
    assert text.index("swims") < text.index("kite")


def test_a_long_message_is_quoted_in_part() -> None:
    filler = "We talked about nothing of importance for a good while that day. " * 12
    found = snippet(("alice", f"{filler}My violin teacher moved to Riga in spring. {filler}"))
    text = compose(question("Where did alice's violin teacher move?"), [], found)
    assert "moved to Riga" in text
    assert len(text) < 500


def test_the_question_itself_is_never_quoted() -> None:
    found = snippet(("alice", "Tell me about my violin lessons"), ("alice", "My violin lessons are on Monday."))
    text = compose(question("Tell me about my violin lessons"), [], found)
    check(text, ["are on Monday"], ["Tell me"])


def test_part_of_an_id_is_a_name_and_a_whole_id_takes_precedence() -> None:
    known = [fact("alice-moe lives in Bergen", peer="alice-moe"), fact("alice lives in Lisbon")]
    texts = {name: compose(question(f"Where does {name} live?", None, None), known, []) for name in ("Moe", "Alice")}
    check(texts["Moe"], ["Bergen"], ["Lisbon"])
    check(texts["Alice"], ["Lisbon"], ["Bergen"])


def test_questions_without_any_records_are_answered() -> None:
    assert compose(question("Where does alice live?"), [], []) == f"{NOTHING} regarding alice."
    assert compose(question("What do you know about me?"), [], []) == f"{NOTHING} regarding alice."
    assert compose(question("¿?"), [], [], ["bob"]) == f"{NOTHING} regarding alice."


@pytest.mark.parametrize(
    "content", ["", " ", "\n", "?" * 10_000, "a" * 25_000, "😀" * 25_000, "x. " * 8_000, "```\ncode\n```"]
)
def test_messages_of_any_content_are_processed(content: str) -> None:
    assert compose(question("What does alice say about x?"), [], [*snippet(("alice", content))])


def test_quoted_messages_have_their_date() -> None:
    found = replace(
        snippet(("alice", ""))[0], messages=[turn("alice", "My kayak is green.", day=3)], found=["3-0-alice"]
    )
    assert "2026-01-08" in compose(question("Does alice have a green kayak?"), [], [found])
