"""Fair scheduling of requests in the event loop, by lane.

An event loop runs all ready callbacks before it polls for new events, so thirty connections of one caller get thirty
times the time of another caller's single one. Here, requests of lanes that recently used much of the loop start in
rounds of `ROUND_SECONDS`, in the order of `turns`; requests of other lanes start immediately.

Threads share the interpreter with the loop, and a thread that computes briefly between two SQLite calls waits for a
busy loop at each of them. So while threads work for lanes that used little of the loop, it pauses between rounds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from math import inf
from time import perf_counter, thread_time
from typing import Any

from omoide.fairness.fair_queue import FairQueue, Turn
from omoide.fairness.lanes import BACKGROUND, Lane

ROUND_SECONDS = 0.006
"""Time for requests in one round, in seconds; further requests wait for the next round."""

LITTLE_SECONDS, LITTLE_SHARE = 0.003, 0.5
"""A lane uses little of the loop if its recent usage is below this many seconds, or below this share of the busiest
lane's usage. Its requests do not wait for rounds."""

HALF_LIFE_SECONDS = 0.05
"""Half-life of a lane's recent usage, in seconds."""

REST, MOST_REST_SECONDS = 2.0, 0.05
"""The pause after a round while threads work for others: a multiple of the loop's processor time since the last round,
and the maximum in seconds."""

ALONE_SECONDS = 1.0
"""A lane is alone if no other lane has sent a request for this many seconds. Its requests do not wait for rounds."""

FEW = 4
"""While at most this many requests are in progress, they start immediately: they cannot delay others for long."""


class FairLoopScheduler:
    """Turns for one event loop. A request is charged for the time until the next one starts, or the round ends.

    `in_progress` returns the number of requests in progress, `in_threads` the lanes that the threads work for.
    """

    def __init__(self, in_progress: Callable[[], int], in_threads: Callable[[], Collection[Lane]]) -> None:
        self._in_progress = in_progress
        self._in_threads = in_threads
        self._turns: FairQueue[asyncio.Future[Turn[Any]]] = FairQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        """The event loop of the current round; None between rounds."""
        self._began = 0.0
        self._rests = False
        self._computed = 0.0
        """Processor time of the loop's thread at the end of the last round, including work of requests after waits."""
        self._latest = BACKGROUND
        """The lane of the latest request."""
        self._alone_from = 0.0
        """The time from which that lane is alone, unless another lane sends a request before."""
        self._used: dict[Lane, float] = {}
        """Recent usage of the loop by lane, in seconds."""
        self._most_used = 0.0
        self._halved_at = 0.0
        self._running: Lane | None = None
        """The lane of the running request, which started at `_running_since`."""
        self._running_since = 0.0
        self._resumed: Turn[Any] | None = None
        """The turn of the running request, if it had to wait."""

    def admit(self, lane: Lane) -> Awaitable[None] | None:
        """None if a request of this lane may start immediately; else an awaitable for its turn."""
        now = perf_counter()
        if lane != self._latest:
            self._latest, self._alone_from = lane, now + ALONE_SECONDS
        elif now >= self._alone_from and self._loop is None:
            return None
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if now < self._alone_from and (len(self._turns) or self._in_progress() > FEW):
                self._begin_round(loop, now)
                self._running, self._running_since = lane, now
            return None
        self._charge(now)
        if (len(self._turns) or now - self._began >= ROUND_SECONDS) and not self._uses_little(lane):
            return self._wait(lane, loop)
        self._running, self._running_since = lane, now
        return None

    def _begin_round(self, loop: asyncio.AbstractEventLoop, now: float) -> None:
        self._loop, self._began = loop, now
        loop.call_soon(self._end_round)

    async def _wait(self, lane: Lane, loop: asyncio.AbstractEventLoop) -> None:
        given: asyncio.Future[Turn[Any]] = loop.create_future()
        self._turns.put(lane, given)
        try:
            turn = await given
        except asyncio.CancelledError:
            if given.cancelled():
                self._turns.remove(lane, given)
            else:
                self._turns.done(given.result(), 0.0)
            raise
        now = perf_counter()
        self._charge(now)
        self._resumed, self._running, self._running_since = turn, lane, now

    def _charge(self, now: float) -> None:
        """Charge the running request for its time, and apply the half-life."""
        if self._running is not None:
            took = now - self._running_since
            used = self._used[self._running] = self._used.get(self._running, 0.0) + took
            self._most_used = max(self._most_used, used)
            self._running = None
            if self._resumed is not None:
                self._turns.done(self._resumed, took)
                self._resumed = None
        if (age := now - self._halved_at) > HALF_LIFE_SECONDS:
            decay = 0.5 ** (age / HALF_LIFE_SECONDS)
            self._used = {lane: used * decay for lane, used in self._used.items() if used * decay > 1e-5}
            self._most_used = max(self._used.values(), default=0.0)
            self._halved_at = now

    def _uses_little(self, lane: Lane) -> bool:
        return self._used.get(lane, 0.0) < max(LITTLE_SECONDS, LITTLE_SHARE * self._most_used)

    def _end_round(self) -> None:
        """Start the requests that fit in the next round, after a pause if threads work for other lanes."""
        self._charge(perf_counter())
        loop, self._loop = self._loop, None
        before, self._computed = self._computed, thread_time()
        if loop is not None and len(self._turns) and not self._rests and self._threads_work_for_others():
            self._loop, self._rests = loop, True
            rest = REST * max(ROUND_SECONDS, self._computed - before)
            loop.call_later(min(rest, MOST_REST_SECONDS), self._end_round)
            return
        self._rests = False
        planned, now = 0.0, perf_counter()
        most = ROUND_SECONDS if now < self._alone_from else inf
        while planned < most and (turn := self._turns.take()) is not None:
            if turn.item.done():  # cancelled, but its task has not run since
                self._turns.done(turn, 0.0)
            else:
                planned += turn.charged[1]
                turn.item.set_result(turn)
        if planned and loop is not None:
            self._begin_round(loop, now)

    def _threads_work_for_others(self) -> bool:
        """Whether threads work for a lane that used little of the loop."""
        return any(map(self._uses_little, self._in_threads()))
