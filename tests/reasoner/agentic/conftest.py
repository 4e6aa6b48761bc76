from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from omoide.storage.sqlite.engine import Store
from tests.reasoner.memory_fixtures import Past


@pytest.fixture
def past(tmp_path: Path, empty_database: Path) -> Iterator[Past]:
    shutil.copyfile(empty_database, tmp_path / "omoide.db")
    store = Store.open(tmp_path / "omoide.db", durability="normal", busy_timeout=5.0)
    yield Past(store)
    store.close()
