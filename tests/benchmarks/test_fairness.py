"""The fairness benchmark: waiting counts from when a request was due, refusals are counted, bars are judged."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from multiprocessing import Pipe
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from benchmarks.child_processes import ClientProcess, Control
from benchmarks.fairness import heavy_tenant, light_tenant, scenarios, tables
from benchmarks.fairness.__main__ import main
from benchmarks.fairness.light_tenant import CONCLUSION, OPERATIONS, LightPlan
from benchmarks.fairness.parallel import per_process, sockets
from benchmarks.fairness.run import FairnessOutcome
from benchmarks.fairness.scenarios import METADATA_BYTES, METADATA_STEP, SCENARIOS
from benchmarks.measurements import pivots, read
from tests.benchmarks.stub import answer, serving, tenant

TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1 0000 100 0 0 10 0
   1: 0100007F:1F40 0200007F:A001 01 00000000:00000000 00:00000000 00000000     0        0 101 1 0000 20 4 30 10 -1
   2: 0100007F:1F40 0200007F:A002 01 00000000:00000000 00:00000000 00000000     0        0 102 1 0000 20 4 30 10 -1
   3: 0100007F:1F40 0200007F:A003 06 00000000:00000000 03:00000000 00000000     0        0 103 3 0000
   4: 0200007F:A001 0100007F:1F40 01 00000000:00000000 00:00000000 00000000     0        0 104 1 0000 20 4 30 10 -1
"""


@pytest.fixture
def control() -> Iterator[Control]:
    """That of a client in this process; what it reports is not read."""
    parent, child = Pipe()
    yield Control(child)
    parent.close()


def test_requests_are_due_at_times_that_no_answer_changes() -> None:
    assert light_tenant.due_times(100, 4, 1) == [100, 100.25, 100.5, 100.75]
    assert light_tenant.due_times(100, 4, 0.5, phase=0.5) == [100.125, 100.375]
    assert light_tenant.due_times(100, 0.5, 1) == [100], "at least one request is made"


def test_a_request_that_waits_for_a_connection_counts_from_when_it_was_due(control: Control) -> None:
    async def play() -> light_tenant.LightResult:
        async def never(head: bytes, body: bytes) -> bytes:
            await asyncio.Event().wait()
            raise AssertionError

        async with serving(never) as address:
            plan = LightPlan(tenant(address), ("get or create",), seconds=0.8, patience=0.1, concludes=False)
            return await light_tenant.play(control, plan)

    result = asyncio.run(play())
    latencies = result.latencies["get or create"]
    assert len(latencies) == result.failed("get or create") == 8 > light_tenant.CONNECTIONS
    assert all(latency >= 0.1 for latency in latencies)
    assert max(latencies) >= 0.75, "the first was due 0.8 s before the end of the load"


def test_the_light_tenants_failures_are_counted_apart(control: Control) -> None:
    async def play() -> light_tenant.LightResult:
        async def refuse(head: bytes, body: bytes) -> bytes:
            return answer(503 if b"GET /health" in head else 200)

        async with serving(refuse) as address:
            plan = LightPlan(tenant(address), ("/health", "list"), seconds=0.4, patience=5, concludes=False)
            return await light_tenant.play(control, plan)

    result = asyncio.run(play())
    assert result.failures == {"/health": {"status 503": 2}}
    assert len(result.latencies["list"]) == 4


def test_the_heavy_tenants_refusals_are_counted_by_status(control: Control) -> None:
    async def play() -> heavy_tenant.HeavyResult:
        statuses = iter([200, 429, 503, 200])

        async def respond(head: bytes, body: bytes) -> bytes:
            return answer(next(statuses), b"four")

        async with serving(respond) as address:
            client = heavy_tenant.Heavy(tenant(address), control)
            client.rest_seconds = 0
            client.begun()
            await client.repeat(iter([client.tenant.get("/")] * 4), connections=1)
            return client.finished()

    result = asyncio.run(play())
    assert result.answers == {"200": 2, "429": 1, "503": 1}
    assert result.received_bytes == 16


@pytest.mark.parametrize("limit", [65_536, 2 * METADATA_BYTES])
def test_the_largest_metadata_is_found_close_to_the_limit(limit: int, control: Control) -> None:
    async def play() -> int:
        async def respond(head: bytes, body: bytes) -> bytes:
            return answer(413 if len(body) > limit else 201)

        async with serving(respond) as address:
            client = heavy_tenant.Heavy(tenant(address), control)
            client.rest_seconds = 0
            return await scenarios.largest_metadata(client)

    found = asyncio.run(play())
    assert found == METADATA_BYTES or limit / METADATA_STEP - 200 < found <= limit


