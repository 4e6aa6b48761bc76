"""The workspace and caller that a request or job works for, kept in a context variable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from time import perf_counter
from typing import NamedTuple


class Lane(NamedTuple):
    """The unit of fair scheduling. `caller` is the API key, or the network address if there is none."""

    workspace: str
    caller: str


BACKGROUND = Lane("", "")
"""The lane of work outside requests and jobs."""

AGE_PER_SECOND = 4.0
"""Seconds added to a work's rank per second that it has computed beyond `SHORT_SECONDS`: short work overtakes long work
of its lane, but cannot starve it."""

SHORT_SECONDS = 0.02
"""Work that has computed for less is short and is not overtaken: pieces of equal length that overtake each other would
all end later."""


class Work:
    """A request or job: its lane, its start time and its computing time so far, in seconds."""

    __slots__ = ("began", "computed", "lane", "resume", "turn")

    def __init__(self, lane: Lane, resume: Callable[[Lane], Awaitable[None] | None] | None = None) -> None:
        self.lane = lane
        self.began = perf_counter()
        self.computed = 0.0
        self.turn: Awaitable[None] | None = None
        """Awaited before the request starts, if not None."""
        self.resume = resume
        """Returns an awaitable for a turn in the event loop, or None if none is needed; see
        `FairLoopScheduler.admit`."""

    def go_on(self) -> Awaitable[None] | None:
        """Returns an awaitable for the turn to continue in the event loop after a wait; None if none is needed."""
        return None if self.resume is None else self.resume(self.lane)

    def rank(self) -> float:
        """The sort key within the lane; the lowest goes first."""
        return self.began + AGE_PER_SECOND * max(0.0, self.computed - SHORT_SECONDS)


current_work: ContextVar[Work] = ContextVar("current_work", default=Work(BACKGROUND))  # noqa: B039  # never mutated
