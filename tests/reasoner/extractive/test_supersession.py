"""Which statements supersede which: a table of pairs, and the rules about corrections and validity."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from omoide.core.clock import to_micros
from omoide.reasoner.extractive.corrections import corrected
from omoide.reasoner.extractive.derive import fact_content
from omoide.reasoner.extractive.supersession import effect, topics_of
from omoide.reasoner.extractive.validity import validity

SAID = datetime(2026, 5, 13, 10, tzinfo=UTC)
PAIRS = Path(__file__).parent / "supersession_pairs.txt"
EARLIER = ["ana lives in Porto", "ana works at Siemens", "ana has two cats"]
MOST_MISSED = 0.05


def pairs() -> list[tuple[str, str, bool]]:
    lines = [line for line in PAIRS.read_text().splitlines() if line and not line.startswith("#")]
    rows = [[part.strip() for part in line.split("|")] for line in lines]
    return [(content(old), content(new), verdict != "no") for old, new, verdict in rows]


def content(sentence: str) -> str:
    return fact_content(sentence, "ana", to_micros(SAID))


def test_no_pair_is_superseded_wrongly_and_few_are_missed() -> None:
    wrong = [(old, new) for old, new, expected in pairs() if effect(new, old, "ana") and not expected]
    missed = [(old, new) for old, new, expected in pairs() if not effect(new, old, "ana") and expected]
    assert wrong == []
    assert len(missed) <= MOST_MISSED * len(pairs()), missed


def test_a_statement_supersedes_only_what_shares_a_topic_with_it() -> None:
    for old, new, _ in pairs():
        if effect(new, old, "ana"):
            assert topics_of(new, "ana") & topics_of(old, "ana"), (old, new)


def test_nothing_supersedes_itself() -> None:
    for old, new, _ in pairs():
        assert effect(old, old, "ana") is None
        assert effect(new, new, "ana") is None


def test_a_value_that_is_named_as_wrong_makes_the_older_statement_invalid() -> None:
    assert effect("ana lives in Porto, not Madrid", "ana lives in Madrid", "ana") == "invalid"
    assert effect("ana lives in Porto", "ana lives in Madrid", "ana") == "superseded"


@pytest.mark.parametrize(
    ("sentence", "wrong", "right"),
    [
        ("No, I meant 3.", "ana has two cats", "ana has 3 cats"),
        ("Sorry, I meant Bosch, not Siemens.", "ana works at Siemens", "ana works at Bosch"),
        ("Actually it's Braga, not Porto", "ana lives in Porto", "ana lives in Braga"),
        ("Not Siemens but Bosch!", "ana works at Siemens", "ana works at Bosch"),
        ("Oops, I meant three.", "ana has two cats", "ana has three cats"),
    ],
)
def test_a_correction_replaces_the_value_that_it_refers_to(sentence: str, wrong: str, right: str) -> None:
    assert corrected(sentence, EARLIER, "ana") == (wrong, right)


@pytest.mark.parametrize("sentence", ["No, I meant Braga.", "I meant it.", "No, not really", "I mean, I love it", ""])
def test_an_unclear_correction_corrects_nothing(sentence: str) -> None:
    assert corrected(sentence, EARLIER, "ana") is None


@pytest.mark.parametrize(
    ("sentence", "start", "end"),
    [
        ("I've lived in Bonn since March.", "2026-03-01", None),
        ("I lived in Bonn until last year.", None, "2026-01-01"),
        ("I lived in Bonn from 2015 to 2019.", "2015-01-01", "2020-01-01"),
        ("I've been married for five years.", "2021-05-13", None),
        ("I'm staying in Rome for two weeks.", "2026-05-13", "2026-05-27"),
        ("I'm on parental leave until September.", None, "2026-10-01"),
        ("I work at Bosch starting June 1st.", "2026-06-01", None),
        ("I started a new job last week.", "2026-05-04", None),
        ("I used to live in Bonn.", None, "2026-05-13"),
        ("I live in Lisbon.", None, None),
        ("I ran from 5 to 7.", None, None),
        ("I lived in Bonn until 2099-99-99.", None, None),
    ],
)
def test_a_statement_holds_for_as_long_as_it_says(sentence: str, start: str | None, end: str | None) -> None:
    found = validity(content(sentence), SAID)
    assert [each and each.date().isoformat() for each in (found.start, found.end)] == [start, end]
