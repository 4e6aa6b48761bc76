"""The registry of tasks: kind of job → function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from omoide.core import clock
from omoide.core.jobs import DREAM, REASONING, REPRESENTATION, SUMMARY, Job
from omoide.core.settings import Settings
from omoide.services.container import Services
from omoide.storage import Transaction, conclusions, embeddings, purge, scope_backfill
from omoide.storage.engine import fulltext_rebuild, secure_delete
from omoide.storage.webhooks import DELIVERY
from omoide.worker import backfill, derive, dream, embed, erase, rebuild_index, summarize, webhooks
from omoide.worker.time_slice import TimeSlice

Task = Callable[[Services, Job], Awaitable[None]]
"""Runs one job, and must be idempotent: the job may have run before, partly or completely. An exception reschedules the
job; PermanentFailure ends it."""


async def purge_session(deps: Services, job: Job) -> None:
    """Remove the rows of a deleted session."""
    await _in_turns(deps, purge.session, int(job.payload["session"]))
    await deps.store.write(secure_delete.enqueue, clock.now())


async def purge_workspace(deps: Services, job: Job) -> None:
    """Remove the rows of a deleted workspace and of everything in it."""
    await _in_turns(deps, purge.workspace, int(job.payload["workspace"]))
    await deps.store.write(secure_delete.enqueue, clock.now())


async def purge_conclusions(deps: Services, job: Job) -> None:
    """Remove conclusions that were deleted before the grace period, and enqueue a job for the others."""
    await _in_turns(deps, purge.conclusions, clock.now() - conclusions.GRACE)
    await deps.store.write(conclusions.enqueue_purge, clock.now())
    await deps.store.write(secure_delete.enqueue, clock.now())


async def _in_turns(deps: Services, remove: Callable[[Transaction, int], bool], which: int) -> None:
    """Remove rows in batches until none is left. Raises JobUnfinished."""
    turn = TimeSlice()
    while await deps.store.write(remove, which):
        turn.end_if_over()


TASKS: Mapping[str, Task] = {
    REPRESENTATION: derive.derive,
    SUMMARY: summarize.summarize,
    DREAM: dream.dream,
    conclusions.PURGE: purge_conclusions,
    "purge_session": purge_session,
    "purge_workspace": purge_workspace,
    scope_backfill.COPY: backfill.copy,
    scope_backfill.FORGET: backfill.forget,
    DELIVERY: webhooks.deliver,
    embeddings.JOB: embed.embed,
    secure_delete.JOB: erase.erase,
    fulltext_rebuild.JOB: rebuild_index.rebuild_words,
}


def attempt_limits(settings: Settings) -> Mapping[str, int]:
    """Kind of job → maximum number of attempts. Other kinds are retried without limit."""
    reasoning = dict.fromkeys(REASONING, settings.reasoning_attempts)
    return {DELIVERY: settings.webhook_attempts, scope_backfill.COPY: backfill.BACKFILL_ATTEMPTS, **reasoning}
