"""An export over HTTP is that of the command, and one that is not complete can be told."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from omoide.core.errors import NotFound, Unavailable
from omoide.core.records import NewMessage
from omoide.storage import Store, messages
from omoide.storage.export import reader, stream
from omoide.storage.sqlite import backup
from tests.handlers.workspace import WorkspaceClient
from tests.postgresql import open_store
from tests.server_process import Server


def fill(store: Store, count: int) -> None:
    batch = [NewMessage("alice", f"{number} {'x' * 1000}", {}, 1, None) for number in range(count)]
    asyncio.run(store.write(messages.add, "w", "s", batch, 1, max_observers=10))


def test_an_export_has_the_lines_of_the_command(workspace_client: WorkspaceClient, server: Server) -> None:
    workspace_client.say("s", *(f"I live in Rome {number}. {'x' * 2000}" for number in range(90)))
    workspace_client.session("t", metadata={"über": "ü" * 300})
    answer = workspace_client.call("GET", "/export")
    header, *lines = answer.text.splitlines()
    with backup.snapshot(server.db, busy_timeout=5) as db:
        expected = [*reader.lines(db, reader.find(db, workspace_client.id))]
    assert [f"{line}\n".encode() for line in lines] == expected
    assert sum(json.loads(header)["counts"].values()) == len(lines) > 90
    assert answer.headers["content-type"] == "application/jsonl"
    assert answer.headers["content-disposition"] == f'attachment; filename="{workspace_client.id}.jsonl"'


def test_a_missing_workspace_cannot_be_exported(workspace_client: WorkspaceClient) -> None:
    assert workspace_client.call("GET", "/export").status_code == 404


def test_an_export_that_takes_too_long_breaks_off(tmp_path: Path) -> None:
    server = Server(tmp_path / "omoide.db", export_seconds="0.000001")
    try:
        with server.client() as http:
            WorkspaceClient(http, "w").say("s", "Hello.")
            with http.stream("GET", "/v3/workspaces/w/export") as answer:
                assert answer.status_code == 200
                with pytest.raises(httpx.RemoteProtocolError):
                    answer.read()
    finally:
        server.stop()


def test_an_export_that_nobody_reads_on_ends_and_lets_others_begin(tmp_path: Path) -> None:
    store = open_store(tmp_path / "omoide.db")
    fill(store, 200)

    async def story() -> None:
        started = [stream.export(store, "w", program="test", seconds=60) for _ in range(stream.MOST_AT_A_TIME)]
        for each in started:
            assert json.loads(await anext(each))["kind"] == "header"
        with pytest.raises(Unavailable):
            await anext(stream.export(store, "w", program="test", seconds=60))
        for each in started:
            assert len(await anext(each)) < 2 * stream.PIECE_BYTES
            await each.aclose()
        whole = b"".join([piece async for piece in stream.export(store, "w", program="test", seconds=60)])
        assert whole.count(b'"kind":"message"') == 200
        with pytest.raises(NotFound):
            await anext(stream.export(store, "nowhere", program="test", seconds=60))

    asyncio.run(story())
    store.close()


def test_an_export_sees_one_snapshot(tmp_path: Path) -> None:
    store = open_store(tmp_path / "omoide.db")
    fill(store, 100)

    async def story() -> None:
        export = stream.export(store, "w", program="test", seconds=60)
        header = json.loads(await anext(export))
        await store.write(messages.add, "w", "s", [NewMessage("bob", "later", {}, 1, None)], 2, max_observers=10)
        lines = b"".join([piece async for piece in export]).splitlines()
        assert len(lines) == sum(header["counts"].values())
        assert not [line for line in lines if b"later" in line]

    asyncio.run(story())
    store.close()
