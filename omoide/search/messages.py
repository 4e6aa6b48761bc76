"""Search messages by words, by meaning, and by neighbouring messages.

An empty query returns the newest messages. A literal query (see `query`) matches substrings. For any other, the
rankings by words and by meaning are fused, neighbours of good matches are boosted, and verbatim matches come first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from omoide.core.clock import to_micros
from omoide.core.errors import Unprocessable
from omoide.core.identifiers import is_scope_peer, scope_name_error, scope_of_peer
from omoide.core.lazy_import import lazy_import
from omoide.core.records import Json, Message
from omoide.inference.embedders import Vector
from omoide.search import bm25
from omoide.search.fusion import DEFAULT_WEIGHTS, FusionWeights, fused, lifted, ordered
from omoide.search.query import Query
from omoide.search.semantic import SemanticSearch
from omoide.search.vector_index import Allowed, Group, VectorIndex
from omoide.storage import Connection, Store, message_search
from omoide.storage.filters import MESSAGE_FIELDS, compile_filters, names_field
from omoide.storage.message_search import ResolvedScope, SearchFilters
from omoide.storage.sqlite import fulltext, query_timeout
from omoide.storage.sqlite.fulltext import IndexScope

with lazy_import("numpy"):
    import numpy as np

T = TypeVar("T")

POOL = 60
"""Minimum number of messages that each ranking contributes."""

FILTERED = 5
"""Oversampling factor for a filtered search, before it falls back to all messages that pass the filter."""

MOST_OF_ALL = 0.5
"""Above this share of all messages, words are searched in the whole index, not restricted to the workspace."""

WITNESS = "peer_perspective"


@dataclass(frozen=True, slots=True)
class MessageSearch:
    """A search request. A session or peer given here replaces the one in the filter."""

    workspace_id: str
    query: str
    limit: int = 10
    session_id: str | None = None
    peer_id: str | None = None
    scope: str | None = None
    filters: Json | None = None
    sessions: Collection[str] | None = None
    """Only messages of these sessions."""
    reader: str | None = None
    """The peer of the caller's key: only messages visible to it, see `store.visibility`."""
    member: str | None = None
    """Only messages from this peer's perspective."""
    after: datetime | None = None
    before: datetime | None = None
    """Only messages said at or after `after`, and before `before`."""
    weights: FusionWeights = field(default=DEFAULT_WEIGHTS)


async def search(
    store: Store, finder: SemanticSearch, request: MessageSearch, *, seconds: float | None = None
) -> list[Message]:
    """Up to `request.limit` messages, best first; none for an unknown workspace, session or peer.

    Raises Unprocessable for an invalid filter, a scope combined with a filter for sessions, and a filtered search that
    takes longer than `seconds` (None: no limit); NotFound for an unknown scope.
    """
    return await search_then(store, finder, request, lambda db, found: found, seconds=seconds)


async def search_then(
    store: Store,
    finder: SemanticSearch,
    request: MessageSearch,
    then: Callable[[Connection, list[Message]], T],
    *,
    seconds: float | None = None,
) -> T:
    """Call `then` with the messages that `search` finds, in the same snapshot. Raises as `search`."""
    limits = limits_of(request)
    query = Query(request.query)
    wants_vector = not query.is_empty and not query.is_literal
    vector = await finder.query_vector(query.text) if wants_vector else None

    def read(db: Connection) -> T:
        if limits.clause is None or seconds is None:
            return then(db, _found(db, finder.index, request, limits, query, vector))
        return then(
            db, query_timeout.run_with_timeout(db, seconds, _found, finder.index, request, limits, query, vector)
        )

    return await store.read_aside(read)


