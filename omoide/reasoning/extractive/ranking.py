"""Which of many sentences say most about the whole: how central each is, and a choice that does not repeat itself.

Pure arithmetic on unit vectors. What a sentence is worth beside that, and how many there is room for, the caller says.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from omoide.inference.embedders import Vector, Vectors

# Shape (n, n), float32: cosine similarities.
Similarities = npt.NDArray[np.float32]
# Shape (n,), integers: what taking a text costs.
Costs = npt.NDArray[np.int64]

LEAST_SIMILARITY = 0.1
"""Below it two sentences have nothing to do with each other: the best threshold in the LexRank paper."""
DAMPING = 0.85
MOST_ROUNDS = 100
TOLERANCE = 1e-6
RELEVANCE = 0.7
"""The weight of a sentence's own score against its likeness to what was chosen: lambda of Carbonell and Goldstein."""


def similarities(vectors: Vectors) -> Similarities:
    """The cosine of every two of `vectors` (n, d), whose rows have length 1 or are all zeros."""
    return vectors @ vectors.T


def centrality(similar: Similarities) -> Vector:
    """How central each text is, shape (n,); the most central one has 1.

    LexRank: a random walk between texts that are alike (Erkan and Radev, "LexRank: Graph-based Lexical Centrality as
    Salience in Text Summarization", JAIR 22, 2004, equation 5), by power iteration.
    """
    count = len(similar)
    if not count:
        return np.zeros(0, dtype=np.float32)
    edges = np.where(similar >= LEAST_SIMILARITY, similar, np.float32(0))
    np.fill_diagonal(edges, 1)
    edges /= edges.sum(axis=1, keepdims=True)
    walk = np.full(count, 1 / count, dtype=np.float32)
    for _ in range(MOST_ROUNDS):
        before, walk = walk, (1 - DAMPING) / count + DAMPING * (walk @ edges)
        if np.abs(walk - before).sum() < TOLERANCE:
            break
    return np.asarray(walk / walk.max(), dtype=np.float32)


def nearest_to_middle(vectors: Vectors, most: int) -> list[int]:
    """The rows, in order, that are nearest to the mean of all: at most `most`. Costs far less than `centrality`."""
    if len(vectors) <= most:
        return list(range(len(vectors)))
    nearness = vectors @ vectors.mean(axis=0)
    return sorted(np.argsort(-nearness, kind="stable")[:most].tolist())


def choose(
    scores: Vector,
    similar: Similarities,
    costs: Costs,
    budget: int,
    *,
    among: Sequence[int],
    beside: Sequence[int] = (),
) -> list[int]:
    """Indices from `among`, best first, whose costs together stay within the budget.

    Each time the one that scores high and is unlike those chosen and those in `beside` (maximal marginal relevance:
    Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking", SIGIR 1998). What is too dear is passed over.
    """
    left = np.array(among, dtype=np.intp)
    prices = costs[left]
    # What is taken, or too dear, scores less than anything: it stays in its place, so that nothing has to be moved.
    own = np.where(prices <= budget, RELEVANCE * scores[left], -np.inf).astype(np.float32)
    alike = similar[np.ix_(left, np.array(beside, dtype=np.intp))].max(axis=1, initial=0)
    between = similar[np.ix_(left, left)]
    dearest = prices.max(initial=0)
    gained = np.empty_like(own)
    chosen: list[int] = []
    while len(left):
        np.subtract(own, np.multiply(alike, 1 - RELEVANCE, out=gained), out=gained)
        place = gained.argmax()
        if own[place] == -np.inf:
            break
        chosen.append(int(left[place]))
        budget -= int(prices[place])
        own[place] = -np.inf
        if budget < dearest:
            own[prices > budget] = -np.inf
        np.maximum(alike, between[place], out=alike)
    return chosen
