"""Fixtures: a store, a workspace, and a real embedding endpoint that can be made to fail."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.handlers.workspace import WorkspaceClient
from tests.inference.conftest import embedding_server, endpoint

__all__ = ["embedding_server", "endpoint"]


@pytest.fixture
def workspace_client(http: httpx.Client, fresh: Callable[[str], str]) -> WorkspaceClient:
    return WorkspaceClient(http, fresh("search"))
