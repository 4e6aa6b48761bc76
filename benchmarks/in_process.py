"""What one operation costs inside the process: the ASGI application called directly, no socket, nothing stored."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

from starlette.types import ASGIApp, Message

from benchmarks import one_operation
from benchmarks.stacks import BY_HAND, CONTRACT, STOCK, stacks
from benchmarks.table import Bar, show

CALLS = 15
"""Calls of one stack before it is the next one's turn."""
WARM_UP_ROUNDS = 20
COST = Bar(60, at_most=True, unit=" µs")
GAIN = Bar(4, unit=" x stock")


class Call:
    """One request after another into an application, each timed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        return {"type": "http.request", "body": one_operation.BODY, "more_body": False}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def time(self) -> float:
        """Seconds for one request. Raises RuntimeError for any answer but 200 with a body."""
        scope = one_operation.scope()
        self.sent = []
        start = time.perf_counter()
        await self.app(scope, self.receive, self.send)
        took = time.perf_counter() - start
        if self.sent[0]["status"] != 200 or not self.sent[1]["body"]:
            raise RuntimeError(f"unexpected answer: {self.sent}")
        return took


def measure(*, rounds: int) -> None:
    """Print a table with the 10th percentile of `rounds` rounds, in which each stack has its turn."""
    costs = asyncio.run(_costs(rounds))
    ours, stock, hand = costs[CONTRACT], costs[STOCK], costs[BY_HAND]
    bars = {CONTRACT: COST.verdict(ours), STOCK: f"{GAIN.verdict(stock / ours)} ({stock / ours:.1f})"}
    rows = [
        [name, f"{cost:.1f}", f"{cost / hand:.1f}", f"{cost / ours:.1f}", bars.get(name, "")]
        for name, cost in costs.items()
    ]
    show(
        f"POST session in process, no-op handler: 10th percentile of {rounds * CALLS:,} calls",
        ["stack", "µs", "x by hand", "x ours", "bar"],
        rows,
    )


async def _costs(rounds: int) -> dict[str, float]:
    """Name of the stack → microseconds."""
    calls = {name: Call(make()) for name, make in stacks().items()}
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(WARM_UP_ROUNDS + rounds):
        for name, call in calls.items():
            for _ in range(CALLS):
                took = await call.time()
                if number >= WARM_UP_ROUNDS:
                    taken[name].append(took * 1e6)
    return {name: statistics.quantiles(found, n=10)[0] for name, found in taken.items()}
