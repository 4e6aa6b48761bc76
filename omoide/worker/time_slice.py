"""Time slices of jobs: how long a job may keep its slot while others wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from omoide.core.job_payloads import Payload
from omoide.core.jobs import Job, JobUnfinished

SLICE_SECONDS = 0.25
"""Long compared with the few milliseconds that it takes to give back a job and claim another; short enough not to be
noticed, even if several jobs share an interpreter."""


STEP_PAUSE_SECONDS = 0.002
"""Several times as long as a writer of another process waits between two attempts to begin."""


class TimeSlice:
    """A job's time slice, starting now. A task checks it after each step, so every slice has at least one step."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self._began

    def is_over(self) -> bool:
        return self.seconds() >= SLICE_SECONDS

    def end_if_over(self, remaining: Payload | None = None) -> None:
        """Raise JobUnfinished with the remaining payload (None: the job's own) if the slice is over."""
        if self.is_over():
            raise JobUnfinished(remaining)

    async def next_step(self, remaining: Payload | None = None) -> None:
        """As `end_if_over`, and let the writers of other processes in, for jobs that do little but write.

        Without the pause the next write would begin as soon as the last is committed. On a busy machine, where others
        cannot run at that very moment, they would wait until they time out.
        """
        self.end_if_over(remaining)
        await asyncio.sleep(STEP_PAUSE_SECONDS)


class JobSlot:
    """The slot of a running job, which pauses before its next computation when its time slice is over.

    Tasks that can store partial results are given back instead (`TimeSlice.end_if_over`). Others, such as summaries,
    stay claimed while paused, and continue where they stopped.
    """

    def __init__(self, job: Job, paused: Callable[[], None]) -> None:
        self.job = job
        self.paused_at: float | None = None
        """Time of `time.monotonic`; None while it runs."""
        self._paused = paused
        self._turn = TimeSlice()
        self._used = 0.0
        self._going_on = asyncio.Event()
        self._may_pause = True

    def seconds(self) -> float:
        """Running time, without pauses."""
        return self._used if self.paused_at is not None else self._used + self._turn.seconds()

    async def step(self) -> None:
        """Wait until the next step may run. See `aside.before_steps`."""
        if self._may_pause and self.paused_at is None and self._turn.is_over():
            self._used += self._turn.seconds()
            self._going_on.clear()
            self.paused_at = time.monotonic()
            self._paused()
        if self.paused_at is None:
            await asyncio.sleep(0)
        else:
            await self._going_on.wait()

    def go_on(self, *, to_the_end: bool = False) -> None:
        """Resume the job; with `to_the_end`, without further pauses."""
        self._may_pause = not to_the_end
        if self.paused_at is not None:
            self.paused_at = None
            self._turn = TimeSlice()
            self._going_on.set()
