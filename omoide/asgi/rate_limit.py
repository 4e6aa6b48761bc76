"""Rate limiting: a token bucket per key, or per network address.

A bucket is stored as the time at which it will be full again (the generic cell rate algorithm): a request advances it
by the interval between requests, and is refused if that would put it further ahead of now than the burst allows. The
buckets are in a table of fixed size in shared memory, created before forking, so that the limit applies to all
processes together and a flood of callers cannot make it grow. There are no locks: if two processes update a bucket at
the same instant, a request may not be counted.
"""

from __future__ import annotations

import math
import mmap
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from omoide.asgi.callers import Callers

BUCKETS = 32_768
"""Size of the table; two numbers of eight bytes per bucket."""
WAYS = 8
"""Associativity: the number of slots that may hold a caller's bucket."""
LIMITED = "/v"
"""Only paths with this prefix are limited: the API, not the health endpoints."""


@dataclass(frozen=True, slots=True)
class TokenBuckets:
    """The buckets: `per_minute` is the refill rate, `burst` the capacity, in requests."""

    per_minute: int
    burst: int
    buckets: int = BUCKETS
    _callers: memoryview[int] = field(init=False, repr=False, compare=False)
    _full_at: memoryview[float] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        callers, instants = (mmap.mmap(-1, self.buckets * 8) for _ in range(2))  # zeroed, shared with children
        object.__setattr__(self, "_callers", memoryview(callers).cast("Q"))
        object.__setattr__(self, "_full_at", memoryview(instants).cast("d"))

    def wait(self, caller: object, now: float) -> float:
        """Take a token of the caller's bucket. Returns 0, or the seconds until one is available.

        `now` is in seconds of a monotonic clock that all processes share.
        """
        between = 60 / self.per_minute
        name = hash(caller) & 0xFFFF_FFFF_FFFF_FFFF or 1
        slot = self._place(name, now)
        full_at = max(self._full_at[slot], now) if self._callers[slot] == name else now
        wait = full_at + between - self.burst * between - now
        # Tolerance for rounding: after a year of uptime, the clock's floats are exact to a few nanoseconds.
        if wait > 1e-6:
            return wait
        self._callers[slot] = name
        self._full_at[slot] = full_at + between
        return 0.0

    def _place(self, name: int, now: float) -> int:
        """The slot of the caller's bucket, else the slot whose bucket is full soonest, to be replaced."""
        first = name % (self.buckets // WAYS) * WAYS
        soonest = first
        for slot in range(first, first + WAYS):
            if self._callers[slot] == name:
                return slot
            if self._full_at[slot] < self._full_at[soonest]:
                soonest = slot
        return soonest


class RateLimit:
    """Middleware that answers 429 with Retry-After to callers over the limit, over all workspaces."""

    def __init__(
        self,
        app: ASGIApp,
        rates: TokenBuckets,
        callers: Callers,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._rates = rates
        self._callers = callers
        self._clock = clock
        detail = f"Rate limit exceeded: {rates.per_minute} requests a minute, {rates.burst} at once"
        self._body = orjson.dumps({"detail": detail})

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
