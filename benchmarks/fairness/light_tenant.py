"""The light tenant: a few requests of each kind per second, at scheduled times.

Latency counts from a request's scheduled time, not from when it was sent, so that a stall affects every request due
during it (no coordinated omission). Each operation has its own connections, so that none delays another.
"""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import orjson

from benchmarks.child_processes import Control
from benchmarks.fairness.tenants import Tenant
from benchmarks.fill_database import speech
from benchmarks.http_client import ConnectionLost, Pool, request

CONNECTIONS = 4
"""Per operation."""
SESSION_MESSAGES = 40
SEED = 13
CONCLUSION = "conclusion"
PROBES_PER_SECOND = 0.5
PROBE_POLL_SECONDS = 0.1
PREPARATION_SECONDS = 60
WARM_UP_REQUESTS = 2
"""Per operation: the first requests trigger the server's lazy loading."""
OK = range(200, 300)
QUESTIONS = ("Where does alice live?", "What is the dog called?", "When does alice run?", "Who reads books?")
STATEMENT = "I live in Lisbon, I have a dog called Rex, and I work as a nurse."


@dataclass(frozen=True)
class LightOperation:
    """A kind of request, sent `per_second` times a second; `fresh` opens a new connection for each."""

    name: str
    requests: Callable[[Tenant, str], Iterator[bytes]]
    """A function of the tenant and an admin key."""
    per_second: float = 10
    fresh: bool = False


def _additions(tenant: Tenant, _: str) -> Iterator[bytes]:
    for _peer, text in speech(SEED):
        yield tenant.post("/sessions/diary/messages", {"messages": [{"peer_id": "alice", "content": text}]})


def _bodies(path: str, name: str) -> Callable[[Tenant, str], Iterator[bytes]]:
    return lambda tenant, _: itertools.cycle([tenant.post(path, {name: question}) for question in QUESTIONS])


def _monitoring(path: str) -> LightOperation:
    return LightOperation(path, lambda _, admin: itertools.repeat(request("GET", path, key=admin)), 5, fresh=True)


OPERATIONS = {
    each.name: each
    for each in (
        LightOperation("chat", _bodies("/peers/alice/chat", "query")),
        LightOperation("search", _bodies("/search", "query")),
        LightOperation("add", _additions),
        LightOperation("get or create", lambda tenant, _: itertools.repeat(tenant.post("/sessions", {"id": "talk"}))),
        LightOperation("list", lambda tenant, _: itertools.repeat(tenant.post("/sessions/talk/messages/list", {}))),
        LightOperation("context", lambda tenant, _: itertools.repeat(tenant.get("/sessions/talk/context?tokens=1000"))),
        _monitoring("/health"),
        _monitoring("/ready"),
        _monitoring("/metrics"),
    )
}


@dataclass(frozen=True)
class LightPlan:
    """The light tenant's load for `seconds`; `patience` is the timeout for the last responses."""

    tenant: Tenant
    operations: tuple[str, ...]
    seconds: float
    patience: float
    admin_key: str = ""
    prepares: bool = False
    """Whether to store its conversation first."""
    concludes: bool = True
    """Whether to measure the time to a conclusion."""


@dataclass
class LightResult:
    """Per operation: latencies in seconds, and failures. A request still waiting at the end counts in both."""

    latencies: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    processor_seconds: float = 0.0
    seconds: float = 0.0

    def failed(self, name: str) -> int:
        return self.failures[name].total() if name in self.failures else 0


def due_times(begin: float, per_second: float, seconds: float, phase: float = 0.0) -> list[float]:
    """The scheduled times of requests; `phase` (0 to 1) shifts them by a fraction of the interval."""
    count = max(1, round(per_second * seconds))
    return [begin + (number + phase) / per_second for number in range(count)]


async def play(control: Control, plan: LightPlan) -> LightResult:
    """Send all requests of the plan. Raises RuntimeError if the preparation fails."""
    if plan.prepares:
        await prepare(plan)
    control.begun()
    result = LightResult()
    begin, computed = time.perf_counter(), time.process_time()
    chosen = [OPERATIONS[name] for name in plan.operations]
    tasks = [
        asyncio.create_task(_operate(plan, operation, begin, number / len(chosen), result))
        for number, operation in enumerate(chosen)
    ]
    if plan.concludes:
        tasks.append(asyncio.create_task(_probe_all(plan, begin, result)))
    await asyncio.gather(*tasks)
    result.seconds, result.processor_seconds = time.perf_counter() - begin, time.process_time() - computed
    return result


