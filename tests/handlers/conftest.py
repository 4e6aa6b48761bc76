"""One connection for all tests of this folder, and a workspace for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.handlers.workspace import WorkspaceClient
from tests.server_process import Server


@pytest.fixture(scope="session")
def http(server: Server) -> Iterator[httpx.Client]:
    """Shared, because creating a client reads the system's certificates, which takes longer than most tests."""
    with server.client() as client:
        yield client


@pytest.fixture
def workspace_client(http: httpx.Client, fresh: Callable[[str], str]) -> WorkspaceClient:
    return WorkspaceClient(http, fresh("workspace"))
