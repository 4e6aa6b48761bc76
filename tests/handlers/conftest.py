"""One connection for all tests of this folder, and a workspace for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.handlers.recorded_questions import Told, key, served
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


@pytest.fixture(scope="module")
def told() -> Told:
    return Told()


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chat") / "omoide.db"


@pytest.fixture(scope="module")
def api(told: Told, db: Path) -> Iterator[httpx.Client]:
    with served(db, told) as url, httpx.Client(base_url=url, timeout=None, headers=key()) as client:
        yield client
