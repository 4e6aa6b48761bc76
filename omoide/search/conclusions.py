"""Search conclusions by words and by meaning, as messages are.

The two rankings are fused, and verbatim matches come first. The name of the peer that the conclusions are about counts
for neither, because all of them contain it. A maximum distance restricts the matches to those that are as near.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from omoide.core.index_text import literal_text, words
from omoide.core.lazy_import import lazy_import
from omoide.core.records import Conclusion
from omoide.inference.embedders import Vector
from omoide.search import bm25
from omoide.search.fusion import WEIGHTS, fused
from omoide.search.query import FUNCTION_WORDS, Query
from omoide.search.semantic import SemanticSearch
from omoide.search.vector_group import Group
from omoide.search.vector_index import EVERYTHING, Allowed, VectorIndex
from omoide.storage import Store, Transaction, conclusion_search
from omoide.storage.conclusion_search import ConclusionScope, ConclusionSearch
from omoide.storage.engine import fulltext, query_timeout
from omoide.storage.search_trace import SearchTrace

with lazy_import("numpy"):
    import numpy as np

T = TypeVar("T")

POOL = 60
"""Minimum number of conclusions that each ranking contributes."""

GROWTH = 4
"""Factor by which more of the nearest are read if too few of them are within reach."""


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
    vector = None if query.is_empty else await finder.query_vector(_unnamed(query.text, request))

    def matches(db: Transaction) -> tuple[ConclusionScope | None, list[Conclusion]]:
        within = conclusion_search.resolve(db, request)
        if within is None or request.limit == 0:
            return within, []
        if query.is_empty:
            hits = conclusion_search.newest(db, within, request.limit)
        else:
            pool = replace(request, limit=max(POOL, 2 * request.limit))
            hits = _ranked(db, finder, within, pool, (query, vector))[: request.limit]
        if (trace := request.trace) is not None:
            trace.rows = {hit.id: hit.pk for hit in hits}
            if query.is_empty:
                trace.add("newest", trace.rows.values())
        return within, hits

    def read(db: Transaction) -> T:
        return then(db, *query_timeout.run_with_timeout(db, timeout, matches))

    return await store.read_offloaded(read)


def _ranked(
    db: Transaction,
    finder: SemanticSearch,
    within: ConclusionScope,
    request: ConclusionSearch,
    sought: tuple[Query, Vector | None],
) -> list[Conclusion]:
    """The matches, best first."""
    query, vector = sought
    nearest = [] if vector is None else _by_meaning(db, finder.index, within, vector, request)
    near = [each for each, _ in nearest]
    # Without a vector the distance is unknown, so only an index that embeds everything can apply `max_distance`.
    is_judged = vector is not None and request.max_distance is not None
    has_all_vectors = is_judged and finder.is_current
    elsewhere = conclusion_search.without_vector(within) if is_judged and not has_all_vectors else within
    others = _by_words(db, elsewhere, _terms(query, request), request.limit)
    count = len(others)
    if query.is_literal or not others:
        for text in (query.core, *(query.parts if not others else [])):
            others += conclusion_search.literal(db, elsewhere, text, request.limit)
    if has_all_vectors:
        is_near = {each.pk for each in near}
        count = sum(each.pk in is_near for each in others[:count])
        others = [each for each in others if each.pk in is_near]
    if (trace := request.trace) is not None:
        trace.add_words(each.pk for each in others[:count])
        trace.add_meaning([each.pk for each in near], {each.pk: distance for each, distance in nearest})
    return _fused(query, others, near, trace)


def _fused(
    query: Query, by_words: Sequence[Conclusion], by_meaning: Sequence[Conclusion], trace: SearchTrace | None
) -> list[Conclusion]:
    rows = {each.pk: each for each in (*by_words, *by_meaning)}
    contents = {pk: literal_text(each.content) for pk, each in rows.items()}
    held = Counter(pk for part in map(literal_text, query.exact) for pk in contents if part in contents[pk])
    rankings = [
        (1 - WEIGHTS.vectors, [*dict.fromkeys(each.pk for each in by_words)]),
        (WEIGHTS.vectors, [each.pk for each in by_meaning]),
        (WEIGHTS.exact, sorted(held, key=lambda pk: -held[pk])),
    ]
    scores = fused(rankings, WEIGHTS.k)
    verbatim = {pk for pk, content in contents.items() if query.needle in content}
    if trace is not None:
        trace.add("exact", held)
        trace.add("verbatim", verbatim)
    return [rows[pk] for pk in sorted(rows, key=lambda pk: (pk not in verbatim, -scores[pk], -pk))]


def _unnamed(text: str, request: ConclusionSearch) -> str:
    """The text without the observed peer's name, unless little else remains: every vector is near to that."""
    name = [*words(request.named_peers()[1] or "")]
    if not name:
        return text
    pattern = r"(?<!\w)" + r"[\W_]+".join(map(re.escape, name)) + r"(?:['\u2019]s)?(?!\w)"
    rest = re.sub(pattern, " ", text, flags=re.IGNORECASE)
    return " ".join(rest.split()) if not FUNCTION_WORDS.issuperset(words(rest)) else text


def _terms(query: Query, request: ConclusionSearch) -> list[str]:
    """The terms of the query but for the observed peer's name, unless there are no others."""
    name = {*words(request.named_peers()[1] or "")}
    return [term for term in query.terms if term not in name] or query.terms


def _by_words(db: Transaction, within: ConclusionScope, terms: Sequence[str], limit: int) -> list[Conclusion]:
    """Conclusions that contain any of the terms, best first."""
    condition = None if within.is_current else within.seen
    ranked = bm25.best(db, fulltext.of_conclusions(within.workspace, within.pair, condition), terms)
    rows = _first_within(db, within, ranked, limit)
    return [rows[pk] for pk in ranked if pk in rows][:limit]


def _first_within(db: Transaction, within: ConclusionScope, pks: Sequence[int], count: int) -> dict[int, Conclusion]:
    """The first `count` of the conclusions that are within reach, and perhaps some more."""
    rows: dict[int, Conclusion] = {}
    start, step = 0, count
    while start < len(pks) and len(rows) < count:
        rows |= conclusion_search.by_pks(db, within, pks[start : start + step])
        start, step = start + step, 2 * step
    return rows


def _by_meaning(
    db: Transaction, index: VectorIndex, within: ConclusionScope, vector: Vector, request: ConclusionSearch
) -> list[tuple[Conclusion, float]]:
    """The nearest with their distances, nearest first.

    Fetches more candidates while deleted or restricted rows leave fewer than the limit.
    """
    group = Group("conclusions", within.workspace, with_ended=not within.is_current)
    allowed = EVERYTHING if within.pair is None else Allowed(within.pair[:1], within.pair[1])
    most, count = request.max_distance, 2 * request.limit
    while True:
        hits = index.nearest(db, group, vector, count, allowed)
        near = [(pk, distance) for pk, distance in hits if most is None or distance <= most]
        rows = _first_within(db, within, [pk for pk, _ in near], request.limit)
        matches = [(rows[pk], distance) for pk, distance in near if pk in rows]
        if len(matches) >= request.limit or len(hits) < count or len(near) < len(hits):
            return matches[: request.limit]
        is_restricted = not within.is_current or bool(within.clauses)
        if is_restricted and allowed.pks is None and len(matches) * GROWTH < request.limit:
            # Few of the nearest are within reach: rank exactly those that are.
            allowed = replace(allowed, pks=np.array(conclusion_search.all_within(db, within), np.int64))
        count *= GROWTH
