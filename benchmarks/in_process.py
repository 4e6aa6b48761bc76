"""The cost of an operation in process: the ASGI application is called directly, without sockets or storage."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message

from benchmarks import many_messages, one_operation
from benchmarks.measurements import Figure, held, publish
from benchmarks.stacks import BY_HAND, CONTRACT, STOCK, stacks
from benchmarks.table import Bar

CALLS = 15
"""Calls of one stack before the next stack's turn."""
WARM_UP_ROUNDS = 20
COST = Bar(35, at_most=True, unit=" µs")
BESIDE = Bar(1, at_most=True, unit=" x")
GAIN = Bar(4, unit=" x")
EACH = Bar(15, at_most=True, unit=" µs")


@dataclass(frozen=True)
class Request:
    """A POST request; the response must have this status and a body."""

    path: str
    body: bytes
    status: int = 200
    query: bytes = b""


SESSION = Request("/v3/workspaces/demo/sessions", one_operation.BODY)
MESSAGES = "/v3/workspaces/demo/sessions/first/messages"
ADDED = Request(MESSAGES, many_messages.BODY, 201)
LISTED = Request(f"{MESSAGES}/list", b"{}", 200, b"page=3&size=%d" % many_messages.LISTED)


class Call:
    """Calls an application with one request at a time, and times each."""

    def __init__(self, app: ASGIApp, request: Request = SESSION) -> None:
        self.app = app
        self.request = request
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        return {"type": "http.request", "body": self.request.body, "more_body": False}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def time(self) -> float:
        """Seconds for one request. Raises RuntimeError unless the response has the expected status and a body."""
        request = self.request
        scope = one_operation.scope(request.path, request.query, request.body)
        self.sent = []
        start = time.perf_counter()
        await self.app(scope, self.receive, self.send)
        took = time.perf_counter() - start
        if self.sent[0]["status"] != request.status or not self.sent[1]["body"]:
            raise RuntimeError(f"unexpected answer: {self.sent}")
        return took


def measure(*, rounds: int) -> list[Figure]:
    """Print and return the 10th percentile of `rounds` rounds, in which the stacks alternate."""
    one, many = _one(rounds), _many(rounds)
    publish(f"POST session in process, no-op handler: 10th percentile of {rounds * CALLS:,} calls", one)
    publish(f"A message in process, without the store: 10th percentile of {rounds * CALLS:,} calls", many)
    return [*one, *many]


def _one(rounds: int) -> list[Figure]:
    costs = costs_of(SESSION, stacks(), rounds)
    figures = []
    for name, cost in costs.items():
        by_hand, by_ours = cost / costs[BY_HAND], cost / costs[CONTRACT]
        figures += [
            held(name, "x by hand", by_hand, bar=BESIDE if name == CONTRACT else None),
            held(name, "x ours", by_ours, bar=GAIN if name == STOCK else None),
            held(name, "cost", cost, "µs", COST if name == CONTRACT else None),
        ]
    return figures


def _many(rounds: int) -> list[Figure]:
    """The cost per message without the store: adding (request and response) and listing (response)."""
    compared = {name: stacks()[name] for name in (CONTRACT, BY_HAND)}
    figures = []
    for name, request, count in (
        (f"{many_messages.SENT} messages added, each", ADDED, many_messages.SENT),
        (f"{many_messages.LISTED} messages listed, each", LISTED, many_messages.LISTED),
    ):
        costs = costs_of(request, compared, rounds)
        ours, hand = costs[CONTRACT] / count, costs[BY_HAND] / count
        figures += [
            held(name, "x by hand", ours / hand),
            held(name, CONTRACT, ours, "µs", EACH),
            held(name, BY_HAND, hand, "µs"),
        ]
    return figures


def costs_of(request: Request, made: Mapping[str, Callable[[], ASGIApp]], rounds: int) -> dict[str, float]:
    """Stack name → microseconds per request."""
    calls = {name: Call(make(), request) for name, make in made.items()}
    return asyncio.run(_taken(calls, rounds))


async def _taken(calls: Mapping[str, Call], rounds: int) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(WARM_UP_ROUNDS + rounds):
        for name, call in calls.items():
            for _ in range(CALLS):
                took = await call.time()
                if number >= WARM_UP_ROUNDS:
                    taken[name].append(took * 1e6)
    return {name: statistics.quantiles(found, n=10)[0] for name, found in taken.items()}
