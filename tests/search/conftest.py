"""Fixtures: a store, a workspace, and a real embedding endpoint that can be made to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from omoide.storage.sqlite.engine import Store
from tests.handlers.workspace import WorkspaceClient
from tests.inference.conftest import embedding_server, endpoint

__all__ = ["embedding_server", "endpoint"]


@pytest.fixture
def store(db_path: Path) -> Iterator[Store]:
    opened = Store.open(db_path)
    yield opened
    opened.close()


@pytest.fixture
def workspace_client(http: httpx.Client, fresh: Callable[[str], str]) -> WorkspaceClient:
    return WorkspaceClient(http, fresh("search"))
