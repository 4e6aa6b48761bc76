"""Update scopes after sessions were added or removed, in batches of rows."""

from __future__ import annotations

from omoide.core import clock
from omoide.core.jobs import MOST_NUMBER, Job
from omoide.services.container import Services
from omoide.storage import Transaction, deletion_cascade, dream_jobs, observer_queries, scope_copies
from omoide.storage.dream_jobs import OMNI
from omoide.worker.time_slice import TimeSlice

BACKFILL_ATTEMPTS = 10
"""Attempts of a copy before the scope's status is `failed`: about a quarter of an hour, see `retry_delay`."""


AFTER = "after"
"""Payload key of the last conclusion (row) copied."""


async def copy(deps: Services, job: Job) -> None:
    """Copy the explicit conclusions of the job's session to the scope, while the session is in it."""
    scope, session = int(job.payload["scope"]), int(job.payload["session"])
    turn, after = TimeSlice(), _progress(job)
    while (last := await deps.store.write(scope_copies.copy_some, scope, session, after, clock.now())) is not None:
        after = last
        turn.end_if_over({**job.payload, AFTER: after})
    await deps.store.write(_owe_dreams, job)


async def forget(deps: Services, job: Job) -> None:
    """Remove the conclusions of the job's session, and those derived from them, unless the session was added again."""
    scope, session = int(job.payload["scope"]), int(job.payload["session"])
    turn = TimeSlice()
    while pks := await deps.store.read_offloaded(scope_copies.to_forget, scope, session):
        for first in range(0, len(pks), scope_copies.ROWS_AT_A_TIME):
            some = pks[first : first + scope_copies.ROWS_AT_A_TIME]
            await deps.store.write(scope_copies.forget, scope, session, some, clock.now())
            turn.end_if_over()
    await deps.store.write(_renew, job)


def _progress(job: Job) -> int:
    after = job.payload.get(AFTER, 0)
    return after if type(after) is int and 0 <= after <= MOST_NUMBER else 0


def _owe_dreams(db: Transaction, job: Job) -> None:
    """Enqueue dreams of the scope about all peers whose conclusions changed."""
    assert job.workspace is not None
    scope = int(job.payload["scope"])
    for observed, observed_id in scope_copies.touched(db, scope, int(job.payload["session"])):
        payload = {
            "observer": observer_queries.peer_id(db, scope),
            "observed": observed_id,
            "session": None,
            "rebuild": True,
        }
        dream_jobs.enqueue(db, job.workspace, (scope, observed), OMNI, payload, clock.now(), afresh=True)


def _renew(db: Transaction, job: Job) -> None:
    """Rebuild the scope's cards and enqueue dreams for all peers whose conclusions were removed."""
    assert job.workspace is not None
    scope, session, now = int(job.payload["scope"]), int(job.payload["session"]), clock.now()
    dream_jobs.interrupt(db, job.workspace, now)
    for observed, _ in scope_copies.touched(db, scope, session):
        deletion_cascade.renew(db, job.workspace, (scope, observed), now, is_redrawn=True)
