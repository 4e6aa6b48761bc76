"""Fusion of rankings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omoide.search.fusion import FusionWeights, Position, fused, lifted, ordered

EVEN = FusionWeights(k=1, vectors=0.5, before=0.5, after=0.25)


@pytest.mark.parametrize(
    ("rankings", "scores"),
    [
        ([], {}),
        ([(1.0, [])], {}),
        ([(1.0, [7])], {7: 1 / 2}),
        ([(1.0, [7, 8])], {7: 1 / 2, 8: 1 / 3}),
        ([(0.6, [7, 8]), (0.4, [8])], {7: 0.6 / 2, 8: 0.6 / 3 + 0.4 / 2}),
        ([(0.0, [7]), (1.0, [8])], {7: 0.0, 8: 1 / 2}),
    ],
)
def test_a_score_is_the_sum_of_weights_over_k_and_rank(
    rankings: list[tuple[float, list[int]]], scores: dict[int, float]
) -> None:
    assert fused(rankings, k=1) == pytest.approx(scores)


@pytest.mark.parametrize(
    ("scores", "positions", "expected"),
    [
        ({}, {}, {}),
        ({7: 1.0}, {7: (1, 1)}, {7: 1.0}),
        # The message after a match gets half of its score, the message before it a quarter.
        ({8: 1.0}, {7: (1, 1), 8: (1, 2), 9: (1, 3)}, {7: 0.25, 8: 1.0, 9: 0.5}),
        # The larger boost counts, not both.
        ({7: 1.0, 9: 1.0}, {7: (1, 1), 8: (1, 2), 9: (1, 3)}, {7: 1.0, 8: 0.5, 9: 1.0}),
        ({7: 0.4, 9: 1.0}, {7: (1, 1), 8: (1, 2), 9: (1, 3)}, {7: 0.4, 8: 0.25, 9: 1.0}),
        # Messages of other sessions or further away are not neighbours.
        ({7: 1.0}, {7: (1, 1), 8: (2, 2), 9: (1, 3)}, {7: 1.0, 8: 0.0, 9: 0.0}),
        # A message without a position is ignored.
        ({7: 1.0, 8: 2.0}, {7: (1, 1)}, {7: 1.0}),
    ],
)
def test_a_message_gets_a_share_of_its_better_neighbour(
    scores: dict[int, float], positions: dict[int, Position], expected: dict[int, float]
) -> None:
    assert lifted(scores, positions, EVEN) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("own", "total", "verbatim", "order"),
    [
        ({}, {}, (), []),
        ({7: 1.0, 8: 2.0}, {7: 1.0, 8: 2.0}, (), [8, 7]),
        ({7: 1.0, 8: 1.0}, {7: 1.0, 8: 1.0}, (), [8, 7]),
        ({7: 2.0, 8: 1.0}, {7: 1.0, 8: 2.0, 9: 3.0}, (), [7, 9, 8]),
        ({7: 2.0, 8: 1.0}, {7: 2.0, 8: 1.0}, (8,), [8, 7]),
        ({7: 2.0}, {7: 2.0, 8: 0.0, 9: 0.0}, (9,), [9, 7]),
    ],
)
def test_the_best_own_score_ranks_first_after_verbatim_matches(
    own: dict[int, float], total: dict[int, float], verbatim: tuple[int, ...], order: list[int]
) -> None:
    assert ordered(own, total, verbatim) == order


@given(st.lists(st.permutations(range(6)), max_size=3), st.floats(0, 100))
def test_the_first_of_every_ranking_is_first_in_the_fusion(rankings: list[list[int]], k: float) -> None:
    led = [[9, *ranking] for ranking in rankings] or [[9]]
    scores = fused([(1.0, ranking) for ranking in led], k)
    assert max(scores, key=lambda pk: scores[pk]) == 9
