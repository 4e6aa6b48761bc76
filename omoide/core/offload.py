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

from omoide.fairness.thread_pool import FairThreadPool

P = ParamSpec("P")
T = TypeVar("T")

_threads_disabled = Event()


def disable_threads() -> None:
    """Declare that this process serves no requests, so that CPU-bound work runs inline."""
    _threads_disabled.set()


def runs_in_threads() -> bool:
    """Whether CPU-bound work runs in threads."""
    return not _threads_disabled.is_set()


@cache
def thread_pool() -> FairThreadPool:
    """The thread pool of this process; one, because there is one interpreter to schedule."""
    return FairThreadPool()


async def _yield_to_loop() -> None:
    await asyncio.sleep(0)


before_steps: ContextVar[Callable[[], Awaitable[None]]] = ContextVar("before_steps", default=_yield_to_loop)
"""Awaited before each step of inline work; a worker sets it for each job."""


async def offload_steps(work: Generator[None, None, T]) -> T:
    """Run a generator as `offload` runs a function, and return its value. It yields where other work may run, about
    every 50 ms."""

    def some() -> Callable[[], T] | None:
        try:
            next(work)
            while runs_in_threads():
                next(work)
        except StopIteration as end:
            result: T = end.value
            return lambda: result
        return None

    while (returned := await offload(some)) is None:
        pass
    return returned()


async def offload(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work(…)` in a thread, or inline after the other tasks of the loop have run, and return its result.

    Not for work that takes a second or more: inline, it would delay lease renewal and shutdown.
    """
    if runs_in_threads():
        return await thread_pool().run(work, *args, **kwargs)
    await before_steps.get()()
    return work(*args, **kwargs)
