"""Tokens that models use, counted in memory until they are stored.

`counted_for` and `counted_as` say in a context for whom and for what it asks models. Without them it is the workspace
of the current request, and the task of the model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from typing import NamedTuple

from omoide.core import clock
from omoide.fairness.lanes import current_work

EMBEDDING, REPAIR = "embedding", "repair"
"""Purposes in addition to the tasks of models."""

MOST_TOKENS = 1_000_000_000
"""A larger token count reported for one request is ignored."""


@dataclass(slots=True)
class Counts:
    """Requests that were answered, how many of them have estimated tokens, and their tokens.

    `cached_tokens` are those of the input that the provider had cached, `thinking_tokens` those of the output that are
    not part of the answer, as far as providers report them.
    """

    calls: int = 0
    estimated_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    thinking_tokens: int = 0

    def add(self, other: Counts) -> None:
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def share(self, part: float) -> Counts:
        """The counts of one of several workspaces that a call was made for; it is one call for each of them."""
        tokens = {name: round(getattr(self, name) * part) for name in COUNTS if name.endswith("tokens")}
        return Counts(self.calls, self.estimated_calls, **tokens)


COUNTS = tuple(each.name for each in fields(Counts))

Payer = int | str | None
"""A workspace by its row or its id; None if a call was made for none."""


class Spending(NamedTuple):
    """What is counted together: calls of one day (since 1970, UTC) for one workspace, purpose and model."""

    workspace: Payer
    day: int
    task: str
    model: str


def day_of(now: int) -> int:
    """The day in UTC, counted from 1970, of a time in microseconds."""
    return now // clock.DAY


_payers: ContextVar[Mapping[int, float] | None] = ContextVar("payers", default=None)
_purpose: ContextVar[str] = ContextVar("purpose", default="")


@contextmanager
def counted_for(workspaces: Mapping[int, float]) -> Iterator[None]:
    """Divide what is used in the block between workspaces (rows), by weight."""
    token = _payers.set(workspaces)
    try:
        yield
    finally:
        _payers.reset(token)


@contextmanager
def counted_as(purpose: str) -> Iterator[None]:
    """Count what is used in the block for this purpose instead of the model's task, unless it is empty."""
    token = _purpose.set(purpose)
    try:
        yield
    finally:
        _purpose.reset(token)


def _shares() -> list[tuple[Payer, float]]:
    payers = _payers.get()
    if payers is None:
        return [(current_work.get().lane.workspace or None, 1.0)]
    whole = sum(payers.values())
    return [(workspace, weight / whole) for workspace, weight in payers.items()] if whole else [(None, 1.0)]


class UsageLedger:
    """What a process has used since it was last stored. Call it from the thread of the event loop."""

    def __init__(self) -> None:
        self._by_workspace: defaultdict[Spending, Counts] = defaultdict(Counts)
        self._in_all: defaultdict[tuple[str, str], Counts] = defaultdict(Counts)

    def __bool__(self) -> bool:
        return bool(self._in_all)

    def add(self, task: str, model: str, used: Counts) -> None:
        """Count a call."""
        purpose = _purpose.get() or task
        day = day_of(clock.now())
        self._in_all[purpose, model].add(used)
        for workspace, part in _shares():
            if workspace is not None:
                self._by_workspace[Spending(workspace, day, purpose, model)].add(used.share(part))

    def take(self) -> TakenUsage:
        """Return what was counted, and forget it."""
        taken = TakenUsage(dict(self._by_workspace), dict(self._in_all))
        self._by_workspace.clear()
        self._in_all.clear()
        return taken

    def put_back(self, taken: TakenUsage) -> None:
        """Count again what could not be stored."""
        for spending, counts in taken.by_workspace.items():
            self._by_workspace[spending].add(counts)
        for key, counts in taken.in_all.items():
            self._in_all[key].add(counts)


class TakenUsage(NamedTuple):
    """Counts by workspace, and by purpose and model for all workspaces together."""

    by_workspace: Mapping[Spending, Counts]
    in_all: Mapping[tuple[str, str], Counts]


def admitted(tokens: object) -> int:
    """A token count reported by a provider; 0 if it is invalid."""
    return tokens if isinstance(tokens, int) and 0 <= tokens <= MOST_TOKENS else 0
