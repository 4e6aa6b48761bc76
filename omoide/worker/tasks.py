"""The registry of tasks: kind of job → function."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from omoide import clock
from omoide.jobs import DREAM, REASONING, REPRESENTATION, SUMMARY, Job
from omoide.settings import Settings
from omoide.store import Connection, backfills, conclusions, embeddings, erasure, purge, word_rebuild
from omoide.store.webhooks import DELIVERY
from omoide.worker import dreaming, embedding, erasing, rebuilding, representation, scopes, summary, webhooks
from omoide.worker.time_slice import TimeSlice
from omoide.worker.tools import Task, Tools

__all__ = ["TASKS", "Task", "Tools", "attempt_limits"]


async def purge_session(tools: Tools, job: Job) -> None:
    """Remove the rows of a deleted session."""
    await _in_turns(tools, purge.session, int(job.payload["session"]))
    await tools.store.write(erasure.owe, clock.now())


async def purge_workspace(tools: Tools, job: Job) -> None:
    """Remove the rows of a deleted workspace and of everything in it."""
    await _in_turns(tools, purge.workspace, int(job.payload["workspace"]))
    await tools.store.write(erasure.owe, clock.now())


async def purge_conclusions(tools: Tools, job: Job) -> None:
    """Remove conclusions that were deleted before the grace period, and enqueue a job for the others."""
    await _in_turns(tools, purge.conclusions, clock.now() - conclusions.GRACE)
    await tools.store.write(conclusions.owe_purge, clock.now())
    await tools.store.write(erasure.owe, clock.now())


async def _in_turns(tools: Tools, remove: Callable[[Connection, int], bool], which: int) -> None:
    """Remove rows in batches until none is left. Raises Unfinished."""
    turn = TimeSlice()
    while await tools.store.write(remove, which):
        turn.end_if_over()


TASKS: Mapping[str, Task] = {
    REPRESENTATION: representation.derive,
    SUMMARY: summary.summarize,
    DREAM: dreaming.dream,
    conclusions.PURGE: purge_conclusions,
    "purge_session": purge_session,
    "purge_workspace": purge_workspace,
    backfills.COPY: scopes.copy,
    backfills.FORGET: scopes.forget,
    DELIVERY: webhooks.deliver,
    embeddings.JOB: embedding.embed,
    erasure.JOB: erasing.erase,
    word_rebuild.JOB: rebuilding.rebuild_words,
}


def attempt_limits(settings: Settings) -> Mapping[str, int]:
    """Kind of job → maximum number of attempts. Other kinds are retried without limit."""
    reasoning = dict.fromkeys(REASONING, settings.reasoning_attempts)
    return {DELIVERY: settings.webhook_attempts, backfills.COPY: scopes.BACKFILL_ATTEMPTS, **reasoning}
