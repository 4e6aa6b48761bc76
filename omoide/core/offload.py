"""Run CPU-bound work in a thread pool, or inline in worker processes, where a pool only adds overhead.

In a process that serves requests, threads keep the event loop responsive (see `lane_threads`). In a worker they would
share one interpreter and finish no sooner: handing work over, several times for each message, took longer than the work
itself.
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
    """Declare that this process serves no requests, so that CPU-bound work runs inline."""
    _answers_nobody.set()


def in_threads() -> bool:
    """Whether CPU-bound work runs in threads."""
    return not _answers_nobody.is_set()


@cache
def threads() -> LaneThreads:
    """The thread pool of this process; one, because there is one interpreter to schedule."""
    return LaneThreads()


async def _let_others() -> None:
    await asyncio.sleep(0)


before_steps: ContextVar[Callable[[], Awaitable[None]]] = ContextVar("before_steps", default=_let_others)
"""Awaited before each step of inline work; a worker sets it for each job."""


async def in_steps(work: Generator[None, None, T]) -> T:
    """Run a generator as `aside` runs a function, and return its value. It yields where other work may run, about
    every 50 ms."""

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
    """Run `work(…)` in a thread, or inline after the other tasks of the loop have run, and return its result.

    Not for work that takes a second or more: inline, it would delay lease renewal and shutdown.
    """
    if in_threads():
        return await threads().run(work, *args, **kwargs)
    await before_steps.get()()
    return work(*args, **kwargs)
