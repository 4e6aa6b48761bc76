"""The soak test detects lost, duplicate and unexpected data, unexplained errors and growing memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.soak.final_check import of_messages
from tests.soak.ledger import EXPLAINS_FOR_SECONDS, Fault, SoakLedger
from tests.soak.memory import WARM_UP, Medians, Series, SoakPhase, of_processes
from tests.soak.report import SoakOutcome, report

PLACE = "w", "s"
PROCESSES = ("supervisor", "omoide-api", "omoide-worker")
FLAT = [Medians(name, 100.0, 104.9) for name in PROCESSES]
SECONDS = 300
BEGAN, ENDED = 1_000.0, 1_000.0 + SECONDS
SINCE = BEGAN + WARM_UP * SECONDS
MEGABYTE = 1_000_000


def ledger_of(kind: str, fault: str, began: float) -> SoakLedger:
    """Return a ledger with an error from 100 to 101 and a fault of one second."""
    made = SoakLedger()
    made.troubles.append((100.0, 101.0, kind, "POST messages"))
    made.faults.append(Fault(fault, began, began + 1))
    return made


def outcome(*held: Medians, broken: tuple[str, ...] = ()) -> SoakOutcome:
    growing = SoakPhase(60.0, Medians("data", 10.0, 100.0), [Medians(name, 100.0, 150.0) for name in PROCESSES])
    return SoakOutcome(growing, SoakPhase(60.0, None, held or FLAT), SoakLedger(), 1.0, 0, 1, broken)


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
    assert (ledger_of(kind, fault, began).unexplained() == []) == is_explained


def test_lost_duplicate_and_unexpected_messages_are_found_and_uncertain_ones_ignored() -> None:
    ledger = SoakLedger()
    ledger.said(PLACE, [("p", "kept"), ("p", "lost")], certain=True)
    ledger.said(PLACE, [("p", "unsure"), ("p", "unsure and there")], certain=False)
    stored = Counter([("p", "kept"), ("p", "kept"), ("p", "unsure and there"), ("q", "made up")])
    assert of_messages(stored, ledger, PLACE) == [
        "a message is lost: ('p', 'lost')",
        "a message is stored 2 times: ('p', 'kept')",
        "an unexpected message: ('q', 'made up')",
    ]


def sampled(megabytes: Callable[[float], float], since: float = BEGAN - 60, until: float = ENDED) -> Series:
    """Return a sample per second of a process whose size depends on the elapsed fraction of the phase."""
    return [
        (since + second, int(MEGABYTE * megabytes((since + second - BEGAN) / SECONDS)))
        for second in range(int(until - since) + 1)
    ]


@pytest.mark.parametrize(
    ("megabytes", "is_good"),
    [
        pytest.param(lambda part: 200, True, id="flat"),
        pytest.param(lambda part: 200 + 8 * part, True, id="slow growth"),
        pytest.param(lambda part: 200 + 30 * part, False, id="steady growth"),
        pytest.param(lambda part: 100 + 100 * min(1, part / WARM_UP), True, id="growth in the warm-up only"),
        pytest.param(lambda part: 200 if part < 0.75 else 220, False, id="a late step"),
        pytest.param(lambda part: 200 + 100 * (int(part * SECONDS) % 10 == 0), True, id="short peaks"),
        pytest.param(lambda part: 200 + 60 * (part * 20 % 1), True, id="a sawtooth"),
        pytest.param(lambda part: 200 + 40 * part + 60 * (part * 20 % 1), False, id="a sawtooth that rises"),
        pytest.param(lambda part: 200 - 40 * part, True, id="shrinking"),
    ],
)
def test_memory_that_grows_in_the_phase_with_constant_data_is_found(
    megabytes: Callable[[float], float], is_good: bool
) -> None:
    seen = {("supervisor", 1): sampled(lambda _: 100), ("omoide-api", 2): sampled(megabytes)}
    processes = of_processes({**seen, ("omoide-worker", 3): sampled(lambda _: 100)}, SINCE, ENDED)
    judged = outcome(*processes)
    assert judged.is_good == is_good
    assert is_good or [finding.split()[:3] for finding in judged.findings] == [["omoide-api", "grew", "by"]]


@pytest.mark.parametrize(
    ("since", "until"), [(SINCE + 1, ENDED), (BEGAN, ENDED - 10), (ENDED - 5, ENDED), (BEGAN - 60, SINCE)]
)
def test_a_process_that_did_not_live_throughout_the_period_is_not_judged(since: float, until: float) -> None:
    assert of_processes({("omoide-api", 1): sampled(lambda _: 100, since, until)}, SINCE, ENDED) == []


def test_growth_beyond_the_bound_and_processes_that_could_not_be_judged_are_found() -> None:
    assert outcome().is_good
    assert outcome(*FLAT[:2], Medians("omoide-worker", 100.0, 105.1)).findings == ["omoide-worker grew by 5.1%"]
    assert outcome(*FLAT[:2]).findings == ["no omoide-worker lived long enough to be judged"]


def test_the_report_lists_failures() -> None:
    assert "**All criteria were met**" in report(outcome())
    assert "**Not all criteria were met**" in (text := report(outcome(broken=("a message is lost: x",))))
    assert "- a message is lost: x\n" in text
