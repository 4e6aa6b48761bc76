"""Fixture: a store on its own file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from omoide.storage.sqlite.engine import Store


@pytest.fixture
def store(db_path: Path) -> Iterator[Store]:
    opened = Store.open(db_path, busy_timeout=0.05)
    yield opened
    opened.close()
