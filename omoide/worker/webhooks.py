"""Deliver an event to an endpoint: one job each, so that a dead endpoint does not delay others."""

from __future__ import annotations

from http import HTTPStatus

from omoide.core import clock, webhook_protocol
from omoide.core.errors import Unavailable
from omoide.core.job_payloads import DeliveryPayload
from omoide.core.jobs import Job, PermanentFailure
from omoide.core.redaction import redact_secrets
from omoide.services.container import Services
from omoide.storage import webhooks as endpoints
from omoide.worker.ssrf_guard import Forbidden, GuardedClient

OUTBOUND = GuardedClient()
NO_SECRET = "webhook_secret is not set: an event that cannot be signed is not sent (set OMOIDE_WEBHOOK_SECRET)"

# Statuses below 500 that are retried; 500 and above always are.
RETRYABLE = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class NotDelivered(Unavailable):
    """The endpoint did not accept the event; retried later."""


async def deliver(deps: Services, job: Job, delivery: DeliveryPayload, outbound: GuardedClient = OUTBOUND) -> None:
    """Post the job's signed event, and record the outcome with the endpoint; any 2xx is success. A deleted endpoint is
    skipped.

    Raises PermanentFailure if a retry would not help, and Unavailable if it may.
    """
    endpoint = await deps.store.read(endpoints.find, delivery.endpoint)
    if endpoint is None:
        return
    status: int | None = None
    failure: PermanentFailure | Unavailable | None = None
    told = None
    try:
        status = await _post(deps, endpoint.url, delivery, outbound)
        judge(status)
    except PermanentFailure as end:
        failure, told = end, end.reason
    except Unavailable as error:
        failure, told = error, error.detail
    await deps.store.write(endpoints.record_delivery, endpoint.id, status, told and redact_secrets(told), clock.now())
    if failure is not None:
        raise failure


async def _post(deps: Services, url: str, delivery: DeliveryPayload, outbound: GuardedClient) -> int:
    """Post the event, and return the status of the answer."""
    settings = deps.settings
    secret = settings.webhook_secret.get_secret_value()
    if not secret:
        raise PermanentFailure(NO_SECRET)
    content = webhook_protocol.body(delivery.type, delivery.data, clock.now())
    headers = {
        "Content-Type": "application/json",
        webhook_protocol.SIGNATURE_HEADER: webhook_protocol.signature(secret, content),
        webhook_protocol.DELIVERY_HEADER: delivery.delivery,
    }
    try:
        return await outbound.post(
            url,
            content,
            headers,
            seconds=settings.webhook_timeout_seconds,
            private_targets=settings.webhook_private_targets,
        )
    except Forbidden as refusal:
        raise PermanentFailure(f"{refusal} (see OMOIDE_WEBHOOK_PRIVATE_TARGETS)") from refusal


def judge(status: int) -> None:
    """Return if the status means success. Raises NotDelivered for a status that is retried, and PermanentFailure for
    others."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in RETRYABLE:
        raise NotDelivered(f"the endpoint answered {status}")
    raise PermanentFailure(f"the endpoint answered {status}")
