"""Search messages and conclusions, with the best results ordered by the cross-encoder (`rerank`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from omoide.core.records import Conclusion, Message
from omoide.search import conclusions, messages
from omoide.search.query import Query
from omoide.search.rerank import Reranker, turn_text
from omoide.search.semantic import SemanticSearch
from omoide.storage import Store, Transaction, message_search
from omoide.storage.conclusion_search import ConclusionSearch
from omoide.storage.message_scope import MessageScope, MessageSearch

POOL = 40
"""Results that are reordered; those after them keep their places. Each takes about 10 ms."""


async def search_messages(
    store: Store, finder: SemanticSearch, reranker: Reranker, request: MessageSearch, *, seconds: float | None = None
) -> list[Message]:
    """As `messages.search`, reordered. A query for literal text, or without words, is not.

    A reply is judged with the question before it, if that is within reach. Raises as `messages.search`.
    """
    query = Query(request.query)
    if query.is_empty or query.is_literal or not reranker.judges(query.text):
        return await messages.search(store, finder, request, seconds=seconds)

    def with_questions(
        db: Transaction, within: MessageScope | None, hits: list[Message]
    ) -> tuple[list[Message], Mapping[str, str]]:
        return hits, {} if within is None else message_search.replied_to(db, within, hits[:POOL])

    pool = replace(request, limit=max(POOL, request.limit))
    hits, questions = await messages.search_then(store, finder, pool, with_questions, seconds=seconds)
    first = hits[:POOL]
    texts = [turn_text(each.peer_id, each.content, questions.get(each.id, "")) for each in first]
    ordered = await reranker.order(query.text, first, texts)
    return [*ordered, *hits[POOL:]][: request.limit]


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
    ordered = await reranker.order(request.query, first, [each.content for each in first])
    return [*ordered, *matches[size:]][: request.limit]