async def prepare(plan: LightPlan) -> None:
    """Store a small conversation, wait for a conclusion about one of its peers, and send each request once or twice.

    Raises RuntimeError if the server refuses a request, TimeoutError without a conclusion.
    """
    tenant = plan.tenant
    pool = Pool(tenant.server, 1, source=tenant.source)
    turns = itertools.islice(speech(SEED), SESSION_MESSAGES)
    said = [{"peer_id": ("alice", "helper")[number % 2], "content": text} for number, (_, text) in enumerate(turns)]
    said.append({"peer_id": "alice", "content": STATEMENT})
    await pool.expect(tenant.create_workspace(), 200, 201)
    await pool.expect(tenant.post("/sessions/talk/messages", {"messages": said}), 201)
    if plan.concludes:
        async with asyncio.timeout(PREPARATION_SECONDS):
            await _concluded(pool, tenant, "alice")
    for name in plan.operations:
        for sent in itertools.islice(OPERATIONS[name].requests(tenant, plan.admin_key), WARM_UP_REQUESTS):
            await pool.expect(sent, 200, 201)
    pool.close()


async def _operate(plan: LightPlan, operation: LightOperation, begin: float, phase: float, result: LightResult) -> None:
    pool = Pool(plan.tenant.server, CONNECTIONS, source=plan.tenant.source)
    requests = operation.requests(plan.tenant, plan.admin_key)
    under_way = []
    for due in due_times(begin, operation.per_second, plan.seconds, phase):
        await _until(due)
        exchange = _exchange(pool, next(requests), operation, due, result)
        under_way.append(asyncio.create_task(exchange))
    await _finish(under_way, operation.name, plan, begin, result)
    pool.close()


async def _exchange(pool: Pool, sent: bytes, operation: LightOperation, due: float, result: LightResult) -> None:
    try:
        answer = await pool.exchange(sent, fresh=operation.fresh)
    except ConnectionLost as error:
        result.failures[operation.name][str(error)] += 1
    except asyncio.CancelledError:
        _still_waiting(operation.name, due, result)
        raise
    else:
        if answer.status in OK:
            result.latencies[operation.name].append(time.perf_counter() - due)
        else:
            result.failures[operation.name][f"status {answer.status}"] += 1


async def _probe_all(plan: LightPlan, begin: float, result: LightResult) -> None:
    pool = Pool(plan.tenant.server, CONNECTIONS, source=plan.tenant.source)
    under_way = []
    for due in due_times(begin, PROBES_PER_SECOND, plan.seconds):
        await _until(due)
        under_way.append(asyncio.create_task(_probe(pool, plan.tenant, due, result)))
    await _finish(under_way, CONCLUSION, plan, begin, result)
    pool.close()


async def _probe(pool: Pool, tenant: Tenant, due: float, result: LightResult) -> None:
    """Time from adding a message of a new peer in a new session until a conclusion about the peer can be read."""
    name = f"probe-{uuid.uuid4().hex}"
    said = {"messages": [{"peer_id": name, "content": STATEMENT}]}
    try:
        await pool.expect(tenant.post(f"/sessions/{name}/messages", said), 201)
        await _concluded(pool, tenant, name)
    except asyncio.CancelledError:
        _still_waiting(CONCLUSION, due, result)
        raise
    except (ConnectionLost, RuntimeError) as error:
        result.failures[CONCLUSION][str(error)] += 1
    else:
        result.latencies[CONCLUSION].append(time.perf_counter() - due)


async def _concluded(pool: Pool, tenant: Tenant, peer: str) -> None:
    listed = tenant.post("/conclusions/list?size=1", {"filters": {"observer_id": peer, "observed_id": peer}})
    while True:
        if orjson.loads(await pool.expect(listed, 200))["items"]:
            return
        await asyncio.sleep(PROBE_POLL_SECONDS)


async def _finish(
    under_way: list[asyncio.Task[None]], name: str, plan: LightPlan, begin: float, result: LightResult
) -> None:
    """Wait for the last responses as long as the plan allows, then cancel the remaining requests."""
    remaining = begin + plan.seconds + plan.patience - time.perf_counter()
    _, late = await asyncio.wait(under_way, timeout=max(0.0, remaining))
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


def _still_waiting(name: str, due: float, result: LightResult) -> None:
    """Record a cancelled request with the time it has waited."""
    result.latencies[name].append(time.perf_counter() - due)
    result.failures[name]["still waiting at the end"] += 1


async def _until(due: float) -> None:
    if (early := due - time.perf_counter()) > 0:
        await asyncio.sleep(early)
