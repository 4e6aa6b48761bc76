"""How often one caller may call: a token bucket for each key, or for each address.

A bucket is one instant, the one at which it will be full again (the generic cell rate algorithm): a request moves it
on by the time between two requests, and is refused where that would move it further ahead of now than a full bucket
holds. The buckets stand in a table of fixed size in memory that processes share if it was made before they forked, so
that the limit is one for all of them and a flood of callers cannot make it grow. Nothing is locked: where two processes
touch one bucket in the same instant, a request may go uncounted.
"""

from __future__ import annotations

import math
import mmap
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from omoide.middleware.callers import Callers

BUCKETS = 32_768
"""How many callers are told apart; two numbers of eight bytes each."""
WAYS = 8
"""Among how many places of the table a caller's bucket is looked for."""
LIMITED = "/v"
"""Paths that begin so are counted: the API, and not what tells that the server is well."""


@dataclass(frozen=True, slots=True)
class Rates:
    """The buckets, and how fast they fill. `per_minute` requests in the long run, `burst` at once."""

    per_minute: int
    burst: int
    buckets: int = BUCKETS
    _callers: memoryview[int] = field(init=False, repr=False, compare=False)
    _full_at: memoryview[float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        callers, instants = (mmap.mmap(-1, self.buckets * 8) for _ in range(2))  # shared with children, and zero
        object.__setattr__(self, "_callers", memoryview(callers).cast("Q"))
        object.__setattr__(self, "_full_at", memoryview(instants).cast("d"))

    def wait(self, caller: object, now: float) -> float:
        """Take one request of the caller's: 0, or in how many seconds there will be one to take.

        `now` in seconds of a clock that all processes share and that never goes back.
        """
        between = 60 / self.per_minute
        name = hash(caller) & 0xFFFF_FFFF_FFFF_FFFF or 1
        place = self._place(name, now)
        full_at = max(self._full_at[place], now) if self._callers[place] == name else now
        wait = full_at + between - self.burst * between - now
        # A hair's breadth, because instants of a clock that has run for a year are exact to a few billionths.
        if wait > 1e-6:
            return wait
        self._callers[place] = name
        self._full_at[place] = full_at + between
        return 0.0

    def _place(self, name: int, now: float) -> int:
        """Where the caller's bucket is, else one that is full and so says nothing, else the one soonest full."""
        first = name % (self.buckets // WAYS) * WAYS
        soonest = first
        for place in range(first, first + WAYS):
            if self._callers[place] == name:
                return place
            if self._full_at[place] < self._full_at[soonest]:
                soonest = place
        return soonest


class RateLimit:
    """Middleware that answers 429 with Retry-After to whoever calls too often, in whatever workspace."""

    def __init__(
        self,
        app: ASGIApp,
        rates: Rates,
        callers: Callers,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._rates = rates
        self._callers = callers
        self._clock = clock
        sentence = f"Rate limit exceeded: {rates.per_minute} requests a minute, {rates.burst} at once"
        self._body = orjson.dumps({"detail": sentence})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(LIMITED):
            await self._app(scope, receive, send)
            return
        wait = self._rates.wait(self._callers.caller(scope), self._clock())
        if not wait:
            await self._app(scope, receive, send)
            return
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(self._body)).encode()),
            (b"retry-after", str(math.ceil(wait)).encode()),
        ]
        await send({"type": "http.response.start", "status": 429, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})
