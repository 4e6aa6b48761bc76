"""Brings scopes up to date with the sessions that entered and left them, a limited number of rows at a time."""

from __future__ import annotations

from omoide import clock
from omoide.jobs import MOST_NUMBER, Job
from omoide.store import Connection, backfills, dream_queue, forgetting, observing
from omoide.store.dream_queue import OMNI
from omoide.worker.time_slice import TimeSlice
from omoide.worker.tools import Tools

BACKFILL_ATTEMPTS = 10
"""How often copying is tried before the scope's status says `failed`: about a quarter of an hour, see `retry_after`."""


AFTER = "after"
"""Where the payload of a job that was begun holds the conclusion (its row) behind which it goes on."""


async def copy(tools: Tools, job: Job) -> None:
    """Let the scope know what is known explicitly from the job's session, while that is in it."""
    scope, session = int(job.payload["scope"]), int(job.payload["session"])
    turn, after = TimeSlice(), _progress(job)
    while (last := await tools.store.write(backfills.copy_some, scope, session, after, clock.now())) is not None:
        after = last
        turn.end_if_over({**job.payload, AFTER: after})
    await tools.store.write(_owe_dreams, job)


async def forget(tools: Tools, job: Job) -> None:
    """Let the scope forget what it knew from the job's session and what rests on that, unless it is back."""
    scope, session = int(job.payload["scope"]), int(job.payload["session"])
    turn = TimeSlice()
    while pks := await tools.store.read_aside(backfills.to_forget, scope, session):
        for first in range(0, len(pks), backfills.ROWS_AT_A_TIME):
            some = pks[first : first + backfills.ROWS_AT_A_TIME]
            await tools.store.write(backfills.forget, scope, session, some, clock.now())
            turn.end_if_over()
    await tools.store.write(_renew, job)


def _progress(job: Job) -> int:
    after = job.payload.get(AFTER, 0)
    return after if type(after) is int and 0 <= after <= MOST_NUMBER else 0


def _owe_dreams(db: Connection, job: Job) -> None:
    """The scope knows more: let it dream of everybody whom that concerns."""
    assert job.workspace is not None
    scope = int(job.payload["scope"])
    for observed, observed_id in backfills.touched(db, scope, int(job.payload["session"])):
        told = {"observer": observing.peer_id(db, scope), "observed": observed_id, "session": None, "rebuild": True}
        dream_queue.owe(db, job.workspace, (scope, observed), OMNI, told, clock.now(), afresh=True)


def _renew(db: Connection, job: Job) -> None:
    """The scope knows less: make its cards of what remains, and let it dream again of everybody whom that concerns."""
    assert job.workspace is not None
    scope, session, now = int(job.payload["scope"]), int(job.payload["session"]), clock.now()
    dream_queue.interrupt(db, job.workspace, now)
    for observed, _ in backfills.touched(db, scope, session):
        forgetting.renew(db, job.workspace, (scope, observed), now, is_redrawn=True)
