"""The operations of the tag `webhooks`."""

from __future__ import annotations

from typing import Literal

from omoide.core import clock
from omoide.core.records import PageRequest
from omoide.generated import models, parameters
from omoide.handlers import serializers
from omoide.handlers.context import Context
from omoide.services import get_or_create
from omoide.storage import webhooks


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
    record, created = await get_or_create.webhook(context.services, workspace_id, body.url)
    return (201 if created else 200), serializers.webhook(record)


async def test_emit(context: Context, *, workspace_id: str) -> None:
    """Enqueue a `test.event` for every endpoint of the workspace."""
    await context.store.write(webhooks.emit_test, workspace_id, clock.now())
    context.services.wake_worker()


async def delete_webhook_endpoint(context: Context, *, workspace_id: str, endpoint_id: str) -> None:
    """Delete the endpoint and its pending deliveries."""
    await context.store.write(webhooks.delete, workspace_id, endpoint_id)
