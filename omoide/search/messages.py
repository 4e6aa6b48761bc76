"""Search messages by words, by meaning, and by neighbouring messages.

An empty query returns the newest messages. For any other, the rankings by words and by meaning are fused, neighbours of
good matches and messages of a peer that the query names are boosted, and verbatim matches come first: for a literal
query (see `query`) the newest of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import chain
from typing import NamedTuple, TypeVar

from omoide.core.index_text import literal_text
from omoide.core.lazy_import import lazy_import
from omoide.core.records import Message
from omoide.inference.embedders import Vector
from omoide.search import bm25
from omoide.search.fusion import WEIGHTS, fused, lifted, ordered
from omoide.search.query import Query
from omoide.search.semantic import SemanticSearch
from omoide.search.vector_group import Group
from omoide.search.vector_index import Allowed, VectorIndex
from omoide.storage import Store, Transaction, message_scope, message_search, messages
from omoide.storage.engine import fulltext, query_timeout
from omoide.storage.message_scope import MessageScope, MessageSearch
from omoide.storage.search_trace import SearchTrace

with lazy_import("numpy"):
    import numpy as np

T = TypeVar("T")

POOL = 60
"""Minimum number of messages that each ranking contributes."""

FILTERED = 5
"""Oversampling factor for a filtered search, before it falls back to all messages that pass the filter."""

MOST_OF_ALL = 0.5
"""Above this share of all messages, words are searched in the whole index, not restricted to the workspace."""


async def search(
    store: Store, finder: SemanticSearch, request: MessageSearch, *, seconds: float | None = None
) -> list[Message]:
    """Up to `request.limit` messages, best first; none for an unknown workspace, session or peer.

    Raises Unprocessable for an invalid filter, a scope combined with a filter for sessions, and a filtered search that
    takes longer than `seconds` (None: no limit); NotFound for an unknown scope.
    """
    return await search_then(store, finder, request, lambda db, within, matches: matches, seconds=seconds)


async def search_then(
    store: Store,
    finder: SemanticSearch,
    request: MessageSearch,
    then: Callable[[Transaction, MessageScope | None, list[Message]], T],
    *,
    seconds: float | None = None,
) -> T:
    """Call `then` with the resolved request (None: nothing can match) and its messages, in the same snapshot.

    Raises as `search`.
    """
    _, clause = request.parsed_filters  # raises before the query is embedded
    timeout = None if clause is None else seconds
    query = Query(request.query)
    vector = await finder.query_vector(query.text) if query.words else None

    def matches(db: Transaction) -> tuple[MessageScope | None, list[Message]]:
        within = message_scope.resolve(db, request)
        if within is None:
            return None, []
        sought = Sought(query, vector, request.trace)
        if query.is_empty:
            pks = message_search.newest(db, within, request.limit)
        elif query.is_literal:
            pks = _literal_first(db, finder.index, within, sought, request.limit)
        else:
            pks = _ranked(db, finder.index, within, sought, request.limit)
        hits = messages.by_pks(db, pks[: request.limit])
        if (trace := request.trace) is not None:
            trace.rows = {hit.id: pk for pk, hit in hits.items()}
            if query.is_empty:
                trace.add("newest", hits)
        return within, [hits[pk] for pk in pks[: request.limit] if pk in hits]

    def read(db: Transaction) -> T:
        return then(db, *query_timeout.run_with_timeout(db, timeout, matches))

    return await store.read_offloaded(read)


class Sought(NamedTuple):
    """A query, its vector if it could be embedded, and what to record of the search."""

    query: Query
    vector: Vector | None
    trace: SearchTrace | None


def _literal_first(db: Transaction, index: VectorIndex, within: MessageScope, sought: Sought, limit: int) -> list[int]:
    """The messages that contain the query, newest first, then the matches for its words."""
    query = sought.query
    literal = _literal(db, within, sought, limit)
    if query.core != query.text:
        whole = message_search.holding(db, literal, literal_text(query.text))
        literal.sort(key=lambda pk: pk not in whole)
    if len(literal) >= limit or not query.words:
        return literal
    others = _ranked(db, index, within, sought, limit, literal)
    seen = {*literal}
    return [*literal, *(pk for pk in others if pk not in seen)]


def _ranked(
    db: Transaction,
    index: VectorIndex,
    within: MessageScope,
    sought: Sought,
    limit: int,
    literal: Sequence[int] | None = None,
) -> list[int]:
    """The matches for a query that has words, best first. `literal` are verbatim matches, if they are known."""
    query, vector, trace = sought
    pool = max(POOL, 2 * limit)
    by_words = _by_words(db, within, query, pool)
    distances = {} if vector is None else _by_meaning(db, index, within, vector, pool)
    by_meaning = [*distances]
    if literal is None:
        # The full-text index matches whole words only; if that finds little, substrings are searched as well.
        thorough = query.has_signs or len(by_words) < limit
        literal = _literal(db, within, sought, pool, are_words_known=bool(by_words)) if thorough else []
    vectors = WEIGHTS.vectors_of_sentence if query.is_sentence else WEIGHTS.vectors
    exact = _exact(db, query, by_words)
    scores = fused([(1 - vectors, by_words), (vectors, by_meaning), (WEIGHTS.exact, exact)], WEIGHTS.k)
    total = lifted(scores, message_search.around(db, within, [*scores.keys() | {*literal}]), WEIGHTS)
    lifted_most = [] if trace is None else [pk for pk, score in total.items() if score > 2 * scores.get(pk, 0.0)]
    named = _favour_named(db, query, total)
    # A message that contains the whole query contains its words, so it is in one of these two.
    holding = message_search.holding(db, [*by_words, *literal], query.needle)
    if trace is not None:
        trace.add_words(by_words)
        trace.add_meaning(by_meaning, distances)
        trace.add("exact", exact)
        trace.add("neighbour", lifted_most)
        trace.add("speaker", named)
        trace.add("verbatim", holding)
    return ordered(scores, total, holding)


def _favour_named(db: Transaction, query: Query, total: dict[int, float]) -> list[int]:
    """Raise the scores of the messages whose speakers the query names, and return these."""
    speakers = message_search.speakers(db, [*total])
    asked = {peer_id for peer_id in {*speakers.values()} if query.names(peer_id)}
    named = [pk for pk, peer_id in speakers.items() if peer_id in asked]
    for pk in named:
        total[pk] *= WEIGHTS.speaker
    return named


def _literal(
    db: Transaction, within: MessageScope, sought: Sought, limit: int, *, are_words_known: bool = False
) -> list[int]:
    """The messages that contain the query; if there are none, and none of its words is known, any of its parts."""
    query, _, trace = sought
    literal = message_search.literal(db, within, query.core, limit, words_first=query.is_literal)
    if trace is not None:
        trace.add("verbatim", literal)
    if literal or are_words_known:
        return literal
    parts = (message_search.literal(db, within, part, limit) for part in query.parts)
    literal = [*dict.fromkeys(chain.from_iterable(parts))][:limit]
    if trace is not None:
        trace.add("exact", literal)
    return literal


def _exact(db: Transaction, query: Query, pks: Sequence[int]) -> list[int]:
    """Those of the messages that contain exact parts of the query: most of them first."""
    held = Counter(pk for part in query.exact for pk in message_search.holding(db, pks, literal_text(part)))
    return sorted((pk for pk in pks if pk in held), key=lambda pk: -held[pk])


def _by_words(db: Transaction, within: MessageScope, query: Query, pool: int) -> list[int]:
    source = fulltext.of_messages(within.workspace, within.session, within.peer, within.then)
    if message_search.share(db, within) >= MOST_OF_ALL:
        source = fulltext.IndexScope(fulltext.MESSAGES, condition=within.then)
    return _first_passing(db, within, bm25.best(db, source, query.terms), pool)


def _first_passing(db: Transaction, within: MessageScope, pks: Sequence[int], count: int) -> list[int]:
    """The first `count` messages that pass the restrictions."""
    passing: list[int] = []
    start, step = 0, 2 * count
    while start < len(pks) and len(passing) < count:
        passing += message_search.passing(db, within, pks[start : start + step])
        start, step = start + step, 2 * step
    return passing[:count]


def _by_meaning(
    db: Transaction, index: VectorIndex, within: MessageScope, vector: Vector, pool: int
) -> dict[int, float]:
    """The nearest messages with their distances, nearest first."""
    group = Group("messages", within.workspace)
    allowed = Allowed(within.sessions, within.peer)
    count = pool if within.clause is None else FILTERED * pool
    near = {pk: distance for pk, distance in index.nearest(db, group, vector, count, allowed) if distance < 1.0}
    if within.clause is None:
        return near
    passing = message_search.passing(db, within, [*near])
    if len(passing) < pool and len(near) == count:
        # The filter is selective: rank exactly the messages that pass it.
        pks = np.array(message_search.all_within(db, within), np.int64)
        found = index.nearest(db, group, vector, pool, Allowed(within.sessions, within.peer, pks))
        return {pk: distance for pk, distance in found if distance < 1.0}
    return {pk: near[pk] for pk in passing[:pool]}
