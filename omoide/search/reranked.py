"""Search messages and conclusions, with the best results ordered by the cross-encoder (`rerank`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from omoide.core.records import Conclusion, Message
from omoide.search import conclusions, messages
from omoide.search.prior import priors
from omoide.search.query import Query
from omoide.search.rerank import Reranker, turn_text
from omoide.search.semantic import SemanticSearch
from omoide.storage import Store, Transaction, message_search
from omoide.storage.conclusion_search import ConclusionSearch
from omoide.storage.message_scope import MessageScope, MessageSearch

POOL = 40
"""Results that the cross-encoder reads; those after them keep their places. Each takes about 10 ms."""

WIDE_POOL = 150
"""Messages from which those are chosen: replies and paraphrases are often far down in the search."""


async def search_messages(
    store: Store, finder: SemanticSearch, reranker: Reranker, request: MessageSearch, *, seconds: float | None = None
) -> list[Message]:
    """As `messages.search`, reordered. A query for literal text, or without words, is not.

    Messages are chosen from a wide pool by their `priors`, which count in addition to the scores of the cross-encoder.
    A reply is judged with the question before it, if that is within reach. Raises as `messages.search`.
    """
    query = Query(request.query)
    if query.is_empty or query.is_literal or not reranker.judges(query.text):
        return await messages.search(store, finder, request, seconds=seconds)

    def likely_first(
        db: Transaction, within: MessageScope | None, hits: list[Message]
    ) -> tuple[list[tuple[Message, float]], Mapping[str, str]]:
        likely = sorted(zip(hits, priors(query, hits), strict=True), key=lambda each: -each[1])
        asked = [hit for hit, _ in likely[:POOL]]
        return likely, {} if within is None else message_search.replied_to(db, within, asked)

    wide = replace(request, limit=max(WIDE_POOL, request.limit))
    likely, questions = await messages.search_then(store, finder, wide, likely_first, seconds=seconds)
    first = [hit for hit, _ in likely[:POOL]]
    texts = [turn_text(each.peer_id, each.content, questions.get(each.id, "")) for each in first]
    ranked = await reranker.ranked(query.text, first, texts, [prior for _, prior in likely[:POOL]])
    if request.trace is not None:
        request.trace.scores = {hit.id: score for hit, score in ranked if score is not None}
    return [*(hit for hit, _ in ranked), *(hit for hit, _ in likely[POOL:])][: request.limit]


async def search_conclusions(
    store: Store,
    finder: SemanticSearch,
    reranker: Reranker,
    request: ConclusionSearch,
    *,
    seconds: float | None = None,
    size: int = POOL,
) -> list[Conclusion]:
    """As `conclusions.search`, the first `size` reordered, unless the query is for literal text. Raises as it does."""
    query = Query(request.query)
    if query.is_empty or query.is_literal or not reranker.judges(request.query):
        return await conclusions.search(store, finder, request, seconds=seconds)
    pool = replace(request, limit=max(size, request.limit))
    matches = await conclusions.search(store, finder, pool, seconds=seconds)
    first = matches[:size]
    ranked = await reranker.ranked(request.query, first, [each.content for each in first])
    if request.trace is not None:
        request.trace.scores = {each.id: score for each, score in ranked if score is not None}
    return [*(each for each, _ in ranked), *matches[size:]][: request.limit]
