"""Ranges of messages shown around search hits."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from omoide.reasoner.excerpts import Excerpt, Hit, excerpts
from omoide.storage.messages import Stretch


@pytest.mark.parametrize(
    ("hits", "window", "expected"),
    [
        ([], 2, []),
        ([Hit("a", 1, 10)], 2, [Excerpt(Stretch(1, 8, 12), ("a",))]),
        ([Hit("a", 1, 1)], 2, [Excerpt(Stretch(1, 1, 3), ("a",))]),
        ([Hit("a", 1, 10)], 0, [Excerpt(Stretch(1, 10, 10), ("a",))]),
        ([Hit("b", 1, 14), Hit("a", 1, 10)], 2, [Excerpt(Stretch(1, 8, 16), ("b", "a"))]),
        (
            [Hit("b", 1, 15), Hit("a", 1, 10)],
            2,
            [Excerpt(Stretch(1, 13, 17), ("b",)), Excerpt(Stretch(1, 8, 12), ("a",))],
        ),
        (
            [Hit("a", 1, 10), Hit("z", 2, 11), Hit("c", 1, 12), Hit("b", 1, 11)],
            1,
            [Excerpt(Stretch(1, 9, 13), ("a", "c", "b")), Excerpt(Stretch(2, 10, 12), ("z",))],
        ),
    ],
    ids=["none", "one", "at the beginning", "no window", "overlapping", "touching", "two sessions"],
)
def test_overlapping_ranges_are_merged_and_ranked_by_the_best_hit(
    hits: Sequence[Hit], window: int, expected: Sequence[Excerpt]
) -> None:
    assert excerpts(hits, window) == expected
