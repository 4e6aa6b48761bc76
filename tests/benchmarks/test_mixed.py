"""The mixed benchmark finds errors, and messages that are lost, doubled or unexpected."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from benchmarks.http_client import request
from benchmarks.measurements import read
from benchmarks.mixed.__main__ import Outcome, ProcessMemory, figures, main
from benchmarks.mixed.clients import SESSIONS, SHARES, WORKSPACES, MixedClient, read_back
from benchmarks.mixed.ledger import Difference, Ledger, compare
from tests.benchmarks.stub import answer, serving

PLACE = WORKSPACES[1], SESSIONS[2]


@pytest.mark.parametrize(
    ("acknowledged", "uncertain", "stored", "expected"),
    [
        ("ab", "c", "ab", Difference()),
        ("ab", "c", "abc", Difference()),
        ("ab", "", "a", Difference(lost=1)),
        ("ab", "", "aabb", Difference(doubled=2)),
        ("ab", "c", "abcc", Difference(doubled=1)),
        ("ab", "c", "abd", Difference(unexpected=1)),
        ("", "", "", Difference()),
    ],
)
def test_a_session_is_compared_with_what_was_acknowledged(
    acknowledged: Iterable[str], uncertain: Iterable[str], stored: Iterable[str], expected: Difference
) -> None:
    assert compare(acknowledged, uncertain, stored) == expected


def test_every_page_of_every_session_is_read_back() -> None:
    pages = {1: ["a", "b"], 2: ["b", "d"]}
    ledger = Ledger()
    ledger.acknowledged[PLACE] += ["a", "b", "c"]
    ledger.uncertain[PLACE].append("e")

    async def respond(head: bytes, body: bytes) -> bytes:
        path = head.split()[1].decode()
        here = f"/{PLACE[0]}/sessions/{PLACE[1]}/messages/list" in path
        page = int(path.partition("page=")[2].partition("&")[0])
        items = [{"content": content} for content in pages[page]] if here else []
        return answer(body=orjson.dumps({"items": items, "pages": len(pages) if here else 0}))

    async def play() -> Difference:
        async with serving(respond) as address:
            return await read_back(address, ledger)

    assert asyncio.run(play()) == Difference(lost=1, doubled=1, unexpected=1)


@pytest.mark.parametrize(
    ("answered", "acknowledged", "uncertain", "error"),
    [
        (answer(201), 2, 0, None),
        (answer(503), 0, 2, "batch: status 503"),
        (b"", 0, 2, "batch: closed by the server: end of file"),
    ],
)
def test_a_message_is_acknowledged_by_a_good_answer_only(
    answered: bytes, acknowledged: int, uncertain: int, error: str | None
) -> None:
    ledger = Ledger()

    async def respond(head: bytes, body: bytes) -> bytes:
        return answered

    async def play() -> None:
        async with serving(respond) as address:
            await MixedClient(address, 1, ledger).say("batch", PLACE, 2)

    asyncio.run(play())
    assert len(ledger.acknowledged[PLACE]) == acknowledged
    assert len(ledger.uncertain[PLACE]) == uncertain
    assert [*ledger.errors] == ([] if error is None else [error])
    assert len(ledger.latencies["batch"]) == (0 if error else 1)


def test_every_client_sends_every_operation() -> None:
    ledger, paths = Ledger(), set()

    async def respond(head: bytes, body: bytes) -> bytes:
        paths.add(head.split(b" HTTP")[0].partition(b"?")[0].rpartition(b"/")[2].decode())
        return answer(201 if head.startswith(b"POST") else 200)

    async def play() -> None:
        async with serving(respond) as address:
            client = MixedClient(address, 1, ledger)
            for act in client.actions.values():
                await act()

    asyncio.run(play())
    assert set(ledger.latencies) == set(SHARES)
    assert not ledger.errors
    assert {"messages", "list", "search", "chat", "context", "upload"} <= paths


def outcome(*, connections: int = 64, chat: float = 1.0, lost: int = 0, errors: int = 0) -> Outcome:
    ledger = Ledger(seconds=10)
    ledger.latencies["chat"] += [chat] * 10
    ledger.latencies["add"] += [0.1] * 90
    ledger.errors["add: status 503"] += errors
    return Outcome(connections, ledger, Difference(lost=lost), 1, 1, 1, [ProcessMemory("omoide-api (1)", 1, 2, 1)])


@pytest.mark.parametrize(
    ("found", "missed"),
    [
        (outcome(), []),
        (outcome(chat=1.6), ["64 connections: chat p99"]),
        (outcome(chat=1.6, connections=128), []),
        (outcome(lost=1), ["64 connections lost"]),
        (outcome(errors=1), ["64 connections errors"]),
    ],
)
def test_a_run_is_judged_by_its_errors_its_losses_and_its_chats(found: Outcome, missed: list[str]) -> None:
    assert [f"{each.name} {each.measure}" for each in figures(found) if each.met is False] == missed


def test_a_short_run_of_a_real_server_loses_nothing(tmp_path: Path) -> None:
    written = tmp_path / "figures.json"
    found = CliRunner().invoke(main, ["--connections", "4", "--minutes", "0.01", "--json", str(written)])
    assert found.exit_code == 0, found.output
    judged = {each.measure: each.value for each in read(orjson.loads(written.read_bytes())) if each.bar}
    assert (judged["errors"], judged["lost"], judged["doubled"], judged["unexpected"]) == (0, 0, 0, 0)


def test_a_get_request_has_no_body() -> None:
    assert request("GET", "/", key="k").endswith(b"authorization: Bearer k\r\n\r\n")
