"""Threads that work by lane in turn and in slices, so that long work makes room for short work.

One interpreter computes for all callers: a second thread beside the first hardly does more, and both take longer. So
one piece of work runs at a time, in whichever thread it began. Who goes next is decided by `turns`, from the processor
time that each lane has used. At a checkpoint (`checkpoint`), a piece that has used its slice queues again for the rest.
Within a lane short work passes long work (`Work.rank`). Work that reaches no checkpoint for `RELIEF_SECONDS` no longer
keeps the next piece waiting.
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

from omoide.lanes import BACKGROUND, Lane, Work, current_work
from omoide.turns import Turn, Turns

P = ParamSpec("P")
T = TypeVar("T")

SLICE_SECONDS = 0.003
"""Processor time after which work makes room at its next checkpoint; most searches take two or three times as long."""

RELIEF_SECONDS = 0.03
"""After so long without a checkpoint another piece of work begins as well."""

MOST_AT_A_TIME = 4
"""Pieces of work that run at a time where those before reach no checkpoint."""

MOST_THREADS = 32
"""Threads, most of which wait in the middle of their work. Where all are taken, work is no longer interrupted."""

MOST_PAUSED_SECONDS = 0.5
"""How long work is kept waiting at a checkpoint. It goes on then, as it may hold what others wait for."""

_local = threading.local()


class _Job:
    """A piece of work and its caller."""

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
        """None while it waits, and while it goes on without a turn."""
        self.may_go_on: threading.Event | None = None
        """Set when the turn of work that was interrupted has come; None for work that has not begun."""
        self.began = 0.0
        """When its slice began, in seconds of its thread's processor time."""
        self.paused = 0.0
        """Seconds for which it was interrupted, the current interruption excluded."""
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
        if isinstance(self.error, StopIteration):  # which a future refuses to carry
            self.caller.set_exception(RuntimeError("work in a thread raised StopIteration"))
        elif self.error is not None:
            self.caller.set_exception(self.error)
        else:
            self.caller.set_result(self.result)

    def paused_seconds(self) -> float:
        since = self.paused_at
        return self.paused + (0.0 if since is None else time.monotonic() - since)


class LaneThreads:
    """A pool of threads for one process. Work counts for the lane of the context in which it is asked for."""

    def __init__(self, most_threads: int = MOST_THREADS) -> None:
        self._executor = ThreadPoolExecutor(most_threads, thread_name_prefix="omoide-lane")
        self._most_threads = most_threads
        self._lock = threading.Lock()
        self._turns: Turns[_Job] = Turns(by_age=True)
        self._free = 1
        self._extra = 0
        """Pieces of work that run beyond the first, until one ends or makes room."""
        self._given = 0
        """Turns given so far: whether anything goes on."""
        self._started = 0
        """Pieces of work that have a thread, those that were interrupted included."""
        self.asked: dict[Lane, int] = {}
        """How many pieces of work of each lane are not done. Only event loops use it."""
        self._watcher: asyncio.AbstractEventLoop | None = None
        """The event loop that is about to call `_relieve`."""

    async def run(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What `call(…)` returns, run in a thread when the turn of this lane comes; never, if cancelled before that."""
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
        """Wait until all work is done."""
        self._executor.shutdown()

    def _put(self, job: _Job) -> None:
        self._turns.put(job.work.lane, job, job.work.rank())

    def _next(self) -> _Job | None:
        """Give what is free to whose turn it is; the work, if it needs a thread. Call it with the lock held."""
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
        """Do the work, and then what is next as long as there is some."""
        while job is not None:
            _local.threads, _local.job = self, job
            job.began = time.thread_time()
            job.run()
            _local.job = None
            with contextlib.suppress(RuntimeError):  # the loop is closed, and so is the caller's task
                job.loop.call_soon_threadsafe(job.settle)
            with self._lock:
                self._started -= 1
                self._give_back(job)
                job = self._next()

    def _give_back(self, job: _Job) -> None:
        """Charge what the slice took, and let the next begin. Call it with the lock held."""
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
        """Look in a while whether anything went on."""
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
        """Make room, and go on with the next turn; `during` is called in between. Not if all threads are taken."""
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
                self._turns.remove(job.work.lane, job)  # if it waits no longer, its turn came in this moment
        job.paused, job.paused_at = job.paused_seconds(), None
        job.began = time.thread_time()

    def is_asked(self) -> bool:
        """Whether other work waits."""
        return len(self._turns) > 0


def checkpoint() -> None:
    """Make room if this thread has used its slice and other work waits. Call it where no lock is held.

    It costs little where nothing waits, and outside of these threads it does nothing.
    """
    job: _Job | None = getattr(_local, "job", None)
    if job is None:
        return
    threads: LaneThreads = _local.threads
    if threads.is_asked() and time.thread_time() - job.began >= SLICE_SECONDS:
        threads.pause(job)


def resting(wait: Callable[[], None]) -> None:
    """Call `wait`, which does not compute, and let other work run meanwhile."""
    job: _Job | None = getattr(_local, "job", None)
    if job is None:
        wait()
    else:
        threads: LaneThreads = _local.threads
        threads.pause(job, wait)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """No checkpoint makes room in this block: for what holds a lock."""
    job, _local.job = getattr(_local, "job", None), None
    try:
        yield
    finally:
        _local.job = job


def paused_clock() -> Callable[[], float]:
    """What tells, in any thread, for how many seconds the work of this thread was interrupted."""
    job: _Job | None = getattr(_local, "job", None)
    return (lambda: 0.0) if job is None else job.paused_seconds
