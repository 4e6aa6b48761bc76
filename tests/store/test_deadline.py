"""Reads end in time, and the connection is as good as before afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from omoide.errors import Unavailable, Unprocessable
from omoide.store import Connection, Store
from omoide.store.deadline import within
from omoide.store.filters.functions import MAX_VISITS

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def store(db_path: Path) -> Iterator[Store]:
    opened = Store.open(db_path, durability="normal")
    yield opened
    opened.close()


def endless(db: Connection) -> int:
    return int(db.execute(ENDLESS).fetchone()[0])


def five(db: Connection) -> int:
    return int(db.execute("SELECT 5").fetchone()[0])


def test_what_is_quick_enough_is_returned(store: Store) -> None:
    assert store.read(within, 60, five) == 5


def test_what_takes_too_long_is_refused_and_the_connection_goes_on(store: Store) -> None:
    for _ in range(3):
        with pytest.raises(Unprocessable, match=r"takes longer than 0\.01 s\."):
            store.read(within, 0.01, endless)
        assert store.read(five) == 5


def test_the_end_is_not_missed_between_two_statements(store: Store) -> None:
    def both(db: Connection) -> int:
        with pytest.raises(Exception, match="interrupted"):
            endless(db)
        return endless(db)

    with pytest.raises(Unprocessable):
        store.read(within, 0.01, both)


def test_an_end_that_was_not_needed_hits_nobody_else(store: Store) -> None:
    """The end of each read falls about where the next one begins."""
    for _ in range(300):
        with pytest.raises(Unprocessable):
            store.read(within, 0.0001, endless)
        assert store.read(five) == 5


def test_another_fault_stays_what_it_was(store: Store) -> None:
    def broken(db: Connection) -> None:
        db.execute("SELECT * FROM nothing")

    with pytest.raises(Unavailable, match="nothing"):
        store.read(within, 60, broken)


def test_one_value_that_is_too_big_to_compare_is_refused(store: Store) -> None:
    """Every part is held against every element up to the last, which is the first that contains it."""
    elements = MAX_VISITS // 100
    whole = json.dumps([{"a": n} for n in range(elements)])

    def compared(db: Connection, parts: int) -> int:
        part = json.dumps([{"a": elements - 1}] * parts)
        return int(db.execute("SELECT json_contains(?, ?)", (whole, part)).fetchone()[0])

    assert store.read(within, 60, compared, 40) == 1
    with pytest.raises(Unprocessable, match="compares too many parts"):
        store.read(within, 60, compared, 60)
