"""Claim, run, finish; again. Knows nothing of what jobs do.

A job is held by a lease that is renewed while it runs, so that a worker which dies lets go of it. A job that fails is
given back with its reason and tried again later. The loop looks for work when it is told (`wake`), and every
`poll_seconds` besides, for the jobs that other processes leave.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from omoide import clock
from omoide.errors import OmoideError
from omoide.jobs import Job, retry_after
from omoide.store import Store, queue
from omoide.worker.tasks import TASKS, Task

logger = logging.getLogger("omoide.worker")
SECOND = 1_000_000


class Worker:
    """Runs jobs one after another until cancelled."""

    def __init__(
        self,
        store: Store,
        *,
        poll_seconds: float,
        lease_seconds: float,
        tasks: Mapping[str, Task] = TASKS,
    ) -> None:
        self.store = store
        self.tasks = tasks
        self.poll_seconds = poll_seconds
        self.lease = int(lease_seconds * SECOND)
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look for jobs now. Call it from the loop's own thread."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled. A fault of the database ends nothing: it is logged and the loop goes on."""
        while True:
            self._woken.clear()
            try:
                while await self.run_one():
                    pass
            except Exception:
                logger.exception("the worker could not reach its jobs")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self.poll_seconds)

    async def run_one(self) -> bool:
        """Do the oldest job that is due, if any; says whether there was one."""
        if not self.store.read(queue.waiting, clock.now()):
            return False
        job = await self.store.write(queue.claim, clock.now(), lease=self.lease)
        if job is None:
            return False
        heartbeat = asyncio.create_task(self._hold(job))
        try:
            await self._attempt(job)
        finally:
            heartbeat.cancel()
        return True

    async def _attempt(self, job: Job) -> None:
        try:
            await self.tasks[job.kind](self.store, job)
        except Exception as error:
            logger.exception("job %s (%s) failed at attempt %s", job.pk, job.kind, job.attempts)
            due = clock.now() + int(retry_after(job.attempts) * SECOND)
            await self.store.write(queue.postpone, job, due, f"{type(error).__name__}: {error}")
        else:
            await self.store.write(queue.finish, job)

    async def _hold(self, job: Job) -> None:
        while True:
            await asyncio.sleep(self.lease / SECOND / 3)
            try:
                await self.store.write(queue.renew, job, clock.now(), lease=self.lease)
            except OmoideError as error:  # a database that is busy now may be free at the next beat
                logger.warning("the lease of job %s was not renewed: %s", job.pk, error)
