"""Shared by the searches for conclusions."""

from __future__ import annotations

from dataclasses import replace

from omoide.generated import models
from omoide.handlers import request_parsing, serializers
from omoide.handlers.context import Context
from omoide.search import reranked
from omoide.search.conclusions import search
from omoide.storage.conclusion_search import ConclusionSearch
from omoide.storage.search_trace import SearchTrace


async def search_conclusions(
    context: Context, request: ConclusionSearch, *, rerank: bool | None, explain: bool | None
) -> list[models.FoundConclusion]:
    """Search conclusions, best first. `rerank`: None for the setting. `explain`: with how each was found.

    Raises Unprocessable for a query that is too long.
    """
    await request_parsing.check_query(context, request.query)
    request = replace(request, trace=SearchTrace() if explain else None)
    seconds, services = context.settings.filter_seconds, context.services
    if context.settings.rerank if rerank is None else rerank:
        matches = await reranked.search_conclusions(
            services.store, services.finder, services.reranker, request, seconds=seconds
        )
    else:
        matches = await search(services.store, services.finder, request, seconds=seconds)
    return serializers.found_conclusions(matches, request.trace)
