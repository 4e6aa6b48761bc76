"""Choosing the conclusions that a representation is made of.

Three parts share the places: those nearest to a search text, those drawn most often, and the newest. Sources of the
shares: the public API. What the parts have in common counts once, and the places that this frees go to the newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from omoide.records import Conclusion
from omoide.search import conclusions as nearest
from omoide.search.conclusions import Finder
from omoide.store import Connection, Store, conclusions

MAX_CONCLUSIONS = 100


@dataclass(frozen=True, slots=True)
class Recall:
    """Whose knowledge of whom, restricted to which sessions, and how it is chosen."""

    workspace_id: str
    observer_id: str
    observed_id: str
    sessions: Sequence[str] | None = None
    """Only explicit conclusions from these; None for all conclusions."""
    search_query: str | None = None
    search_top_k: int | None = None
    search_max_distance: float | None = None
    most_frequent: bool = False
    max_conclusions: int = MAX_CONCLUSIONS

    def shares(self) -> tuple[int, int]:
        """How many places the nearest and the most frequent get; the rest is for the newest."""
        total = self.max_conclusions
        semantic = min(total, max(1, self.search_top_k or total // 3)) if self.search_query else 0
        if not self.most_frequent:
            return semantic, 0
        return semantic, min(total // 3, total - semantic) if semantic else total // 2


async def recall(store: Store, finder: Finder, wanted: Recall) -> list[Conclusion]:
    """The chosen conclusions, in no order that means anything; none where a peer or session is not there."""
    pair = store.read(conclusions.pair, wanted.workspace_id, wanted.observer_id, wanted.observed_id)
    if pair is None:
        return []
    semantic, frequent = wanted.shares()
    parts: list[Iterable[Conclusion]] = []
    if semantic and wanted.search_query:
        parts.append(
            await nearest.nearest(
                store,
                finder,
                wanted.workspace_id,
                pair,
                wanted.search_query,
                semantic,
                sessions=wanted.sessions,
                max_distance=wanted.search_max_distance,
            )
        )

    def rest(db: Connection) -> list[Conclusion]:
        place = (wanted.workspace_id, pair, wanted.sessions)
        if frequent:
            parts.append(conclusions.most_derived(db, *place, frequent))
        # As many as there are places, and as many again as may be there already or be told twice.
        parts.append(conclusions.last_said(db, *place, 2 * wanted.max_conclusions))
        return merged(parts, wanted.max_conclusions)

    return await store.read_aside(rest)


def merged(parts: Iterable[Iterable[Conclusion]], limit: int) -> list[Conclusion]:
    """The conclusions of all parts in turn up to the limit, those that say the same at the same time once. Pure."""
    chosen: dict[tuple[object, ...], Conclusion] = {}
    for part in parts:
        for conclusion in part:
            if len(chosen) == limit:
                break
            key = (conclusion.content, conclusion.said_at, conclusion.session_id, conclusion.level)
            chosen.setdefault(key, conclusion)
    return [*chosen.values()]
