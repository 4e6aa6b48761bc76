"""The text cache is bounded in number and length of entries."""

from __future__ import annotations

from omoide.reasoner.extractive.bounded_cache import LONGEST, BoundedCache


def test_the_oldest_entries_are_evicted_first() -> None:
    remembered: BoundedCache[int] = BoundedCache(3)
    remembered.keep({"a": 1, "b": 2})
    remembered.keep({"c": 3, "d": 4})
    assert remembered.known(["a", "b", "c", "d", "e"]) == {"b": 2, "c": 3, "d": 4}
    remembered.keep({str(number): number for number in range(9)})
    assert remembered.known(map(str, range(9))) == {"6": 6, "7": 7, "8": 8}


def test_long_texts_are_not_cached() -> None:
    remembered: BoundedCache[int] = BoundedCache(3)
    remembered.keep({"a" * LONGEST: 1, "a" * (LONGEST + 1): 2})
    assert remembered.known(["a" * LONGEST, "a" * (LONGEST + 1)]) == {"a" * LONGEST: 1}
