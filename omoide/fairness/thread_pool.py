"""A thread pool with fair queuing by lane and time slices, so that long work does not block short work.

All callers share one interpreter: a second running thread adds almost no throughput, and slows both down. So one job
runs at a time, in the thread in which it started. `turns` selects the next one by the processor time that each lane has
used. At a checkpoint (`checkpoint`), a job that has used its slice is queued again. Within a lane, short work overtakes
long work (`Work.rank`). When a job reaches no checkpoint for `RELIEF_SECONDS`, the next one starts in parallel.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from typing import Any, ParamSpec, TypeVar

from omoide.fairness.fair_queue import FairQueue, Turn
from omoide.fairness.lanes import BACKGROUND, Lane, Work, current_work

P = ParamSpec("P")
T = TypeVar("T")

SLICE_SECONDS = 0.003
"""Processor time after which a job yields at its next checkpoint. Most searches take two or three times as long."""

RELIEF_SECONDS = 0.03
"""Time without a checkpoint after which another job is started in parallel."""

MOST_AT_A_TIME = 4
"""Maximum number of jobs running in parallel when earlier ones reach no checkpoint."""

MOST_THREADS = 32
"""Maximum number of threads, most of them paused in a job. When all are in use, jobs are no longer paused."""

MOST_PAUSED_SECONDS = 0.5
"""Maximum pause at a checkpoint. The job then continues, because others may wait for resources that it holds."""

_local = threading.local()


class _Job:
    """A call to be run, and the future of its caller."""

    __slots__ = (
        "began", "call", "caller", "context", "error", "loop", "may_go_on", "paused", "paused_at", "result", "turn",
        "work",
    )  # fmt: skip

    def __init__(self, call: Callable[[], Any], caller: asyncio.Future[Any], loop: asyncio.AbstractEventLoop) -> None:
        self.call = call
        self.caller = caller
        self.loop = loop
        of_context = current_work.get()
        self.work = Work(BACKGROUND) if of_context.lane is BACKGROUND else of_context
        self.context: Context = copy_context()
        self.turn: Turn[_Job] | None = None
        """None while it is queued, and while it continues without a turn."""
        self.may_go_on: threading.Event | None = None
        """Set when a paused job may continue; None for a job that was never paused."""
        self.began = 0.0
        """Start of its slice, in seconds of its thread's processor time."""
        self.paused = 0.0
        """Total duration of its pauses in seconds, without the current one."""
        self.paused_at: float | None = None
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.context.run(self.call)
        except BaseException as error:
            self.error = error

    def settle(self) -> None:
        if self.caller.done():
            return
        if isinstance(self.error, StopIteration):  # set_exception() refuses it
            self.caller.set_exception(RuntimeError("work in a thread raised StopIteration"))
        elif self.error is not None:
            self.caller.set_exception(self.error)
        else:
            self.caller.set_result(self.result)

    def paused_seconds(self) -> float:
        since = self.paused_at
        return self.paused + (0.0 if since is None else time.monotonic() - since)


