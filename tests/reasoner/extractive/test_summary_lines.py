"""Lines of extractive summaries: their dates, and the sentences that others lean on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from omoide.core.clock import to_micros
from omoide.core.records import Message
from omoide.reasoner.extractive.sentence_salience import salience
from tests.reasoner.extractive.test_summary import TOKENS, dated_summary, said, summary


def on(day: str, peer: str, text: str, *, offset: int = 0) -> Message:
    at = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=timezone(timedelta(minutes=offset)))
    return Message(day, "s", "w", peer, text, {}, TOKENS.count(text), to_micros(at), offset)


def test_the_first_line_of_each_day_has_its_date_and_relative_dates_are_resolved() -> None:
    messages = [
        on("2026-03-02", "alice", "My sister had a baby yesterday."),
        on("2026-03-02", "bob", "My daughter's school play is on Friday."),
        on("2026-03-05", "alice", "I moved into the flat in Lyon."),
    ]
    first = dated_summary(messages)
    assert first.splitlines() == [
        "[2026-03-02] alice: My sister had a baby yesterday (2026-03-01).",
        "bob: My daughter's school play is on Friday.",
        "[2026-03-05] alice: I moved into the flat in Lyon.",
    ]
    later = dated_summary([on("2026-03-05", "bob", "I broke my left arm at the gym.")], first)
    assert later.splitlines() == [*first.splitlines(), "bob: I broke my left arm at the gym."]


def test_the_date_is_that_of_the_speakers_day() -> None:
    at = on("2026-03-02", "alice", "I adopted a dog from the shelter.", offset=13 * 60)
    late = at._replace(created_at=to_micros(datetime(2026, 3, 2, 12, tzinfo=UTC)))
    assert dated_summary([late]).startswith("[2026-03-03] alice: ")


def test_a_reply_that_says_nothing_alone_is_told_with_its_question() -> None:
    turns = [
        ("bob", "Where did you move to in the end?"),
        ("alice", "Lisbon, with the two dogs."),
        ("bob", "The weather over here has been grey for weeks on end."),
        *[("bob", f"The ferry number {n} leaves the pier at dawn.") for n in range(12)],
    ]
    lines = summary(said(turns)).splitlines()
    assert lines[:2] == ["bob: Where did you move to in the end?", "alice: Lisbon, with the two dogs."]


def test_a_sentence_that_leans_is_told_with_the_one_before_it() -> None:
    filler = [("bob", f"The ferry number {n} leaves the pier at dawn.") for n in range(12)]
    text = summary(
        said([("alice", "Pepper was gone. She had been shut in our neighbours' sauna for four days."), *filler])
    )
    assert "alice: Pepper was gone. She had been shut in our neighbours' sauna for four days." in text


def test_courtesies_of_those_who_serve_are_left_out() -> None:
    turns = [
        ("ana", "I need to change my flight from Boston to Denver, the reference is KQ8X2P."),
        ("desk", "I'd be happy to help you with that today."),
        ("desk", "You are confirmed on UA 981 on May 12, seat 14C."),
        ("desk", "Is there anything else I can help you with?"),
        ("desk", "Have a great day!"),
    ]
    assert summary(said(turns)).splitlines() == [f"{peer}: {text}" for peer, text in (turns[0], turns[2])]


def test_logs_and_code_are_left_out() -> None:
    log = (
        "We have to fix the tests of the queue before Thursday.\n"
        "2026-05-04 10:22:31,123 ERROR worker.loop: job 12 failed\n"
        'Traceback (most recent call last):\n  File "/srv/app/loop.py", line 88, in run\n    self.step()'
    )
    turns = [
        ("dev", log),
        ("bot", "1521: self.key_field = key\n1522: self.value = None\nSuccessfully installed requests-2.31.0"),
        ("dev", "We changed the retry counter on Friday, so I will revert that."),
    ]
    assert summary(said(turns)).splitlines() == [
        "dev: We have to fix the tests of the queue before Thursday.",
        "dev: We changed the retry counter on Friday, so I will revert that.",
    ]


@pytest.mark.parametrize(
    ("dated", "undated"),
    [
        (
            "There's a parents' evening on the 24th, are you coming?",
            "There's a parents' evening at school, are you coming?",
        ),
        ("Mum flies to Oslo on Tuesday.", "Mum flies to Oslo with Bob."),
    ],
)
def test_when_something_happens_counts_even_in_a_question(dated: str, undated: str) -> None:
    assert salience(dated) > salience(undated)
