"""Shared by the three message searches."""

from __future__ import annotations

from omoide.generated import models
from omoide.handlers import requests, shapes
from omoide.handlers.context import Context
from omoide.search.messages import MessageSearch, search
from omoide.store import answer_size


async def found(context: Context, request: MessageSearch) -> list[models.Message]:
    """Search messages: best first, as many as fit into a response.

    Raises Unprocessable for a query that is too long.
    """
    await requests.check_query(context, request.query)
    seconds = context.settings.filter_seconds
    hits = await search(context.store, context.finder, request, seconds=seconds)
    return shapes.messages(answer_size.within(hits, context.settings.max_answer_bytes))