def limits_of(request: MessageSearch) -> SearchFilters:
    """The restrictions of the search, with its filter compiled. Raises Unprocessable."""
    filters = dict(request.filters or {})
    witness = filters.pop(WITNESS, None)
    if witness is not None and not isinstance(witness, str):
        raise Unprocessable(f"{WITNESS} must be the id of a peer")
    if witness is not None and is_scope_peer(witness) and (fault := scope_name_error(scope_of_peer(witness))):
        raise Unprocessable(f"{WITNESS} must be the id of a peer. {fault}")
    path = {"workspace_id": request.workspace_id, "session_id": request.session_id, "peer_id": request.peer_id}
    for key, given in path.items():
        if given is not None:
            filters.pop(key, None)
    clause = compile_filters(filters, MESSAGE_FIELDS)
    if request.scope is not None and names_field(filters, "session_id"):
        raise Unprocessable("scope cannot be combined with a session_id filter")
    after, before = (None if end is None else to_micros(end) for end in (request.after, request.before))
    return SearchFilters(
        session_id=request.session_id,
        peer_id=request.peer_id,
        scope=request.scope,
        sessions=request.sessions,
        reader=request.reader,
        member=request.member,
        witness=witness,
        after=after,
        before=before,
        clause=clause,
    )


def _found(
    db: Connection,
    index: VectorIndex,
    request: MessageSearch,
    limits: SearchFilters,
    query: Query,
    vector: Vector | None,
) -> list[Message]:
    within = message_search.reach(db, request.workspace_id, limits)
    if within is None:
        return []
    if query.is_empty:
        pks = message_search.newest(db, within, request.limit)
    elif query.is_literal:
        pks = message_search.literal(db, within, query.text, request.limit)
    else:
        pks = _ranked(db, index, within, query, vector, request)
    return message_search.fetch(db, pks[: request.limit])


def _ranked(
    db: Connection,
    index: VectorIndex,
    within: ResolvedScope,
    query: Query,
    vector: Vector | None,
    request: MessageSearch,
) -> list[int]:
    """The matches for a query that has words, best first."""
    pool = max(POOL, 2 * request.limit)
    by_words = _by_words(db, within, query, pool)
    by_meaning = [] if vector is None else _by_meaning(db, index, within, vector, pool)
    # The full-text index matches whole words only; if that finds little, substrings are searched as well.
    thorough = query.has_signs or len(by_words) < request.limit
    verbatim = message_search.literal(db, within, query.text, pool) if thorough else []
    weights = request.weights
    scores = fused([(1 - weights.vectors, by_words), (weights.vectors, by_meaning)], weights.k)
    total = lifted(scores, message_search.around(db, within, [*scores.keys() | set(verbatim)]), weights)
    # A message that contains the whole query contains its words, so it is in one of these two.
    holding = message_search.holding(db, [*by_words, *verbatim], query.needle)
    return ordered(scores, total, holding)


def _by_words(db: Connection, within: ResolvedScope, query: Query, pool: int) -> list[int]:
    source = fulltext.of_messages(within.workspace, within.session, within.peer)
    if message_search.share(db, within) >= MOST_OF_ALL:
        source = IndexScope(fulltext.MESSAGES)
    return _first_passing(db, within, bm25.best(db, source, query.words), pool)


def _first_passing(db: Connection, within: ResolvedScope, pks: Sequence[int], count: int) -> list[int]:
    """The first `count` messages that pass the restrictions."""
    passing: list[int] = []
    start, step = 0, 2 * count
    while start < len(pks) and len(passing) < count:
        passing += message_search.passing(db, within, pks[start : start + step])
        start, step = start + step, 2 * step
    return passing[:count]


def _by_meaning(db: Connection, index: VectorIndex, within: ResolvedScope, vector: Vector, pool: int) -> list[int]:
    group = Group("messages", within.workspace)
    allowed = Allowed(within.sessions, within.peer)
    count = pool if within.clause is None else FILTERED * pool
    near = [pk for pk, distance in index.nearest(db, group, vector, count, allowed) if distance < 1.0]
    if within.clause is None:
        return near
    passing = message_search.passing(db, within, near)
    if len(passing) < pool and len(near) == count:
        # The filter is selective: rank exactly the messages that pass it.
        pks = np.array(message_search.all_within(db, within), np.int64)
        found = index.nearest(db, group, vector, pool, Allowed(within.sessions, within.peer, pks))
        passing = [pk for pk, distance in found if distance < 1.0]
    return passing[:pool]
