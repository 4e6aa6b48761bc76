"""The heavy tenant: sends requests as fast as its connections can, until stopped, and counts refusals."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.child_processes import Control
from benchmarks.fairness.tenants import Tenant
from benchmarks.http_client import ConnectionLost, HttpAnswer, Pool

MOST_CONNECTIONS = 1_024
REFUSED_SECONDS = 0.1
"""The pause of a connection after a refusal: the load should occupy the server, not the client."""
LONGEST_SECONDS = 300
REFUSALS = range(400, 600)


@dataclass
class HeavyResult:
    """Responses by status or error, the duration in seconds, and notes for the table."""

    answers: Counter[str] = field(default_factory=Counter)
    received_bytes: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0
    notes: list[str] = field(default_factory=list)


class Heavy:
    """The heavy tenant's client, used by the scenarios."""

    def __init__(self, tenant: Tenant, control: Control) -> None:
        self.tenant = tenant
        self.pool = Pool(tenant.server, MOST_CONNECTIONS, source=tenant.source)
        self.result = HeavyResult()
        self.rest_seconds = REFUSED_SECONDS
        self._control = control
        self._begun = (time.perf_counter(), time.process_time())

    def begun(self) -> None:
        """Start counting: the preparation is complete, and the load begins."""
        self.result.answers.clear()
        self.result.received_bytes = 0
        self._begun = (time.perf_counter(), time.process_time())
        self._control.begun()

    def note(self, text: str) -> None:
        self.result.notes.append(text)

    async def send(self, sent: bytes, *, keep_body: bool = False) -> HttpAnswer | None:
        """Send a request and count its response; None without one. Pauses after a refusal."""
        try:
            answer = await self.pool.exchange(sent, keep_body=keep_body)
        except ConnectionLost as error:
            self.result.answers[str(error)] += 1
            await asyncio.sleep(self.rest_seconds)
            return None
        self.result.answers[str(answer.status)] += 1
        self.result.received_bytes += answer.size
        if answer.status in REFUSALS:
            await asyncio.sleep(self.rest_seconds)
        return answer

    async def repeat(self, requests: Iterator[bytes], connections: int) -> None:
        """Send the requests on `connections` connections until the load is stopped or they are exhausted."""
        await asyncio.gather(*(self._repeat(requests) for _ in range(connections)))

    async def _repeat(self, requests: Iterator[bytes]) -> None:
        for sent in requests:
            await self.send(sent)

    async def stopped(self) -> None:
        await self._control.until_stopped()

    def finished(self) -> HeavyResult:
        begin, computed = self._begun
        self.result.seconds = time.perf_counter() - begin
        self.result.processor_seconds = time.process_time() - computed
        return self.result


Load = Callable[[Heavy], Coroutine[Any, Any, None]]
"""Prepares, calls `begun`, and sends requests until cancelled. A module-level function, because it is pickled."""


async def play(control: Control, tenant: Tenant, load: Load) -> HeavyResult:
    """Run a load until the parent stops it, or for LONGEST_SECONDS. Raises the errors of its preparation."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4 * MOST_CONNECTIONS), most))
    heavy = Heavy(tenant, control)
    await heavy.pool.expect(tenant.create_workspace(), 200, 201)
    playing = asyncio.create_task(load(heavy))
    stop = asyncio.create_task(heavy.stopped())
    await asyncio.wait([playing, stop], timeout=LONGEST_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    if playing.done():
        playing.result()
        await asyncio.wait([stop], timeout=LONGEST_SECONDS)
    result = heavy.finished()
    for task in (playing, stop):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    return result
