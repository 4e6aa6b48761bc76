"""The server itself."""

from __future__ import annotations

from generated import models
from handlers.context import Context


async def health_check(context: Context) -> models.Health:
    """Say that the server is alive, and which reasoner is at work; nothing is asked of it."""
    return models.Health(status="ok", reasoner=context.reasoner.name)
