"""Update scopes after sessions were added or removed, in batches of rows."""

from __future__ import annotations

from dataclasses import replace

from omoide.core import clock
from omoide.core.job_payloads import DreamPayload, ScopeChange
from omoide.core.jobs import Job
from omoide.services.container import Services
from omoide.storage import Transaction, deletion_cascade, dream_jobs, observer_queries, scope_copies
from omoide.storage.dream_jobs import OMNI
from omoide.worker.time_slice import TimeSlice

BACKFILL_ATTEMPTS = 10
"""Attempts of a copy before the scope's status is `failed`: about a quarter of an hour, see `retry_delay`."""


async def copy(deps: Services, job: Job, change: ScopeChange) -> None:
    """Copy the explicit conclusions of the session to the scope, while the session is in it."""
    scope, session, after = change.scope, change.session, change.after
    turn = TimeSlice()
    while (last := await deps.store.write(scope_copies.copy_some, scope, session, after, clock.now())) is not None:
        after = last
        turn.end_if_over(replace(change, after=after))
    await deps.store.write(_enqueue_dreams, job, change)


async def forget(deps: Services, job: Job, change: ScopeChange) -> None:
    """Remove the conclusions of the session, and those derived from them, unless the session was added again."""
    scope, session = change.scope, change.session
    turn = TimeSlice()
    while pks := await deps.store.read_offloaded(scope_copies.to_forget, scope, session):
        for first in range(0, len(pks), scope_copies.ROWS_AT_A_TIME):
            some = pks[first : first + scope_copies.ROWS_AT_A_TIME]
            await deps.store.write(scope_copies.forget, scope, session, some, clock.now())
            turn.end_if_over()
    await deps.store.write(_renew, job, change)


def _enqueue_dreams(db: Transaction, job: Job, change: ScopeChange) -> None:
    """Enqueue dreams of the scope about all peers whose conclusions changed."""
    assert job.workspace is not None
    touched = scope_copies.touched(db, change.scope, change.session)
    for pair in dict.fromkeys(dream_jobs.owner(db, (change.scope, observed)) for observed, _ in touched):
        if pair is not None:
            observer, observed = (observer_queries.peer_id(db, peer) for peer in pair)
            dream = DreamPayload(observer, observed, None, OMNI, rebuild=True)
            dream_jobs.enqueue(db, job.workspace, pair, dream, clock.now(), afresh=True)


def _renew(db: Transaction, job: Job, change: ScopeChange) -> None:
    """Rebuild the scope's cards and enqueue dreams for all peers whose conclusions were removed."""
    assert job.workspace is not None
    now = clock.now()
    dream_jobs.interrupt(db, job.workspace, now)
    for observed, _ in scope_copies.touched(db, change.scope, change.session):
        deletion_cascade.renew(db, job.workspace, (change.scope, observed), now, is_redrawn=True)
