"""Ids made together are as good as ids made one by one."""

from __future__ import annotations

import pytest

from omoide.core import clock

AT = 1_760_000_000_123_456


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 100])
def test_ids_made_together_are_ids_of_their_instant_and_all_different(count: int) -> None:
    ids = clock.new_ids(AT, count)
    assert len(set(ids)) == count
    assert {len(id) for id in ids} <= {clock.ID_LENGTH}
    assert set("".join(ids)) <= set(clock.ALPHABET)
    assert {clock.created_at_of_id(id) for id in ids} <= {AT // 1_000}


def test_every_random_character_of_ids_made_together_takes_every_value() -> None:
    ids = clock.new_ids(AT, 4_000)
    for place in range(len(ids[0]) - 14, len(ids[0])):
        assert {id[place] for id in ids} == set(clock.ALPHABET)
