"""Whose work it is that a request or a job does, in its context."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from time import perf_counter
from typing import NamedTuple


class Lane(NamedTuple):
    """Whose work it is. `caller` is the key, or the network address where there is none."""

    workspace: str
    caller: str


BACKGROUND = Lane("", "")
"""Of work that no request asked for."""

AGE_PER_SECOND = 4.0
"""A piece of work that has computed for a second goes behind what came so many seconds later in its lane, so that short
work passes long work, but not for ever."""

SHORT_SECONDS = 0.02
"""Work that has computed less is short: none passes it, because pieces of the same length that pass one another all end
later."""


class Work:
    """What a request or a job does: whose it is, since when, and how much it has computed, in seconds."""

    __slots__ = ("began", "computed", "lane", "resume", "turn")

    def __init__(self, lane: Lane, resume: Callable[[Lane], Awaitable[None] | None] | None = None) -> None:
        self.lane = lane
        self.began = perf_counter()
        self.computed = 0.0
        self.turn: Awaitable[None] | None = None
        """What a request has to await before it begins."""
        self.resume = resume
        """Gives what it has to await before it goes on in the event loop after a wait; see `LoopTurns.admit`."""

    def go_on(self) -> Awaitable[None] | None:
        """What it has to await, after a wait for something else, before it goes on; None if nothing."""
        return None if self.resume is None else self.resume(self.lane)

    def rank(self) -> float:
        """The lower, the sooner it goes on in its lane."""
        return self.began + AGE_PER_SECOND * max(0.0, self.computed - SHORT_SECONDS)


current_work: ContextVar[Work] = ContextVar("current_work", default=Work(BACKGROUND))  # noqa: B039  # never changed
