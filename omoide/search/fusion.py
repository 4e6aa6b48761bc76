"""Fuse rankings, and boost messages whose neighbours match. Pure.

Reciprocal rank fusion: G. Cormack, C. Clarke, S. Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual
rank learning methods", SIGIR 2009. The paper's k of 60 flattens the ranks; a small k favours the top ranks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

Position = tuple[int, int]
"""A session, and the sequence number of a message in it."""


@dataclass(frozen=True, slots=True)
class FusionWeights:
    """Weights of the ranking. The defaults lie on a plateau of the recall benchmark, not on its peak."""

    k: float = 8.0
    """Added to every rank: the larger, the less the top ranks count."""
    vectors: float = 0.4
    """Weight of the ranking by meaning; the ranking by words has the remainder to 1."""
    vectors_of_sentence: float = 0.65
    """The same for a query that is a sentence, of which a model understands more than of keywords."""
    exact: float = 0.5
    """Weight of the ranking by exact parts of the query, such as `user_id` or `21313`, added to the two others."""
    before: float = 0.6
    """Share of the previous message's score that a message gets: an answer seldom repeats the question's words."""
    after: float = 0.4
    """Share of the next message's score."""
    speaker: float = 1.6
    """Factor for a message of a peer that the query names: what is asked about a peer, it mostly said itself."""


WEIGHTS = FusionWeights()


def fused(rankings: Iterable[tuple[float, Sequence[int]]], k: float) -> dict[int, float]:
    """Score of every message in any ranking: the sum of weight / (k + rank), ranks from 1."""
    scores: dict[int, float] = {}
    for weight, ranking in rankings:
        for rank, pk in enumerate(ranking, start=1):
            scores[pk] = scores.get(pk, 0.0) + weight / (k + rank)
    return scores


def lifted(
    scores: Mapping[int, float], positions: Mapping[int, Position], weights: FusionWeights = WEIGHTS
) -> dict[int, float]:
    """Score of every message in `positions`: its own plus the larger boost from its two neighbours in the session.

    A message that is not in `scores` has a score of 0.
    """
    by_position = {position: scores.get(pk, 0.0) for pk, position in positions.items()}

    def neighbours(session: int, seq: int) -> float:
        before = weights.before * by_position.get((session, seq - 1), 0.0)
        after = weights.after * by_position.get((session, seq + 1), 0.0)
        return max(before, after)

    return {pk: by_position[position] + neighbours(*position) for pk, position in positions.items()}


def ordered(own: Mapping[int, float], total: Mapping[int, float], verbatim: Collection[int]) -> list[int]:
    """The messages with a score, best first: verbatim matches of the query, then by score, then the newest.

    The message with the best own score ranks before any that was boosted by its neighbours.
    """
    best = max(own, key=lambda pk: (own[pk], pk), default=None)
    found = [pk for pk, score in total.items() if score > 0 or pk in verbatim]
    return sorted(found, key=lambda pk: (pk not in verbatim, pk != best, -total[pk], -pk))
