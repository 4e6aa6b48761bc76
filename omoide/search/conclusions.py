"""Search conclusions near a text.

Conclusions with a vector come first, by cosine distance. Those without one, or all of them if the query could not be
embedded, are ranked by words and follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from omoide.core.lazy_import import lazy_import
from omoide.core.records import Conclusion
from omoide.inference.embedders import Vector
from omoide.search import bm25
from omoide.search.query import Query
from omoide.search.semantic import SemanticSearch
from omoide.search.vector_group import Group
from omoide.search.vector_index import EVERYTHING, Allowed, VectorIndex
from omoide.storage import Store, Transaction, conclusion_search
from omoide.storage.conclusion_search import ConclusionScope, ConclusionSearch
from omoide.storage.engine import fulltext, query_timeout

with lazy_import("numpy"):
    import numpy as np

T = TypeVar("T")


async def search(
    store: Store, finder: SemanticSearch, request: ConclusionSearch, *, seconds: float | None = None
) -> list[Conclusion]:
    """Up to `request.limit` conclusions, best first; for a blank query the newest.

    Raises Unprocessable for an invalid filter, and for a filtered search that takes longer than `seconds` (None: no
    limit).
    """
    return await search_then(store, finder, request, lambda db, within, matches: matches, seconds=seconds)


async def search_then(
    store: Store,
    finder: SemanticSearch,
    request: ConclusionSearch,
    then: Callable[[Transaction, ConclusionScope | None, list[Conclusion]], T],
    *,
    seconds: float | None = None,
) -> T:
    """Call `then` with the resolved request (None: nothing can match) and its conclusions, in the same snapshot.

    Raises as `search`.
    """
    timeout = None if request.clause is None else seconds  # raises before the query is embedded
    query = Query(request.query)
    vector = None if query.is_empty else await finder.query_vector(query.text)

    def matches(db: Transaction) -> tuple[ConclusionScope | None, list[Conclusion]]:
        within = conclusion_search.resolve(db, request)
        if within is None or request.limit == 0:
            return within, []
        if query.is_empty:
            return within, conclusion_search.newest(db, within, request.limit)
        near = [] if vector is None else _by_meaning(db, finder.index, within, vector, request)
        # Without a vector the distance is unknown, so only an index that embeds everything can apply `max_distance`.
        is_judged = vector is not None and request.max_distance is not None and finder.is_current
        if len(near) == request.limit or not query.words or is_judged:
            return within, near
        remaining = within if vector is None else conclusion_search.without_vector(within)
        others = _by_words(db, remaining, query.words, request.limit)
        seen = {conclusion.id for conclusion in near}
        return within, [*near, *(each for each in others if each.id not in seen)][: request.limit]

    def read(db: Transaction) -> T:
        return then(db, *query_timeout.run_with_timeout(db, timeout, matches))

    return await store.read_offloaded(read)


def _by_words(db: Transaction, within: ConclusionScope, words: Sequence[str], limit: int) -> list[Conclusion]:
    """Conclusions that contain any of the words, best first."""
    condition = None if within.is_current else within.seen
    ranked = bm25.best(db, fulltext.of_conclusions(within.workspace, within.pair, condition), words)
    matches: list[Conclusion] = []
    start, step = 0, 2 * limit
    while start < len(ranked) and len(matches) < limit:
        some = ranked[start : start + step]
        rows = conclusion_search.by_pks(db, within, some)
        matches += [rows[pk] for pk in some if pk in rows]
        start, step = start + step, 2 * step
    return matches[:limit]


def _by_meaning(
    db: Transaction, index: VectorIndex, within: ConclusionScope, vector: Vector, request: ConclusionSearch
) -> list[Conclusion]:
    """Nearest first. Fetches more candidates while deleted or restricted rows leave fewer than the limit."""
    group = Group("conclusions", within.workspace, with_ended=not within.is_current)
    allowed = EVERYTHING if within.pair is None else Allowed(within.pair[:1], within.pair[1])
    most, count = request.max_distance, 2 * request.limit
    while True:
        hits = index.nearest(db, group, vector, count, allowed)
        near = [pk for pk, distance in hits if most is None or distance <= most]
        rows = conclusion_search.by_pks(db, within, near)
        matches = [rows[pk] for pk in near if pk in rows]
        if len(matches) >= request.limit or len(hits) < count or len(near) < len(hits):
            return matches[: request.limit]
        if not within.is_current and allowed.pks is None:
            # Most conclusions may be of another time: rank exactly those that are within reach.
            allowed = replace(allowed, pks=np.array(conclusion_search.all_within(db, within), np.int64))
        count *= 4
