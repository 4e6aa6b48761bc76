"""Reads are interrupted at their deadline, and the connection stays usable."""

from __future__ import annotations

import json
from functools import partial
from threading import Event

import pytest

from omoide.core.errors import Unavailable, Unprocessable
from omoide.storage import Transaction
from omoide.storage.sqlite.engine import Store
from omoide.storage.sqlite.query_timeout import run_with_timeout, uncounted
from omoide.storage.sqlite.sql_functions import MAX_VISITS
from tests import sql
from tests.read_now import read_now

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def endless(db: Transaction) -> int:
    return int(sql.value(db, ENDLESS))


def five(db: Transaction) -> int:
    return int(sql.value(db, "SELECT 5"))


def test_a_fast_read_returns_its_result(store: Store) -> None:
    assert read_now(store, run_with_timeout, 60, five) == 5


def test_a_slow_read_is_refused_and_the_connection_stays_usable(store: Store) -> None:
    for _ in range(3):
        with pytest.raises(Unprocessable, match=r"takes longer than 0\.01 s\."):
            read_now(store, run_with_timeout, 0.01, endless)
        assert read_now(store, five) == 5


def test_the_deadline_holds_between_two_statements(store: Store) -> None:
    def both(db: Transaction) -> int:
        with pytest.raises(Exception, match="interrupted"):
            endless(db)
        return endless(db)

    with pytest.raises(Unprocessable):
        read_now(store, run_with_timeout, 0.01, both)


def test_an_unused_deadline_does_not_interrupt_the_next_read(store: Store) -> None:
    """The deadline of each read expires at about the time the next one begins."""
    for _ in range(300):
        with pytest.raises(Unprocessable):
            read_now(store, run_with_timeout, 0.0001, endless)
        assert read_now(store, five) == 5


def test_uncounted_time_does_not_end_a_read(store: Store) -> None:
    def slow_elsewhere(db: Transaction) -> int:
        with uncounted():
            Event().wait(0.1)
        return five(db)

    assert read_now(store, run_with_timeout, 0.05, slow_elsewhere) == 5
    with pytest.raises(Unprocessable):
        read_now(store, run_with_timeout, 0.05, endless)


def test_other_errors_are_passed_through(store: Store) -> None:
    def broken(db: Transaction) -> None:
        sql.change(db, "SELECT * FROM nothing")

    with pytest.raises(Unavailable, match="nothing"):
        read_now(store, run_with_timeout, 60, broken)


def test_one_value_that_is_too_big_to_compare_is_refused(store: Store) -> None:
    """Every part is compared with every element up to the last one, which is the first that contains it."""
    elements = MAX_VISITS // 100
    whole = json.dumps([{"a": n} for n in range(elements)])

    def compared(db: Transaction, parts: int) -> int:
        part = json.dumps([{"a": elements - 1}] * parts)
        return int(sql.value(db, "SELECT json_contains(?, ?)", (whole, part)))

    assert read_now(store, run_with_timeout, 60, partial(compared, parts=40)) == 1
    with pytest.raises(Unprocessable, match="compares too many parts"):
        read_now(store, run_with_timeout, 60, partial(compared, parts=60))
