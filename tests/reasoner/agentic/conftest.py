from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgresql import copied, open_store
from tests.reasoner.memory_fixtures import Past


@pytest.fixture
def past(tmp_path: Path, empty_database: Path) -> Iterator[Past]:
    copied(empty_database, tmp_path / "omoide.db")
    store = open_store(tmp_path / "omoide.db", durability="normal", busy_timeout=5.0)
    yield Past(store)
    store.close()
