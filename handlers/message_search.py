"""Shared by the three message searches."""

from __future__ import annotations

from dataclasses import replace

from omoide.generated import models
from omoide.handlers import request_parsing, serializers
from omoide.handlers.context import Context
from omoide.search import reranked
from omoide.search.messages import search
from omoide.storage import response_size
from omoide.storage.message_scope import MessageSearch
from omoide.storage.search_trace import SearchTrace


async def search_messages(
    context: Context, request: MessageSearch, *, rerank: bool | None, explain: bool | None
) -> list[models.FoundMessage]:
    """Search messages: best first, as many as fit into a response. `rerank`: None for the setting. `explain`: with how
    each was found.

    Raises Unprocessable for a query that is too long.
    """
    request = replace(request, trace=SearchTrace() if explain else None)
    await request_parsing.check_query(context, request.query)
    seconds = context.settings.filter_seconds
    services = context.services
    if context.settings.rerank if rerank is None else rerank:
        hits = await reranked.search_messages(
            services.store, services.finder, services.reranker, request, seconds=seconds
        )
    else:
        hits = await search(services.store, services.finder, request, seconds=seconds)
    return serializers.found_messages(response_size.within(hits, context.settings.max_answer_bytes), request.trace)
