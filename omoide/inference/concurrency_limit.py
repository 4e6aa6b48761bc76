"""Limit concurrent requests to models, and share them fairly between lanes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from omoide.fairness import fair_queue, lanes
from omoide.fairness.lanes import Lane
from omoide.inference.model_config import Task


class Busy(Exception):
    """The request could not start in time, because all slots were in use."""


class ConcurrencyLimiter:
    """A semaphore of `places` slots for one event loop, with fair queuing between lanes (`omoide.fairness.fair_queue`).

    Background work leaves one slot to questions. With more than two slots, the questions of one lane leave one to other
    lanes, so requests that take a minute each do not block other callers.
    """

    def __init__(self, places: int) -> None:
        self._all = fair_queue.FairSemaphore(places)
        self._background = fair_queue.FairSemaphore(max(1, places - 1))
        self._most_of_lane = places - 1 if places > 2 else places
        self._lanes: dict[Lane, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def place(self, task: Task, seconds: float | None) -> AsyncIterator[None]:
        """Hold a slot within the block. Raises Busy if none is free within `seconds`."""
        async with AsyncExitStack() as taken:
            try:
                async with asyncio.timeout(seconds):
                    of_kind = self._of_lane() if task == "answer" else self._background.turn()
                    await taken.enter_async_context(of_kind)
                    await taken.enter_async_context(self._all.turn())
            except TimeoutError:
                raise Busy from None
            yield

    @asynccontextmanager
    async def _of_lane(self) -> AsyncIterator[None]:
        """Hold one of the slots available to questions of the current lane. Unused lanes are dropped."""
        own = lanes.current_work.get().lane
        places, users = self._lanes.get(own) or (asyncio.Semaphore(self._most_of_lane), 0)
        self._lanes[own] = places, users + 1
        try:
            async with places:
                yield
        finally:
            users = self._lanes[own][1] - 1
            if users:
                self._lanes[own] = places, users
            else:
                del self._lanes[own]
