"""Rank sentences by centrality (LexRank) and select a non-redundant subset (MMR). Pure arithmetic on unit vectors.

The caller provides further weights and the budget.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from omoide.inference.embedders import Vector, Vectors

# Shape (n, n), float32: cosine similarities.
Similarities = npt.NDArray[np.float32]
# Shape (n,), integers: the cost of each text.
Costs = npt.NDArray[np.int64]

LEAST_SIMILARITY = 0.1
"""Minimum similarity of connected sentences: the best threshold in the LexRank paper."""
DAMPING = 0.85
MOST_ROUNDS = 100
TOLERANCE = 1e-6
RELEVANCE = 0.7
"""Weight of the score relative to the similarity to chosen texts: lambda of Carbonell and Goldstein."""


def similarities(vectors: Vectors) -> Similarities:
    """Return the pairwise cosine similarities of `vectors` (n, d), whose rows have length 1 or are all zeros."""
    return vectors @ vectors.T


def centrality(similar: Similarities) -> Vector:
    """Return the centrality of each text, shape (n,); the maximum is 1.

    LexRank: a random walk between similar texts (Erkan and Radev, "LexRank: Graph-based Lexical Centrality as
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
    """Return at most `most` row numbers, in order, of the rows nearest to the mean. Much cheaper than `centrality`."""
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
    selected: Sequence[int] = (),
) -> list[int]:
    """Choose indices from `among`, best first, with a total cost within the budget.

    Each step takes the text with the best combination of a high score and a low similarity to those chosen and to
    `selected` (maximal marginal relevance: Carbonell and Goldstein, "The Use of MMR, Diversity-Based Reranking", SIGIR
    1998). Texts that exceed the remaining budget are skipped.
    """
    candidates = np.array(among, dtype=np.intp)
    prices = costs[candidates]
    # A taken or too expensive text scores -inf instead of being removed, which avoids copying the arrays.
    own = np.where(prices <= budget, RELEVANCE * scores[candidates], -np.inf).astype(np.float32)
    alike = similar[np.ix_(candidates, np.array(selected, dtype=np.intp))].max(axis=1, initial=0)
    between = similar[np.ix_(candidates, candidates)]
    dearest = prices.max(initial=0)
    gained = np.empty_like(own)
    chosen: list[int] = []
    while len(candidates):
        np.subtract(own, np.multiply(alike, 1 - RELEVANCE, out=gained), out=gained)
        index = gained.argmax()
        if own[index] == -np.inf:
            break
        chosen.append(int(candidates[index]))
        budget -= int(prices[index])
        own[index] = -np.inf
        if budget < dearest:
            own[prices > budget] = -np.inf
        np.maximum(alike, between[index], out=alike)
    return chosen
