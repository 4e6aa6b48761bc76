"""Fixtures: a store that does not wait for locks, and its writing connection."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from omoide.storage.sqlite.engine import Connection, Store


@pytest.fixture
def store(db_path: Path, empty_database: Path) -> Iterator[Store]:
    shutil.copyfile(empty_database, db_path)
    opened = Store.open(db_path, durability="normal", busy_timeout=0.05)
    yield opened
    opened.close()


@pytest.fixture
def db(store: Store) -> Connection:
    """The writing connection; every statement is a transaction of its own."""
    return store._writer.connection
