"""The judge of a soak finds what it is to find."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.soak.ledger import EXPLAINS_FOR_SECONDS, Fault, Ledger
from tests.soak.memory import Held
from tests.soak.reckoning import of_messages
from tests.soak.report import Outcome, report

PLACE = "w", "s"
FLAT = [Held(name, 1, 100.0, 109.0) for name in ("supervisor", "omoide-api", "omoide-worker")]


def ledger(kind: str, fault: str, began: float) -> Ledger:
    """A call that went wrong from 100 to 101, and a fault of one second."""
    made = Ledger()
    made.troubles.append((100.0, 101.0, kind, "POST messages"))
    made.faults.append(Fault(fault, began, began + 1))
    return made


def outcome(*held: Held, broken: tuple[str, ...] = ()) -> Outcome:
    return Outcome(60.0, Ledger(), held or FLAT, 1.0, 0, 1, broken)


@pytest.mark.parametrize(
    ("kind", "fault", "began", "is_explained"),
    [
        ("503", "locked file", 99.5, True),
        ("503", "provider away", 100.0 - EXPLAINS_FOR_SECONDS, True),
        ("503", "locked file", 98.0 - EXPLAINS_FOR_SECONDS, False),
        ("503", "locked file", 101.5, False),
        ("503", "kill of an API process", 100.0, False),
        ("connection", "kill of an API process", 100.0, True),
        ("connection", "provider away", 100.0, False),
        ("500", "locked file", 100.0, False),
        ("507", "locked file", 100.0, False),
    ],
)
def test_only_a_fault_of_the_right_kind_and_time_explains(
    kind: str, fault: str, began: float, is_explained: bool
) -> None:
    assert (ledger(kind, fault, began).unexplained() == []) == is_explained


def test_messages_that_are_lost_doubled_or_made_up_are_found_and_uncertain_ones_may_be_there_or_not() -> None:
    told = Ledger()
    told.said(PLACE, [("p", "kept"), ("p", "lost")], certain=True)
    told.said(PLACE, [("p", "unsure"), ("p", "unsure and there")], certain=False)
    stored = Counter([("p", "kept"), ("p", "kept"), ("p", "unsure and there"), ("q", "made up")])
    assert of_messages(stored, told, PLACE) == [
        "a message is lost: ('p', 'lost')",
        "a message is there 2 times: ('p', 'kept')",
        "a message that nobody said: ('q', 'made up')",
    ]


def test_a_process_that_grows_or_that_nobody_could_judge_is_found() -> None:
    assert outcome().is_good
    assert outcome(*FLAT[:2], Held("omoide-worker", 1, 100.0, 111.0)).findings == ["omoide-worker grew by 11%"]
    assert outcome(*FLAT[:2]).findings == ["no omoide-worker lived long enough to be judged"]


def test_the_report_says_what_did_not_hold() -> None:
    assert "**All of it held**" in report(outcome())
    assert "**Not all of it held**" in (text := report(outcome(broken=("a message is lost: x",))))
    assert "- a message is lost: x\n" in text
