"""Format the outcome of a run as docs/reference/soak.md."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.soak.ledger import EXPLAINS_FOR_SECONDS, SoakLedger
from tests.soak.memory import GROWTH, WARM_UP, SoakPhase

SHOWN = 20
HEAD = """\
# Soak test

Written by the last run of `make soak`. Clients call every operation of the API, served by two API processes and a
worker, with a simulated provider. In the first phase data grows, while API processes and the worker are killed,
another program locks the file, and the provider is unavailable. In the second phase, of the same length, clients
delete as much as they add, including sessions with their conclusions and uploaded files, and there are no faults.

**Criteria.** No answer above 499 except 503 within {seconds:.0f} s of a locked file or an unavailable provider; no
broken connection except within {seconds:.0f} s of a killed API process. Each acknowledged message is stored once,
with one conclusion derived from it; a message whose call got no answer is stored once or not at all; nothing else
is stored. All acknowledged events were delivered. The queue is empty, no job was given up, and `omoide check` finds
nothing.

Memory is judged in the second phase: after the first {warm_up:.0%} of it, which fill the caches, the median
resident memory of a process in the last fifth is within {growth:.0%} of that in the first fifth. For the first
phase it is shown with the size of the database and not judged: cached data grows with the database up to the limits
of the caches, so growth does not distinguish a leak from a cache that fills.
"""


@dataclass(frozen=True, slots=True)
class SoakOutcome:
    """`drained` is the seconds until the queue was empty after the first phase; `broken` lists all failures."""

    growing: SoakPhase
    constant: SoakPhase
    ledger: SoakLedger
    drained: float
    delivered: int
    file_bytes: int
    broken: Sequence[str]

    @property
    def findings(self) -> list[str]:
        judged = self.constant.processes
        grown = [f"{each.name} grew by {each.growth - 1:.1%}" for each in judged if each.growth > GROWTH]
        missing = {"supervisor", "omoide-api", "omoide-worker"} - {each.name for each in judged}
        return [*self.broken, *grown, *(f"no {name} lived long enough to be judged" for name in sorted(missing))]

    @property
    def is_good(self) -> bool:
        return not self.findings


def report(outcome: SoakOutcome) -> str:
    """Return the whole page."""
    ledger = outcome.ledger
    said = sum(map(len, ledger.acknowledged.values()))
    unsure = sum(map(len, ledger.uncertain.values()))
    faults = Counter(fault.kind for fault in ledger.faults)
    troubles = Counter(kind for _, _, kind, _ in ledger.troubles)
    verdict = "All criteria were met" if outcome.is_good else "Not all criteria were met"
    figures = [
        ("with growing data", f"{outcome.growing.seconds / 60:.1f} min"),
        ("with constant data", f"{outcome.constant.seconds / 60:.1f} min"),
        ("calls answered", f"{ledger.answers.total():,}"),
        ("messages acknowledged", f"{said:,}"),
        ("messages without an answer, stored once or not at all", f"{unsure:,}"),
        ("events acknowledged and delivered", f"{ledger.events:,}, {outcome.delivered:,}"),
        ("queue empty after", f"{outcome.drained:.1f} s"),
        ("size of the database", f"{outcome.file_bytes / 1e6:.1f} MB"),
    ]
    parts = [
        HEAD.format(seconds=EXPLAINS_FOR_SECONDS, growth=GROWTH - 1, warm_up=WARM_UP),
        f"\n**{verdict}**, on Python {platform.python_version()}.\n\n",
        _table(("", ""), figures),
        "\n## Faults\n\n" + _table(("fault", "times"), sorted(faults.items())),
        "\n## Errors seen by clients\n\n" + _table(("error", "times"), sorted(troubles.items())),
        "\n## Memory with growing data\n\n" + _memory(outcome.growing),
        "\n## Memory with constant data\n\n" + _memory(outcome.constant),
        "\n## Answers\n\n" + _answers(ledger),
    ]
    if findings := outcome.findings:
        more = [f"- and {len(findings) - SHOWN} more\n"] if len(findings) > SHOWN else []
        parts.append("\n## Failures\n\n" + "".join([*(f"- {each}\n" for each in findings[:SHOWN]), *more]))
    return "".join(parts)


def _memory(phase: SoakPhase) -> str:
    rows = [
        (each.name, f"{each.first / 1e6:.1f} MB", f"{each.last / 1e6:.1f} MB", f"{each.growth - 1:+.1%}")
        for each in (*phase.processes, phase.data)
        if each
    ]
    return _table(("", "first fifth", "last fifth", "growth"), rows)


def _answers(ledger: SoakLedger) -> str:
    statuses = sorted({status for _, status in ledger.answers})
    rows = [
        (name, *(f"{count:,}" if (count := ledger.answers[name, status]) else "" for status in statuses))
        for name in sorted({name for name, _ in ledger.answers})
    ]
    return _table(("call", *map(str, statuses)), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)
