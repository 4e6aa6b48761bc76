"""Search conclusions near a text.

Conclusions with a vector come first, by cosine distance. Those without one, or all of them if the query could not be
embedded, are ranked by words and follow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from omoide.core.records import Conclusion, Json
from omoide.inference.embedders import Vector
from omoide.search import bm25
from omoide.search.query import Query
from omoide.storage import Connection, Store, conclusions, workspaces
from omoide.storage.filters.operators import ANYTHING
from omoide.storage.sqlite import fulltext, query_timeout

P = ParamSpec("P")
T = TypeVar("T")
Pair = tuple[int, int]


class Finder(Protocol):
    """Embeds queries and finds the nearest stored vectors."""

    is_current: bool
    """Whether conclusions that have no stored vector yet are found as well."""

    async def query_vector(self, text: str) -> Vector | None:
        """Embed the text; None if that fails or takes too long."""

    def nearest_conclusions(
        self, db: Connection, workspace_id: str, pair: Pair | None, vector: Vector, count: int
    ) -> list[tuple[int, float]]:
        """Row and cosine distance of up to `count` conclusions of the pair, or of the workspace, nearest first."""


async def nearest(
    store: Store,
    finder: Finder,
    workspace_id: str,
    pair: Pair,
    text: str,
    limit: int,
    *,
    sessions: Sequence[str] | None = None,
    max_distance: float | None = None,
) -> list[Conclusion]:
    """Up to `limit` conclusions of the pair, best first; with `sessions`, only explicit ones from those."""
    restriction = conclusions.restricted(sessions)
    return await nearest_of(store, finder, workspace_id, pair, text, limit, restriction, max_distance)


async def nearest_of(
    store: Store,
    finder: Finder,
    workspace_id: str,
    pair: Pair | None,
    text: str,
    limit: int,
    restriction: conclusions.Restriction,
    max_distance: float | None = None,
) -> list[Conclusion]:
    """Up to `limit` conclusions of the pair (None: of the workspace) that pass the restriction, best first.

    Empty for a blank text.
    """
    parsed = Query(text)
    if parsed.is_empty:
        return []
    return await _best(store, finder, workspace_id, pair, parsed, limit, restriction, max_distance)


async def query(
    store: Store,
    finder: Finder,
    workspace_id: str,
    text: str,
    filters: Json | None,
    *,
    limit: int,
    max_distance: float | None,
    seconds: float | None = None,
) -> list[Conclusion]:
    """Up to `limit` conclusions that pass the filters, best first.

    Raises Unprocessable for an invalid filter, and for one that takes longer than `seconds` (None: no limit).
    """
    restriction = conclusions.filtered(filters)
    pair = None
    if (named := _named_pair(filters)) is not None:
        pair = await store.read(conclusions.pair, workspace_id, *named)
        if pair is None:
            return []
    limited = seconds if filters else None
    return await _best(store, finder, workspace_id, pair, Query(text), limit, restriction, max_distance, limited)


def _named_pair(filters: Json | None) -> tuple[str, str] | None:
    """Observer and observed, if the filters name exactly one of each."""
    given = filters or {}
    observer = given.get("observer_id", given.get("observer"))
    observed = given.get("observed_id", given.get("observed"))
    if not isinstance(observer, str) or not isinstance(observed, str) or ANYTHING in (observer, observed):
        return None
    return observer, observed


async def _best(
    store: Store,
    finder: Finder,
    workspace_id: str,
    pair: Pair | None,
    parsed: Query,
    limit: int,
    restriction: conclusions.Restriction,
    max_distance: float | None,
    seconds: float | None = None,
) -> list[Conclusion]:
    """Matches by meaning, then by words those that have no vector; the newest for an empty query."""
    vector = None if parsed.is_empty else await finder.query_vector(parsed.text)

    def best(db: Connection) -> list[Conclusion]:
        if parsed.is_empty:
            return _within(db, seconds, conclusions.newest, workspace_id, pair, restriction, limit)
        found: list[Conclusion] = []
        if vector is not None:
            found = _by_meaning(db, finder, workspace_id, pair, vector, limit, restriction, max_distance, seconds)
        # Without a vector the distance is unknown, so only an index that embeds everything can apply `max_distance`.
        is_judged = vector is not None and max_distance is not None and finder.is_current
        if len(found) == limit or not parsed.words or is_judged:
            return found
        remaining = restriction if vector is None else conclusions.not_by_meaning(restriction)
        others = _within(db, seconds, _by_words, workspace_id, pair, parsed.words, remaining, limit)
        seen = {conclusion.id for conclusion in found}
        return [*found, *(conclusion for conclusion in others if conclusion.id not in seen)][:limit]

    return await store.read_offloaded(best)


def _within(
    db: Connection,
    seconds: float | None,
    fn: Callable[Concatenate[Connection, P], T],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Call `fn` with a time limit, if `seconds` is given. Raises Unprocessable."""
    if seconds is None:
        return fn(db, *args, **kwargs)
    return query_timeout.run_with_timeout(db, seconds, fn, *args, **kwargs)


def _by_words(
    db: Connection,
    workspace_id: str,
    pair: Pair | None,
    query_words: Sequence[str],
    restriction: conclusions.Restriction,
    limit: int,
) -> list[Conclusion]:
    """Conclusions that contain any of the words, best first."""
    workspace = workspaces.find(db, workspace_id)
    if workspace is None:
        return []
    ranked = bm25.best(db, fulltext.of_conclusions(workspace.pk, pair), query_words)
    found: list[Conclusion] = []
    start, step = 0, 2 * limit
    while start < len(ranked) and len(found) < limit:
        some = ranked[start : start + step]
        rows = conclusions.by_pks(db, workspace_id, some, restriction)
        found += [rows[pk] for pk in some if pk in rows]
        start, step = start + step, 2 * step
    return found[:limit]


def _by_meaning(
    db: Connection,
    finder: Finder,
    workspace_id: str,
    pair: Pair | None,
    vector: Vector,
    limit: int,
    restriction: conclusions.Restriction,
    max_distance: float | None,
    seconds: float | None,
) -> list[Conclusion]:
    """Nearest first. Fetches more candidates while deleted or restricted rows leave fewer than `limit`."""
    count = 2 * limit
    while True:
        hits = finder.nearest_conclusions(db, workspace_id, pair, vector, count)
        near = [pk for pk, distance in hits if max_distance is None or distance <= max_distance]
        rows = _within(db, seconds, conclusions.by_pks, workspace_id, near, restriction)
        found = [rows[pk] for pk in near if pk in rows]
        if len(found) >= limit or len(hits) < count or len(near) < len(hits):
            return found[:limit]
        count *= 4
