"""The outcome of a run, in words for docs/soak.md."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.soak.ledger import EXPLAINS_FOR_SECONDS, Ledger
from tests.soak.memory import GROWTH, Held

SHOWN = 20
HEAD = """\
# Soak

The last run of `make soak`, written by it. Clients call everything that the API offers, two API processes and a worker
serve them, a made-up provider reasons, and meanwhile API processes and the worker are killed, the file is held by
another program, and the provider goes away.

**How it is judged.** No answer above 499 but 503 within {seconds:.0f} s of a held file or an absent provider; no broken
connection but within {seconds:.0f} s of a killed API process. Each acknowledged message is there once, and one
conclusion was drawn from it; a message whose call brought no answer is there once or not at all; nothing else is there.
All acknowledged events were delivered. The queue is empty, nothing was given up, and `omoide check` finds nothing. The
resident memory of every process that lived through all of the time but the first 30 % (one API process and, in that
time, the worker are spared for that) has in the last fifth of that time a median within {growth:.0%} of the first's.
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`seconds` of load, then `drained` seconds until the queue was empty; `broken` is everything that went wrong."""

    seconds: float
    ledger: Ledger
    held: Sequence[Held]
    drained: float
    delivered: int
    file_bytes: int
    broken: Sequence[str]

    @property
    def findings(self) -> list[str]:
        grown = [f"{each.process} grew by {each.growth - 1:.0%}" for each in self.held if each.growth > GROWTH]
        missing = {"supervisor", "omoide-api", "omoide-worker"} - {each.process for each in self.held}
        return [*self.broken, *grown, *(f"no {name} lived long enough to be judged" for name in sorted(missing))]

    @property
    def is_good(self) -> bool:
        return not self.findings


def report(outcome: Outcome) -> str:
    """The whole page."""
    ledger = outcome.ledger
    said = sum(map(len, ledger.acknowledged.values()))
    unsure = sum(map(len, ledger.uncertain.values()))
    faults = Counter(fault.kind for fault in ledger.faults)
    troubles = Counter(kind for _, _, kind, _ in ledger.troubles)
    verdict = "All of it held" if outcome.is_good else "Not all of it held"
    figures = [
        ("load for", f"{outcome.seconds / 60:.1f} min"),
        ("calls answered", f"{ledger.answers.total():,}"),
        ("messages acknowledged", f"{said:,}"),
        ("messages without an answer, there once or not at all", f"{unsure:,}"),
        ("events acknowledged and delivered", f"{ledger.events:,}, {outcome.delivered:,}"),
        ("queue empty after", f"{outcome.drained:.1f} s"),
        ("size of the database", f"{outcome.file_bytes / 1e6:.1f} MB"),
    ]
    parts = [
        HEAD.format(seconds=EXPLAINS_FOR_SECONDS, growth=GROWTH - 1),
        f"\n**{verdict}**, on Python {platform.python_version()}.\n\n",
        _table(("", ""), figures),
        "\n## Faults\n\n" + _table(("fault", "times"), sorted(faults.items())),
        "\n## What clients noticed\n\n" + _table(("trouble", "times"), sorted(troubles.items())),
        "\n## Memory\n\n" + _memory(outcome.held),
        "\n## Answers\n\n" + _answers(ledger),
    ]
    if findings := outcome.findings:
        more = [f"- and {len(findings) - SHOWN} more\n"] if len(findings) > SHOWN else []
        parts.append("\n## What did not hold\n\n" + "".join([*(f"- {each}\n" for each in findings[:SHOWN]), *more]))
    return "".join(parts)


def _memory(held: Sequence[Held]) -> str:
    rows = [
        (each.process, f"{each.first / 1e6:.1f} MB", f"{each.last / 1e6:.1f} MB", f"{each.growth - 1:+.1%}")
        for each in held
    ]
    return _table(("process", "first fifth", "last fifth", "growth"), rows)


def _answers(ledger: Ledger) -> str:
    statuses = sorted({status for _, status in ledger.answers})
    rows = [
        (name, *(f"{count:,}" if (count := ledger.answers[name, status]) else "" for status in statuses))
        for name in sorted({name for name, _ in ledger.answers})
    ]
    return _table(("call", *map(str, statuses)), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)
