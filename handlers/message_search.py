"""Shared by the three message searches."""

from __future__ import annotations

from omoide.generated import models
from omoide.handlers import request_parsing, serializers
from omoide.handlers.context import Context
from omoide.search import reranked
from omoide.search.messages import search
from omoide.storage import response_size
from omoide.storage.message_scope import MessageSearch


async def search_messages(context: Context, request: MessageSearch, *, rerank: bool | None) -> list[models.Message]:
    """Search messages: best first, as many as fit into a response. `rerank`: None for the setting.

    Raises Unprocessable for a query that is too long.
    """
    await request_parsing.check_query(context, request.query)
    seconds = context.settings.filter_seconds
    services = context.services
    if context.settings.rerank if rerank is None else rerank:
        hits = await reranked.search_messages(
            services.store, services.finder, services.reranker, request, seconds=seconds
        )
    else:
        hits = await search(services.store, services.finder, request, seconds=seconds)
    return serializers.messages(response_size.within(hits, context.settings.max_answer_bytes))
