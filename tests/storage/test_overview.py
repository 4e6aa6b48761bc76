"""Counting the contents of a workspace stops early."""

from __future__ import annotations

import pytest

from omoide.core.records import Change
from omoide.storage import overview, peers
from omoide.storage.sqlite.engine import Connection


@pytest.mark.parametrize(("most", "approximate"), [(2, ["peers"]), (3, [])])
def test_a_count_that_stops_early_is_named(most: int, approximate: list[str], db: Connection) -> None:
    for name in ("a", "b"):
        peers.get_or_create(db, "w", name, Change(), 1)
    found = overview.read(db, "w", 2, most=most)
    assert (found.peers, found.approximate) == (2, approximate)