def test_a_load_plays_until_it_is_stopped() -> None:
    ours, theirs = Pipe()

    async def play() -> heavy_tenant.HeavyResult:
        async def respond(head: bytes, body: bytes) -> bytes:
            if b"/sessions/b1/" in head:
                ours.send("stop")
            return answer(201)

        async with serving(respond) as address:
            return await heavy_tenant.play(Control(theirs), tenant(address), scenarios.batches)

    result = asyncio.run(play())
    assert ours.recv() == ("begun", None)
    assert result.answers["201"] >= 1


async def _fail(control: Control) -> int:
    control.begun()
    await control.until_stopped()
    return 1 // 0


def test_a_child_that_fails_says_why() -> None:
    child = ClientProcess[int](_fail)
    try:
        child.wait_until_begun(60)
        child.stop()
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            child.result(60)
    finally:
        child.kill()


def outcome(chat: float, concluded: float, failed: int = 0) -> FairnessOutcome:
    """The light tenant's latencies in seconds, alone always 10 ms."""
    alone, loaded = light_tenant.LightResult(), light_tenant.LightResult(seconds=1)
    for name in (*SCENARIOS["chats"].operations, CONCLUSION):
        alone.latencies[name] = [0.01] * 10
        loaded.latencies[name] = [{"chat": chat, CONCLUSION: concluded}.get(name, 0.02)] * 10
    if failed:
        loaded.failures["add"]["status 503"] += failed
    return FairnessOutcome(SCENARIOS["chats"], alone, loaded, heavy_tenant.HeavyResult(seconds=1), 1, 100, 90)


@pytest.mark.parametrize(
    ("found", "missed"),
    [
        (outcome(0.09, 2.9), []),
        (outcome(0.2, 2.9), ["chats: chat p50"]),
        (outcome(0.6, 2.9), ["chats: chat p50", "chats: chat p99"]),
        (outcome(0.09, 3.1), ["chats: conclusion longest"]),
        (outcome(0.09, 2.9, failed=1), ["chats: add failed"]),
    ],
)
def test_each_goal_is_judged(found: FairnessOutcome, missed: list[str]) -> None:
    figures = [*tables.light_tenant(found)]
    assert [f"{each.name} {each.measure}" for each in figures if each.met is False] == missed


def test_the_light_tenants_operations_share_one_table() -> None:
    ((head, rows),) = pivots([*tables.light_tenant(outcome(0.1, 1))])
    assert head[1:7] == ["p50 alone, ms", "p50, ms", "p99 alone, ms", "p99, ms", "longest, ms", "failed"]
    assert [row[0] for row in rows][-2:] == ["chats: /health", "chats: conclusion"]


def test_an_operation_without_any_answer_misses_its_goals() -> None:
    found = outcome(0.1, 1)
    del found.loaded.latencies["chat"]
    chat = [each for each in tables.light_tenant(found) if each.name == "chats: chat" and each.met is not None]
    assert [(each.measure, each.met) for each in chat] == [("p50", False), ("p99", False), ("failed", True)]


def test_connections_are_counted_per_process() -> None:
    assert per_process(TCP, 8_000, {1: {100, 101}, 2: {102, 103}, 3: {104}}) == [1, 1, 0]


def test_the_connections_of_a_real_process_are_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(socket.create_connection(listening.getsockname()))
            stack.enter_context(listening.accept()[0])
        table = Path("/proc/net/tcp").read_text()
        assert per_process(table, listening.getsockname()[1], {os.getpid(): sockets(os.getpid())}) == [3]


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda scenario: scenario.name)
def test_a_scenario_asks_only_for_operations_that_exist(scenario: scenarios.Scenario) -> None:
    assert set(scenario.operations) <= set(OPERATIONS)


def test_a_part_is_measured_and_written(tmp_path: Path) -> None:
    written = tmp_path / "figures.json"
    found = CliRunner().invoke(main, ["--only", "floor", "--seconds", "0.5", "--json", str(written)])
    assert found.exit_code == 0, found.output
    assert [each.measure for each in read(orjson.loads(written.read_bytes()))] == ["p50", "p99", "longest"] * 2