class FairThreadPool:
    """A thread pool for one process. A job is charged to the lane of the context that submits it."""

    def __init__(self, most_threads: int = MOST_THREADS) -> None:
        self._executor = ThreadPoolExecutor(most_threads, thread_name_prefix="omoide-lane")
        self._most_threads = most_threads
        self._lock = threading.Lock()
        self._turns: FairQueue[_Job] = FairQueue(by_age=True)
        self._free = 1
        self._extra = 0
        """Jobs running beyond the first; decremented when one ends or yields."""
        self._given = 0
        """Number of turns given so far; shows whether any job was started or resumed."""
        self._started = 0
        """Jobs that occupy a thread, including paused ones."""
        self.asked: dict[Lane, int] = {}
        """Number of unfinished jobs by lane. Used only by event loops."""
        self._watcher: asyncio.AbstractEventLoop | None = None
        """The event loop that has scheduled `_relieve`."""

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `call(…)` in a thread when its turn comes, and return the result. Never runs if cancelled before that."""
        loop = asyncio.get_running_loop()
        caller: asyncio.Future[T] = loop.create_future()
        job = _Job(lambda: call(*args, **kwargs), caller, loop)
        with self._lock:
            self._put(job)
            starting = self._next()
        self._start(starting)
        if starting is not job:
            self._watch(loop)
        lane = job.work.lane
        self.asked[lane] = self.asked.get(lane, 0) + 1
        try:
            result = await caller
        except asyncio.CancelledError:
            with self._lock:
                self._turns.remove(lane, job)
            raise
        finally:
            if self.asked[lane] > 1:
                self.asked[lane] -= 1
            else:
                del self.asked[lane]
        if (turn := job.work.go_on()) is not None:
            await turn
        return result

    def close(self) -> None:
        """Wait until all jobs are done."""
        self._executor.shutdown()

    def _put(self, job: _Job) -> None:
        self._turns.put(job.work.lane, job, job.work.rank())

    def _next(self) -> _Job | None:
        """Give free slots to the next jobs; returns the first that needs a thread. The lock must be held."""
        while self._free and (turn := self._turns.take()):
            self._free -= 1
            self._given += 1
            job = turn.item
            job.turn = turn
            if job.may_go_on is None:
                self._started += 1
                return job
            job.may_go_on.set()
        return None

    def _start(self, job: _Job | None) -> None:
        if job is not None:
            self._executor.submit(self._work, job)

    def _work(self, job: _Job | None) -> None:
        """Run the job, then the next ones while there are any."""
        while job is not None:
            _local.threads, _local.job = self, job
            job.began = time.thread_time()
            job.run()
            _local.job = None
            with contextlib.suppress(RuntimeError):  # the loop is closed
                job.loop.call_soon_threadsafe(job.settle)
            with self._lock:
                self._started -= 1
                self._give_back(job)
                job = self._next()

    def _give_back(self, job: _Job) -> None:
        """Charge the lane for the slice and release the job's slot. The lock must be held."""
        if job.turn is None:
            return
        computed = time.thread_time() - job.began
        job.work.computed += computed
        self._turns.done(job.turn, computed)
        job.turn = None
        if self._extra:
            self._extra -= 1
        else:
            self._free += 1

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Check after `RELIEF_SECONDS` whether any job was started or resumed."""
        if self._watcher is not loop:
            self._watcher = loop
            loop.call_later(RELIEF_SECONDS, self._relieve, loop, self._given)

    def _relieve(self, loop: asyncio.AbstractEventLoop, given: int) -> None:
        self._watcher = None
        with self._lock:
            if not len(self._turns):
                return
            if given == self._given and self._extra < MOST_AT_A_TIME - 1:
                self._extra += 1
                self._free += 1
            starting = self._next()
        self._start(starting)
        self._watch(loop)

    def pause(self, job: _Job, during: Callable[[], None] | None = None) -> None:
        """Yield until the job's next turn, calling `during` meanwhile. Does not yield if all threads are in use."""
        with self._lock:
            may_pause = self._started < self._most_threads
            if may_pause:
                job.may_go_on = threading.Event()
                job.paused_at = time.monotonic()
                self._give_back(job)
                if during is None:
                    self._put(job)
                starting = self._next()
        if not may_pause:
            return during() if during else None
        self._start(starting)
        if during is not None:
            during()
            with self._lock:
                self._put(job)
                starting = self._next()
            self._start(starting)
        self._wait(job)
        return None

    def _wait(self, job: _Job) -> None:
        assert job.may_go_on is not None
        assert job.paused_at is not None
        if not job.may_go_on.wait(MOST_PAUSED_SECONDS):
            with self._lock:
                self._turns.remove(job.work.lane, job)  # no effect if its turn has just come
        job.paused, job.paused_at = job.paused_seconds(), None
        job.began = time.thread_time()

    def is_asked(self) -> bool:
        """Whether other jobs are waiting."""
        return len(self._turns) > 0


def checkpoint() -> None:
    """Yield if this thread's job has used its slice and others are waiting. Do not call it with a lock held.

    Cheap when no job is waiting; no effect outside the pool's threads.
    """
    job: _Job | None = getattr(_local, "job", None)
    if job is None:
        return
    threads: FairThreadPool = _local.threads
    if threads.is_asked() and time.thread_time() - job.began >= SLICE_SECONDS:
        threads.pause(job)


def resting(wait: Callable[[], None]) -> None:
    """Call `wait`, which blocks without computing, and let other jobs run meanwhile."""
    job: _Job | None = getattr(_local, "job", None)
    if job is None:
        wait()
    else:
        threads: FairThreadPool = _local.threads
        threads.pause(job, wait)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Disable checkpoints within the block; for code that holds a lock."""
    job, _local.job = getattr(_local, "job", None), None
    try:
        yield
    finally:
        _local.job = job


def paused_clock() -> Callable[[], float]:
    """A function, callable from any thread, that returns how long this thread's job has been paused, in seconds."""
    job: _Job | None = getattr(_local, "job", None)
    return (lambda: 0.0) if job is None else job.paused_seconds
