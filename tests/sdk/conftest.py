"""Clients of the official Python SDK, sync and async, for a running server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
from honcho import Honcho

from tests.handlers.workspace import until
from tests.sdk.styles import Awaited, Plain, Style
from tests.server_process import Server


class Connect(Protocol):
    def __call__(self, server: Server, workspace_id: str | None, **options: Any) -> Honcho: ...


@pytest.fixture(scope="session")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest, runner: asyncio.Runner) -> Style:
    """The calling style of this test: `call(honcho.peer, "alice")`."""
    return Plain() if request.param == "sync" else Awaited(runner)


@pytest.fixture
def connect(call: Style) -> Iterator[Connect]:
    """`connect(server, "demo", api_key=...)` returns a client, which is closed after the test."""
    opened: list[Honcho] = []

    def connected(server: Server, workspace_id: str | None, **options: Any) -> Honcho:
        opened.append(Honcho(**{"base_url": server.url, "workspace_id": workspace_id} | options))
        return opened[-1]

    yield connected
    for client in opened:
        call.close(client)


@pytest.fixture
def honcho(server: Server, connect: Connect, fresh: Callable[[str], str]) -> Honcho:
    """A client with a new workspace that does not exist yet."""
    return connect(server, fresh("workspace"))


def settle(honcho: Honcho, call: Style) -> None:
    """Wait until the workspace has no pending work."""

    def is_settled() -> bool:
        status = call(honcho.queue_status)
        return bool(status.pending_work_units + status.in_progress_work_units == 0)

    until(is_settled)
