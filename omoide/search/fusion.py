"""Several rankings of messages become one, and answers are lifted by the questions before them. Pure.

Reciprocal rank fusion: G. Cormack, C. Clarke, S. Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual
rank learning methods", SIGIR 2009. The paper's k of 60 flattens the ranks; a small one lets the first places count.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

Position = tuple[int, int]
"""A session, and where in it a message stands."""


@dataclass(frozen=True, slots=True)
class Weights:
    """How rankings are weighed. The defaults lie where the recall benchmark is flat, not on its highest point."""

    k: float = 8.0
    """Added to every rank: the greater, the less the first places stand out."""
    vectors: float = 0.4
    """The share of the ranking by meaning; the words have the rest."""
    before: float = 0.6
    """How much of the score of the turn before it a message gets: an answer seldom repeats the question's words."""
    after: float = 0.4
    """The same for the turn after it."""


DEFAULT_WEIGHTS = Weights()


def fused(rankings: Iterable[tuple[float, Sequence[int]]], k: float) -> dict[int, float]:
    """Score of every message that is in any ranking: the sum of weight / (k + rank), ranks from 1."""
    scores: dict[int, float] = {}
    for weight, ranking in rankings:
        for rank, pk in enumerate(ranking, start=1):
            scores[pk] = scores.get(pk, 0.0) + weight / (k + rank)
    return scores


def lifted(
    scores: Mapping[int, float], positions: Mapping[int, Position], weights: Weights = DEFAULT_WEIGHTS
) -> dict[int, float]:
    """Score of every message in `positions`: its own, and the better of what its two neighbours give it.

    A message without a score of its own has 0; neighbours are those next to it in the same session.
    """
    by_position = {position: scores.get(pk, 0.0) for pk, position in positions.items()}

    def neighbours(session: int, seq: int) -> float:
        before = weights.before * by_position.get((session, seq - 1), 0.0)
        after = weights.after * by_position.get((session, seq + 1), 0.0)
        return max(before, after)

    return {pk: by_position[position] + neighbours(*position) for pk, position in positions.items()}


def ordered(own: Mapping[int, float], total: Mapping[int, float], verbatim: Collection[int]) -> list[int]:
    """The messages that have a score, best first: what holds the query as it stands, then by score, then the newest.

    What scores best by itself stays before all that its neighbours lifted.
    """
    best = max(own, key=lambda pk: (own[pk], pk), default=None)
    found = [pk for pk, score in total.items() if score > 0 or pk in verbatim]
    return sorted(found, key=lambda pk: (pk not in verbatim, pk != best, -total[pk], -pk))
