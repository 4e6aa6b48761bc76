"""Fixtures: a store, a workspace, and a real embedding endpoint that can be made to fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from omoide.store import Store
from tests.handlers.place import Place
from tests.inference.conftest import embedding_server, endpoint

__all__ = ["embedding_server", "endpoint"]


@pytest.fixture
def store(db_path: Path) -> Iterator[Store]:
    opened = Store.open(db_path)
    yield opened
    opened.close()


@pytest.fixture
def place(http: httpx.Client, fresh: Callable[[str], str]) -> Place:
    return Place(http, fresh("search"))
