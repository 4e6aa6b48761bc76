"""Shared by the three message searches."""

from __future__ import annotations

from omoide.generated import models
from omoide.handlers import request_parsing, serializers
from omoide.handlers.context import Context
from omoide.search.messages import search
from omoide.storage import response_size
from omoide.storage.message_scope import MessageSearch


async def search_messages(context: Context, request: MessageSearch) -> list[models.Message]:
    """Search messages: best first, as many as fit into a response.

    Raises Unprocessable for a query that is too long.
    """
    await request_parsing.check_query(context, request.query)
    seconds = context.settings.filter_seconds
    hits = await search(context.store, context.services.finder, request, seconds=seconds)
    return serializers.messages(response_size.within(hits, context.settings.max_answer_bytes))
