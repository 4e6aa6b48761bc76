"""How many requests to models run at a time, and whose turn it is where more are wanted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from omoide import lanes, turns
from omoide.inference.model_choice import Task
from omoide.lanes import Lane


class Busy(Exception):
    """No request could begin in time, because others were running."""


class Gate:
    """Lets `places` requests run at a time, for one event loop. Lanes (`omoide.turns`) take turns with one another.

    Work in the background leaves one place to questions, and the questions of a lane leave one to those of other lanes,
    where there are more than two: requests that take a minute each keep no other caller from asking.
    """

    def __init__(self, places: int) -> None:
        self._all = turns.Gate(places)
        self._background = turns.Gate(max(1, places - 1))
        self._most_of_lane = places - 1 if places > 2 else places
        self._lanes: dict[Lane, tuple[asyncio.Semaphore, int]] = {}

    @asynccontextmanager
    async def place(self, task: Task, seconds: float | None) -> AsyncIterator[None]:
        """Within the block, one place is taken; before it, one is waited for. Raises Busy after `seconds` of that."""
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
        """One of the places that questions of this context's lane may hold. Lanes that want none are forgotten."""
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
