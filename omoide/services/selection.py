"""Select the conclusions for a representation.

Three parts share the total: the conclusions nearest to a search text, the most frequently derived, and the newest.
Source of the shares: the public API. A conclusion in several parts counts once; the newest fill the remaining slots.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from omoide.core.records import NOW, Conclusion, Moment
from omoide.search.conclusions import search_then
from omoide.search.query import Query
from omoide.search.semantic import SemanticSearch
from omoide.storage import Store, Transaction, conclusion_search
from omoide.storage.conclusion_search import ConclusionScope, ConclusionSearch

MAX_CONCLUSIONS = 100


@dataclass(frozen=True, slots=True)
class Selection:
    """Request for a representation: the pair, the sessions and the selection parameters."""

    workspace_id: str
    observer_id: str
    observed_id: str
    sessions: Sequence[str] | None = None
    """Restrict to explicit conclusions of these sessions; None for all conclusions."""
    search_query: str | None = None
    search_top_k: int | None = None
    search_max_distance: float | None = None
    most_frequent: bool = False
    max_conclusions: int = MAX_CONCLUSIONS
    moment: Moment = NOW

    def shares(self) -> tuple[int, int]:
        """Return the numbers of nearest and of most frequent conclusions; the newest get the remainder."""
        total = self.max_conclusions
        semantic = min(total, max(1, self.search_top_k or total // 3)) if self.search_query else 0
        if not self.most_frequent:
            return semantic, 0
        return semantic, min(total // 3, total - semantic) if semantic else total // 2


async def select_conclusions(store: Store, finder: SemanticSearch, request: Selection) -> list[Conclusion]:
    """Return the selected conclusions in no particular order; empty if a peer or session does not exist."""
    semantic, frequent = request.shares()
    search = ConclusionSearch(
        request.workspace_id,
        request.search_query or "",
        semantic,
        observer_id=request.observer_id,
        observed_id=request.observed_id,
        sessions=request.sessions,
        max_distance=request.search_max_distance,
        moment=request.moment,
    )

    def fill(db: Transaction, within: ConclusionScope | None, nearest: list[Conclusion]) -> list[Conclusion]:
        if within is None:
            return []
        parts = [[] if Query(search.query).is_empty else nearest]
        if frequent:
            parts.append(conclusion_search.most_derived(db, within, frequent))
        # Twice the total, because some may be selected already or be repetitions.
        parts.append(conclusion_search.last_said(db, within, 2 * request.max_conclusions))
        return merged(parts, request.max_conclusions)

    return await search_then(store, finder, search, fill)


def merged(parts: Iterable[Iterable[Conclusion]], limit: int) -> list[Conclusion]:
    """Concatenate the parts up to the limit, without conclusions of equal text, time, session and level. Pure."""
    chosen: dict[tuple[object, ...], Conclusion] = {}
    for part in parts:
        for conclusion in part:
            if len(chosen) == limit:
                break
            key = (conclusion.content, conclusion.said_at, conclusion.session_id, conclusion.level)
            chosen.setdefault(key, conclusion)
    return [*chosen.values()]
