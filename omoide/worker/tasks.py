"""The registry of tasks: kind of job → function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from omoide.core import clock
from omoide.core.job_payloads import (
    REASONING,
    DeliveryPayload,
    DreamPayload,
    Erasure,
    IndexConversion,
    IndexRebuild,
    JobKind,
    Payload,
    PeerMerge,
    PeerPurge,
    ScopeChange,
    SessionPurge,
    SummaryPayload,
    TopicFill,
    WorkspacePurge,
    WorkUnit,
)
from omoide.core.jobs import Job
from omoide.core.settings import Settings
from omoide.services.container import Services
from omoide.storage import Transaction, conclusions, peer_purge, purge
from omoide.storage.engine import secure_delete
from omoide.worker import (
    backfill,
    derive,
    dream,
    embed,
    erase,
    fill_topics,
    merge_peers,
    rebuild_index,
    summarize,
    webhooks,
)
from omoide.worker.time_slice import TimeSlice

Task = Callable[[Services, Job], Awaitable[None]]
"""Runs one job, and must be idempotent: the job may have run before, partly or completely. An exception reschedules the
job; PermanentFailure ends it."""


async def purge_session(deps: Services, job: Job, purged: SessionPurge) -> None:
    """Remove the rows of a deleted session."""
    await _in_turns(deps, purge.session, purged.session)
    await deps.store.write(secure_delete.enqueue, clock.now())


async def purge_workspace(deps: Services, job: Job, purged: WorkspacePurge) -> None:
    """Remove the rows of a deleted workspace and of everything in it."""
    await _in_turns(deps, purge.workspace, purged.workspace)
    await deps.store.write(secure_delete.enqueue, clock.now())


async def purge_peer(deps: Services, job: Job, purged: PeerPurge) -> None:
    """Remove the rows of a deleted peer, and what came only from it."""
    await _in_turns(deps, peer_purge.peer, purged.peer)
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
        await turn.next_step()


P = TypeVar("P", bound=Payload)


def typed(payload: type[P], run: Callable[[Services, Job, P], Awaitable[None]]) -> Task:
    """A task that gets the record of its payload as well. It raises InvalidPayload."""

    async def task(deps: Services, job: Job) -> None:
        await run(deps, job, payload.from_json(job.payload))

    return task


TASKS: Mapping[str, Task] = {
    JobKind.REPRESENTATION: typed(WorkUnit, derive.derive),
    JobKind.SUMMARY: typed(SummaryPayload, summarize.summarize),
    JobKind.DREAM: typed(DreamPayload, dream.dream),
    JobKind.PURGE_CONCLUSIONS: purge_conclusions,
    JobKind.PURGE_SESSION: typed(SessionPurge, purge_session),
    JobKind.PURGE_PEER: typed(PeerPurge, purge_peer),
    JobKind.PURGE_WORKSPACE: typed(WorkspacePurge, purge_workspace),
    JobKind.SCOPE_BACKFILL: typed(ScopeChange, backfill.copy),
    JobKind.SCOPE_REMOVAL: typed(ScopeChange, backfill.forget),
    JobKind.MERGE_PEERS: typed(PeerMerge, merge_peers.merge),
    JobKind.DELIVER_WEBHOOK: typed(DeliveryPayload, webhooks.deliver),
    JobKind.EMBED: embed.embed,
    JobKind.ERASE: typed(Erasure, erase.erase),
    JobKind.FILL_TOPICS: typed(TopicFill, fill_topics.fill_topics),
    JobKind.REBUILD_WORDS: typed(IndexRebuild, rebuild_index.rebuild_words),
    JobKind.CONVERT_WORDS: typed(IndexConversion, rebuild_index.convert_words),
}


def attempt_limits(settings: Settings) -> Mapping[str, int]:
    """Kind of job → maximum number of attempts. Other kinds are retried without limit."""
    reasoning: dict[str, int] = dict.fromkeys(REASONING, settings.reasoning_attempts)
    return {
        JobKind.DELIVER_WEBHOOK: settings.webhook_attempts,
        JobKind.SCOPE_BACKFILL: backfill.BACKFILL_ATTEMPTS,
        **reasoning,
    }
