"""Carries one event to one endpoint: a job each, so that a dead endpoint holds up no other."""

from __future__ import annotations

from http import HTTPStatus

from omoide import clock, webhooks
from omoide.errors import Unavailable
from omoide.jobs import GiveUp, Job
from omoide.store import webhooks as endpoints
from omoide.worker.outbound import Forbidden
from omoide.worker.tools import Tools

NO_SECRET = "webhook_secret is not set: an event that cannot be signed is not sent (set OMOIDE_WEBHOOK_SECRET)"

# Answers below 500 that ask for another try; 500 and above always do.
RETRYABLE = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class NotDelivered(Unavailable):
    """The endpoint did not take the event this time."""


async def deliver(tools: Tools, job: Job) -> None:
    """Post the job's event, signed; any 2xx is success. An endpoint that is gone needs nothing any more.

    Raises GiveUp if trying again would not help, and Unavailable if it may.
    """
    settings = tools.settings
    endpoint = tools.store.read(endpoints.find, job.payload["endpoint"])
    if endpoint is None:
        return
    secret = settings.webhook_secret.get_secret_value()
    if not secret:
        raise GiveUp(NO_SECRET)
    content = webhooks.body(job.payload["type"], job.payload["data"], clock.instant(clock.now()))
    headers = {
        "Content-Type": "application/json",
        webhooks.SIGNATURE_HEADER: webhooks.signature(secret, content),
        webhooks.DELIVERY_HEADER: job.payload["delivery"],
    }
    try:
        status = await tools.outbound.post(
            endpoint.url,
            content,
            headers,
            seconds=settings.webhook_timeout_seconds,
            private_targets=settings.webhook_private_targets,
        )
    except Forbidden as refusal:
        raise GiveUp(f"{refusal} (see OMOIDE_WEBHOOK_PRIVATE_TARGETS)") from refusal
    judge(status)


def judge(status: int) -> None:
    """Return if the status means success. Raises GiveUp for one that will not change, NotDelivered for others."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in RETRYABLE:
        raise NotDelivered(f"the endpoint answered {status}")
    raise GiveUp(f"the endpoint answered {status}")
