"""The event loop by lane in turn: requests that are answered at once do not make those of others wait.

An event loop runs all that is ready before it looks for what came meanwhile, so that thirty connections of one caller
get thirty times the time of another caller's one. Here a request begins at once as long as those before it in the same
round of the loop took less than `ROUND_SECONDS`; else it waits for a later round, in the order of `turns`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

from omoide.turns import Lane, Turn, Turns

ROUND_SECONDS = 0.003
"""What requests may take of one round of the loop, in seconds, before further ones wait."""

FEW = 4
"""While no more requests than these are in progress, they begin at once: they cannot make others wait for long."""


class LoopTurns:
    """For one event loop. What a request takes is the time until the next one begins, or the round ends.

    `in_progress` tells how many requests the process works on.
    """

    def __init__(self, in_progress: Callable[[], int]) -> None:
        self._in_progress = in_progress
        self._turns: Turns[asyncio.Future[Turn[Any]]] = Turns()
        self._loop: asyncio.AbstractEventLoop | None = None
        """Of the round in progress; None between rounds."""
        self._began = 0.0
        self._resumed: Turn[Any] | None = None
        """The request that runs now, if it had to wait."""
        self._resumed_at = 0.0

    def admit(self, lane: Lane) -> Awaitable[None] | None:
        """None if a request may begin at once; else what it has to await."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if len(self._turns) or self._in_progress() > FEW:
                self._begin_round(loop)
            return None
        if perf_counter() - self._began < ROUND_SECONDS and not len(self._turns):
            return None
        return self._wait(lane, loop)

    def _begin_round(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._began = loop, perf_counter()
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
        self._charge()
        self._resumed, self._resumed_at = turn, perf_counter()

    def _charge(self) -> None:
        """Charge the request that ran last what it took."""
        if self._resumed is not None:
            self._turns.done(self._resumed, perf_counter() - self._resumed_at)
            self._resumed = None

    def _end_round(self) -> None:
        """Let the requests begin in the next round that it has time for."""
        self._charge()
        loop, self._loop = self._loop, None
        planned = 0.0
        while planned < ROUND_SECONDS and (turn := self._turns.take()) is not None:
            if turn.item.done():  # cancelled, which its caller does not know yet
                self._turns.done(turn, 0.0)
            else:
                planned += turn.charged[1]
                turn.item.set_result(turn)
        if planned and loop is not None:
            self._begin_round(loop)
