"""Where a process computes: in threads, or in its event loop where no caller waits for that.

In a process that answers callers, threads let the event loop go on, by lane in turn (see `lane_threads`). Where a
process only works they share one interpreter and are done no sooner: handing it over, several times for each message,
took more than the work did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from contextvars import ContextVar
from functools import cache
from threading import Event
from typing import ParamSpec, TypeVar

from omoide.lane_threads import LaneThreads

P = ParamSpec("P")
T = TypeVar("T")

_answers_nobody = Event()


def answers_nobody() -> None:
    """Say that this process has no callers who wait for its event loop."""
    _answers_nobody.set()


def in_threads() -> bool:
    """Whether what takes longer is done beside the event loop."""
    return not _answers_nobody.is_set()


@cache
def threads() -> LaneThreads:
    """The threads of this process, which has one interpreter and so one order in which work is done."""
    return LaneThreads()


async def _let_others() -> None:
    await asyncio.sleep(0)


before_steps: ContextVar[Callable[[], Awaitable[None]]] = ContextVar("before_steps", default=_let_others)
"""Awaited before each step in a process that only works: a worker sets it for each of its jobs."""


async def in_steps(work: Generator[None, None, T]) -> T:
    """The value that a generator returns, computed as by `aside`. It yields where others may run, every 50 ms or so."""

    def some() -> Callable[[], T] | None:
        try:
            next(work)
            while in_threads():
                next(work)
        except StopIteration as end:
            result: T = end.value
            return lambda: result
        return None

    while (returned := await aside(some)) is None:
        pass
    return returned()


async def aside(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work(…)` returns: run in a thread, or in the loop once everybody else there has had a turn.

    Not for what may take a second: that would hold up a worker's leases and the signal to stop.
    """
    if in_threads():
        return await threads().run(work, *args, **kwargs)
    await before_steps.get()()
    return work(*args, **kwargs)
