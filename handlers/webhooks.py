"""The operations of the tag `webhooks`."""

from __future__ import annotations

import logging
from typing import Literal

from omoide.core import clock
from omoide.core.records import PageRequest
from omoide.core.webhook_protocol import check_url
from omoide.generated import models, parameters
from omoide.handlers import serializers
from omoide.handlers.context import Context
from omoide.storage import webhooks

logger = logging.getLogger("omoide.webhooks")


async def list_webhook_endpoints(
    context: Context,
    *,
    workspace_id: str,
    query: parameters.ListWebhookEndpointsQuery,
) -> models.PageWebhookEndpoint:
    """Return a page of the workspace's endpoints."""
    return serializers.webhooks_page(
        await context.store.read(webhooks.page, workspace_id, PageRequest(query.page, query.size))
    )


async def get_or_create_webhook_endpoint(
    context: Context,
    *,
    workspace_id: str,
    body: models.WebhookEndpointCreate,
) -> tuple[Literal[200, 201], models.WebhookEndpoint]:
    """Return the endpoint, registered if missing."""
    check_url(body.url, private_targets=context.settings.webhook_private_targets)
    if found := await context.store.read(webhooks.find_by_url, workspace_id, body.url):
        return 200, serializers.webhook(found)
    record, created = await context.store.write(webhooks.get_or_create, workspace_id, body.url, clock.now())
    if not context.settings.webhook_secret.get_secret_value():
        logger.warning("webhook endpoint registered, but nothing will be sent: set OMOIDE_WEBHOOK_SECRET")
    return (201 if created else 200), serializers.webhook(record)


async def test_emit(context: Context, *, workspace_id: str) -> None:
    """Enqueue a `test.event` for every endpoint of the workspace."""
    await context.store.write(webhooks.emit_test, workspace_id, clock.now())
    context.services.wake_worker()


async def delete_webhook_endpoint(context: Context, *, workspace_id: str, endpoint_id: str) -> None:
    """Delete the endpoint and its pending deliveries."""
    await context.store.write(webhooks.delete, workspace_id, endpoint_id)
