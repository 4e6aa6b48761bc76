"""Store what models used, and pause workspaces that have spent their budget of tokens for the day.

Usage is counted in memory (`core.usage`), and stored when a job or an answer ends, or after `STORE_SECONDS`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from omoide.core import clock
from omoide.core.errors import OmoideError
from omoide.core.settings import Settings
from omoide.core.usage import TakenUsage
from omoide.services.container import Services
from omoide.storage import Transaction, budgets, model_usage
from omoide.storage.budgets import BudgetState

logger = logging.getLogger("omoide.spending")

STORE_SECONDS = 15.0
"""How long usage may stay in memory that no job and no answer stores: that of searches with an embedder's provider."""


async def settle(services: Services) -> None:
    """Store what this process has used since the last call. Never fails: what cannot be stored is kept for the next."""
    if not services.usage:
        return
    taken = services.usage.take()
    try:
        paused = await services.store.write(_add, taken, services.settings, clock.now())
    except OmoideError as error:
        services.usage.put_back(taken)
        logger.warning("usage of models not stored yet: %s", error)
    except asyncio.CancelledError:
        services.usage.put_back(taken)  # it may have been stored: better counted twice than never
        raise
    else:
        _log(paused)


async def review(services: Services, workspace: int | None = None) -> None:
    """Pause a workspace (row; None: all) or let it go on, because settings or its configuration may have changed."""
    _log(await services.store.write(_review, services.settings, workspace, clock.now()))


async def store_regularly(services: Services) -> None:
    """Store usage until cancelled."""
    while True:
        await asyncio.sleep(STORE_SECONDS)
        await settle(services)


def _add(db: Transaction, taken: TakenUsage, settings: Settings, now: int) -> list[BudgetState]:
    spenders = model_usage.add(db, taken, now, days=settings.usage_days)
    return budgets.review(db, spenders, settings.workspace_tokens_per_day, now) if settings.model else []


def _review(db: Transaction, settings: Settings, workspace: int | None, now: int) -> list[BudgetState]:
    if not settings.model:  # the embedded reasoner spends nothing
        budgets.resume_all(db, now)
        return []
    usual = settings.workspace_tokens_per_day
    return budgets.review_all(db, usual, now) if workspace is None else budgets.review(db, [workspace], usual, now)


def _log(paused: Sequence[BudgetState]) -> None:
    message = (
        "workspace %s has spent its budget of %d tokens for today (UTC): it waits until tomorrow or a higher budget"
    )
    for each in paused:
        logger.warning(message, each.workspace_id, each.limit)
