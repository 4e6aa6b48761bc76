"""How long a job goes on before another may have its place among those that run at the same time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from omoide.jobs import Job, Unfinished
from omoide.records import Json

SLICE_SECONDS = 0.25
"""Long compared with what it costs to give a job back and to claim another, a few milliseconds; short compared with
what people notice, also where several jobs share one interpreter."""


class TimeSlice:
    """The turn of a job, from now on. A task asks after a step whether it is over: each turn has one step at least."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self._began

    def is_over(self) -> bool:
        return self.seconds() >= SLICE_SECONDS

    def end_if_over(self, remaining: Json | None = None) -> None:
        """Raise Unfinished with the payload that remains, None for the job's own, if the turn is over."""
        if self.is_over():
            raise Unfinished(remaining)


class Place:
    """A job's place among those that run. Where its turn is over, it pauses before its next step that computes.

    A job whose task can store what it has done is given back instead (`TimeSlice.end_if_over`). This is for the
    others, as summaries are: they stay claimed and go on where they were.
    """

    def __init__(self, job: Job, paused: Callable[[], None]) -> None:
        self.job = job
        self.paused_at: float | None = None
        """By `time.monotonic`; None while it runs."""
        self._paused = paused
        self._turn = TimeSlice()
        self._used = 0.0
        self._going_on = asyncio.Event()
        self._may_pause = True

    def seconds(self) -> float:
        """For how long it has run, without its pauses."""
        return self._used if self.paused_at is not None else self._used + self._turn.seconds()

    async def step(self) -> None:
        """Wait until the next step may be done. See `aside.before_steps`."""
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
        """Let it run again; `to_the_end`, without further pauses."""
        self._may_pause = not to_the_end
        if self.paused_at is not None:
            self.paused_at = None
            self._turn = TimeSlice()
            self._going_on.set()
