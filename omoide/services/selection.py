"""Select and rank the conclusions for a representation.

What was searched for comes first, best first; then, if requested, what was said most often; then what is worth most,
spread over topics (`reasoner.worth_ranking`). After a search only what is certainly worth telling fills up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from omoide.core import clock
from omoide.core.offload import offload
from omoide.core.records import NOW, Conclusion, Moment
from omoide.reasoner.worth_ranking import CERTAIN_WORTH, Ranked, is_worthwhile, key_of, rank
from omoide.search.conclusions import search as search_conclusions
from omoide.search.fusion import WEIGHTS, fused
from omoide.search.query import Query
from omoide.services.container import Services
from omoide.storage import Store, Transaction, conclusion_search
from omoide.storage.conclusion_search import ConclusionScope, ConclusionSearch

MAX_CONCLUSIONS = 100

MOST_RANKED = 2_000
"""Newest conclusions of a pair that are ranked."""

REPEATED = 3
"""Multiple of the nearest conclusions that is searched for, because some repeat each other."""
FILLED = 3
"""After a search, one in this many may be about other things."""
FEWEST_COUNTED = 2
POOL = 20
"""Nearest conclusions that the cross-encoder orders; each takes about 5 ms."""
RERANKED = 0.6
"""Weight of its order relative to that of the search."""
MUCH_WORSE = 5.0
"""Difference of its scores (logits) by which one is much better than another."""
ANSWERS = 0.0
"""From this score on it answers a question."""
MOST_PAIRS = 512


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
        """Return the maximum numbers of nearest and of most frequent conclusions."""
        total = self.max_conclusions
        semantic = min(total, max(1, self.search_top_k or total // 2)) if self.search_query else 0
        if not self.most_frequent:
            return semantic, 0
        return semantic, min(total // 3, total - semantic) if semantic else total // 2


async def select_conclusions(services: Services, request: Selection) -> list[Conclusion]:
    """Return the selected conclusions, best first; empty if a peer or session does not exist.

    Equal ones are one, whose text ends with how often it was said.
    """
    if Query(request.search_query or "").is_empty:
        request = replace(request, search_query=None)
    search = ConclusionSearch(
        request.workspace_id,
        request.search_query or "",
        max(POOL, REPEATED * request.shares()[0]),
        observer_id=request.observer_id,
        observed_id=request.observed_id,
        sessions=request.sessions,
        max_distance=request.search_max_distance,
        moment=request.moment,
    )
    nearest = await _nearest(services, search, request) if request.search_query else []
    return await services.store.read_offloaded(_selected, services.store, search, request, nearest)


async def _nearest(services: Services, search: ConclusionSearch, request: Selection) -> list[Conclusion]:
    """What was searched for, best first. The cross-encoder and the search decide together about the first `POOL`.

    If it tells that some are much worse than others, these are left out, and so is mere talk, unless a number was
    requested.
    """
    found = await search_conclusions(services.store, services.finder, search)
    first = found[:POOL]
    scores = await offload(services.reranker.score, search.query, [each.content for each in first])
    if scores is None or not first:
        return found
    by_score = sorted(range(len(first)), key=lambda at: (-scores[at], at))
    rankings = (1 - RERANKED, range(len(first))), (RERANKED, by_score)
    weighed = fused(rankings, WEIGHTS.k)
    order = sorted(weighed, key=lambda at: (-weighed[at], at))
    if request.search_top_k is not None:
        return [*(first[at] for at in order), *found[POOL:]]
    least = float(scores.max()) - MUCH_WORSE
    return [first[at] for at in order if scores[at] >= least and _is_told(first[at], float(scores[at]))]


def _is_told(conclusion: Conclusion, score: float) -> bool:
    """Whether it answers what was searched for, or is more than mere talk."""
    return score >= ANSWERS or not conclusion.message_ids or is_worthwhile(conclusion.content, conclusion.observed_id)


def _selected(
    db: Transaction, store: Store, search: ConclusionSearch, request: Selection, nearest: Sequence[Conclusion]
) -> list[Conclusion]:
    within = conclusion_search.resolve(db, search)
    if within is None:
        return []
    entries = choose(_ranking(store, db, within, request), nearest, request)
    rows = conclusion_search.by_pks(db, within, [entry.pk for entry in entries])
    if len(rows) < len(entries):  # a session was hidden, which the state of the pair does not tell
        entries = choose(_ranked(db, within, request), nearest, request)
        rows = conclusion_search.by_pks(db, within, [entry.pk for entry in entries])
    return [_counted(rows[entry.pk], entry.times) for entry in entries if entry.pk in rows]


def choose(ranking: Sequence[Ranked], nearest: Sequence[Conclusion], request: Selection) -> list[Ranked]:
    """Choose the entries of a representation, best first. Pure."""
    total = request.max_conclusions
    if not request.search_query:
        return [*ranking[:total]]
    semantic, frequent = request.shares()
    by_key = {entry.key: entry for entry in ranking}
    chosen: dict[tuple[str, int], Ranked] = {}
    for each in nearest:
        key = key_of(each.level, each.content, request.observed_id)
        if key not in chosen and len(chosen) == semantic:
            continue
        known = by_key.get(key)
        before = chosen.get(key)
        count = known.times if known else each.times_derived + (before.times if before else 0)
        chosen[key] = Ranked(before.pk if before else each.pk, count, 0.0, key)
    others = [entry for entry in ranking if entry.worth >= CERTAIN_WORTH and entry.key not in chosen]
    most = min(total - len(chosen), max(frequent, total // FILLED))
    return [*chosen.values(), *others[:most]]


_rankings: WeakKeyDictionary[Store, dict[object, tuple[object, list[Ranked]]]] = WeakKeyDictionary()
"""Rankings of the last `MOST_PAIRS` pairs, without texts, with the state of the pair that they were made from."""


def _ranking(store: Store, db: Transaction, within: ConclusionScope, request: Selection) -> list[Ranked]:
    """The ranking of all current conclusions of the pair, from the cache while nothing changes."""
    if within.pair is None or within.clauses or request.moment != NOW:
        return _ranked(db, within, request)
    state = (conclusion_search.state_of(db, within.pair), clock.now() // clock.DAY)
    key = (within.pair, request.shares()[1])
    cache = _rankings.setdefault(store, {})
    if (known := cache.get(key)) is not None and known[0] == state:
        return known[1]
    ranking = _ranked(db, within, request)
    cache.pop(key, None)
    cache[key] = state, ranking
    while len(cache) > MOST_PAIRS:
        cache.pop(next(iter(cache)), None)
    return ranking


def _ranked(db: Transaction, within: ConclusionScope, request: Selection) -> list[Ranked]:
    outlines = conclusion_search.outlines(db, within, MOST_RANKED)
    now = request.moment.valid_at or request.moment.as_of or clock.now()
    return rank(outlines, request.observed_id, now, MAX_CONCLUSIONS, frequent=request.shares()[1])


def _counted(conclusion: Conclusion, count: int) -> Conclusion:
    """The conclusion, whose text tells how often it was said if that is more than once."""
    if count < FEWEST_COUNTED or conclusion.level != "explicit":
        return conclusion
    return replace(conclusion, content=f"{conclusion.content} ({count} times)")
