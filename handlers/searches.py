"""What the three searches for messages share."""

from __future__ import annotations

from generated import models
from handlers import requests, shapes
from handlers.context import Context
from omoide.search.messages import MessageSearch, search


async def found(context: Context, wanted: MessageSearch) -> list[models.Message]:
    """The messages that the search finds, best first. Raises Unprocessable for a query that is too long."""
    requests.check_query(context, wanted.query)
    seconds = context.settings.filter_seconds
    return shapes.messages(await search(context.store, context.finder, wanted, seconds=seconds))
