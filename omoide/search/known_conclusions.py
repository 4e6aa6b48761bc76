"""Find the conclusions of a pair that new messages may say again, replace or correct: by words and by meaning.

Each piece of text is a query of its own, because an average of a whole conversation is near to nothing. Both rankings
of every query are fused; a conclusion is as good as its best query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from omoide.core.records import Conclusion
from omoide.inference.embedders import Vector
from omoide.search import bm25
from omoide.search.fusion import WEIGHTS, fused
from omoide.search.query import Query
from omoide.search.semantic import SemanticSearch
from omoide.search.vector_group import Group
from omoide.search.vector_index import Allowed, VectorIndex
from omoide.storage import Store, Transaction, conclusion_search
from omoide.storage.conclusion_search import ConclusionScope, ConclusionSearch
from omoide.storage.engine import fulltext

PER_QUERY = 8
"""Conclusions per query and ranking; more than one or two are seldom about the same thing."""
MOST_CANDIDATES = 4
"""Multiple of `PER_QUERY` that is looked up, because some are derived or no longer current."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The texts that conclusions are to be near to, and conclusions (rows) that come first in any case."""

    texts: Sequence[str]
    first: Sequence[int] = ()


async def nearest(store: Store, finder: SemanticSearch, request: ConclusionSearch, wanted: Wanted) -> list[Conclusion]:
    """Up to `request.limit` conclusions of the request's pair that are near one of the texts, best first."""
    queries = [query for query in map(Query, wanted.texts) if not query.is_empty]
    vectors = await finder.query_vectors([query.text for query in queries]) if queries else None
    searched = [(query, None if vectors is None else vectors[number]) for number, query in enumerate(queries)]
    return await store.read_offloaded(_nearest, finder.index, request, searched, wanted.first)


def _nearest(
    db: Transaction,
    index: VectorIndex,
    request: ConclusionSearch,
    queries: Sequence[tuple[Query, Vector | None]],
    first: Sequence[int],
) -> list[Conclusion]:
    within = conclusion_search.resolve(db, request)
    if within is None or within.pair is None:
        return []
    rows = conclusion_search.by_pks(db, within, first)
    best = dict.fromkeys(rows, inf)
    for query, vector in queries:
        by_words = bm25.best(db, fulltext.of_conclusions(within.workspace, within.pair), query.terms)
        by_meaning: list[int] = []
        if vector is not None and vector.any():
            allowed = Allowed(within.pair[:1], within.pair[1])
            group = Group("conclusions", within.workspace)
            hits = index.nearest(db, group, vector, MOST_CANDIDATES * PER_QUERY, allowed)
            by_meaning = [pk for pk, _ in hits]
        rankings = [_current(db, within, rows, pks) for pks in (by_words, by_meaning)]
        weighted = zip((1 - WEIGHTS.vectors, WEIGHTS.vectors), rankings, strict=True)
        for pk, score in fused(weighted, WEIGHTS.k).items():
            best[pk] = max(score, best.get(pk, 0.0))
    ranked = sorted(best, key=lambda pk: (-best[pk], -pk))
    return [rows[pk] for pk in ranked[: request.limit]]


def _current(db: Transaction, within: ConclusionScope, rows: dict[int, Conclusion], pks: Sequence[int]) -> list[int]:
    """The first `PER_QUERY` of these that are within reach; their records are added to `rows`."""
    candidates = pks[: MOST_CANDIDATES * PER_QUERY]
    rows |= conclusion_search.by_pks(db, within, [pk for pk in candidates if pk not in rows])
    return [pk for pk in candidates if pk in rows][:PER_QUERY]
