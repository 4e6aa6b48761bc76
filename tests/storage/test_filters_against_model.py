"""Random filters on random rows: SQLite and the model keep the same rows, or the filter is refused with a 422."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omoide.core.errors import Unprocessable
from omoide.storage.filters import compile_filters
from omoide.storage.filters.fields import (
    CONCLUSION_FIELDS,
    MESSAGE_FIELDS,
    PEER_FIELDS,
    SESSION_FIELDS,
    WORKSPACE_FIELDS,
)
from tests.storage.filter_database import DRIVERS, FilterDatabase
from tests.storage.filter_generator import Generator
from tests.storage.filter_model import matches

EXAMPLES = 40
ROWS_PER_EXAMPLE = 12
FILTERS_PER_EXAMPLE = 30
"""With five resources, 6,000 filters in all."""

FIELDS = {
    fields.resource: fields
    for fields in (WORKSPACE_FIELDS, PEER_FIELDS, SESSION_FIELDS, MESSAGE_FIELDS, CONCLUSION_FIELDS)
}


@pytest.fixture(scope="module")
def databases() -> list[FilterDatabase]:
    return [FilterDatabase(driver) for driver in DRIVERS]


@pytest.mark.parametrize("resource", FIELDS)
def test_sqlite_keeps_exactly_the_rows_that_the_model_keeps(resource: str, databases: list[FilterDatabase]) -> None:
    tally = {"refused": 0, "all or none": 0, "some": 0}

    # Hypothesis draws only the seed, and the rest is derived from it, which is far more varied than drawing each value.
    @settings(max_examples=EXAMPLES, derandomize=True, database=None, deadline=None)
    @given(st.randoms(use_true_random=True))
    def check(random: Random) -> None:
        generator = Generator(random, resource)
        rows = generator.make_rows(ROWS_PER_EXAMPLE)
        for database in databases:
            database.load(resource, rows)
        for _ in range(FILTERS_PER_EXAMPLE):
            filters = generator.make_filter()
            try:
                clause = compile_filters(filters, FIELDS[resource])
            except Unprocessable as error:
                json.dumps(error.detail, ensure_ascii=False).encode()
                tally["refused"] += 1
                continue
            expected = {row["id"] for row in rows if matches(resource, filters, row)}
            tally["some" if 0 < len(expected) < len(rows) else "all or none"] += 1
            for database in databases:
                assert database.ids(resource, clause) == expected, (filters, clause)

    check()
    assert tally["refused"] < tally["all or none"] < 2 * tally["some"], tally
