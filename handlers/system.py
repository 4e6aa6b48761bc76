"""The operations of the tag `system`: health, readiness, metrics, and what the server is."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.metadata import version
from typing import Literal

from omoide.core import clock
from omoide.core.errors import Disabled, OmoideError
from omoide.generated import models
from omoide.handlers import inspection
from omoide.handlers.context import Context
from omoide.health import prometheus, readiness
from omoide.health.prometheus import Facts
from omoide.storage import database_stats


async def health_check(context: Context) -> models.Health:
    """Report that the server is alive, and the name of its reasoner. Touches no database."""
    return models.Health(status="ok", reasoner=context.services.reasoner.name)


async def readiness_check(context: Context) -> tuple[Literal[200, 503], models.Readiness]:
    """Report for each component whether it works."""
    services = context.services
    verdict = await readiness.check_readiness(
        services.store, services.settings, services.metrics, services.embedder.name, services.reasoner.name
    )
    parts = {name: models.ReadinessPart(status=part.status, detail=part.detail) for name, part in verdict.parts.items()}
    report = models.Readiness(status=verdict.status, parts=models.ReadinessParts(**parts))
    return 200 if verdict.is_ready else 503, report


async def get_metrics(context: Context) -> str:
    """Return the counters of all processes, and the state of the database."""
    return await _metrics(context, of_api=True)


async def get_deriver_metrics(context: Context) -> str:
    """Return the counters of the background work, and the state of the database."""
    return await _metrics(context, of_api=False)


async def _metrics(context: Context, *, of_api: bool) -> str:
    if context.settings.metrics == "off":
        raise Disabled("Metrics are disabled")
    try:
        async with asyncio.timeout(context.settings.ready_seconds):
            found = await context.store.read_at_once(database_stats.database_stats, clock.now())
    except (OmoideError, TimeoutError):
        found = None  # the counters are available without the database
    facts = Facts(
        vitals=found,
        file_bytes=database_stats.file_bytes(context.store.location),
        reasoner=context.services.reasoner.name,
        embedder=context.services.embedder.name,
        sqlite=database_stats.SQLITE_VERSION,
    )
    return await asyncio.to_thread(prometheus.text, context.services.metrics, facts, of_api=of_api)


async def get_server(context: Context) -> models.Server:
    """Describe the server: what it is, and what is switched on. Touches no database."""
    services, settings = context.services, context.settings
    return models.Server(
        name="Omoide",
        version=_version(),
        authentication=settings.auth,
        ui=settings.ui,
        ui_writes=settings.shows_writes,
        reasoner=services.reasoner.name,
        embedder=services.embedder.name,
        model=bool(settings.model),
    )


@cache
def _version() -> str:
    return version("omoide")


async def get_settings(context: Context) -> models.SettingList:
    """Return the settings that are in force."""
    return inspection.settings(context.settings)
