"""One connection for all tests of this folder, and a workspace for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import SECRET
from tests.handlers.recorded_questions import QuestionRecorder, key, served
from tests.handlers.thinking import ReasonedWorkspace
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
def told() -> QuestionRecorder:
    return QuestionRecorder()


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chat") / "omoide.db"


@pytest.fixture(scope="module")
def api(told: QuestionRecorder, db: Path) -> Iterator[httpx.Client]:
    with served(db, told) as url, httpx.Client(base_url=url, timeout=None, headers=key()) as client:
        yield client


@pytest.fixture(scope="package")
def thinking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with keys that reasons about messages at once."""
    path = tmp_path_factory.mktemp("provenance") / "omoide.db"
    running = Server(path, auth="true", jwt_secret=SECRET, debounce_seconds="0")
    yield running
    running.stop()


@pytest.fixture
def memory(thinking: Server, fresh: Callable[[str], str]) -> Iterator[ReasonedWorkspace]:
    """A workspace whose messages are reasoned about at once."""
    with thinking.client() as client:
        found = ReasonedWorkspace(client, fresh("memory"))
        found.ok("PUT", "", {})
        yield found
