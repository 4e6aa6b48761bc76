"""A worker on a store, with tasks that record what they were given."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from omoide.core import clock
from omoide.core.jobs import Job, NewJob, retry_delay
from omoide.core.settings import Settings
from omoide.inference.wordllama_embedder import WordLlamaEmbedder
from omoide.services.container import Services, open_services
from omoide.storage import Store, Transaction, queue
from omoide.storage.sqlite.leader_lock import LeaderLock
from omoide.worker.loop import Worker
from omoide.worker.tasks import Task
from tests import sql

NEVER = 3_600.0
SOON = 0.02


class Diary:
    """A task that records each job, and can be awaited."""

    def __init__(self) -> None:
        self.notes: asyncio.Queue[Job] = asyncio.Queue()

    async def __call__(self, deps: Services, job: Job) -> None:
        self.notes.put_nowait(job)

    async def next(self) -> str:
        return str((await self.notes.get()).payload["name"])


async def fail(deps: Services, job: Job) -> None:
    raise ValueError("no luck today")


def begin_and_never_end(begun: Diary) -> Task:
    async def task(deps: Services, job: Job) -> None:
        await begun(deps, job)
        await asyncio.Event().wait()

    return task


async def add(store: Store, kind: str, name: str, key: str | None = None) -> None:
    await store.write(queue.add, NewJob(kind, {"name": name}, key=key, coalesce=False), clock.now())


def worker_on(
    store: Store,
    tasks: Mapping[str, Task],
    *,
    poll: float = NEVER,
    lease: float = NEVER,
    concurrency: int = 1,
    leadership: LeaderLock | None = None,
) -> Worker:
    settings = Settings.model_validate(
        {
            "db": store.location,
            "shutdown_grace_seconds": 0,  # do not wait for jobs that never end
            "job_poll_seconds": poll,
            "job_lease_seconds": lease,
            "worker_concurrency": concurrency,
        }
    )
    deps = open_services(settings, store=store, embedder=WordLlamaEmbedder())
    return Worker(deps, leadership=leadership, tasks=tasks, rest=lambda attempts: retry_delay(attempts, 1.0))


@contextlib.asynccontextmanager
async def at_work(store: Store, tasks: Mapping[str, Task], **options: Any) -> AsyncIterator[Worker]:
    """A worker that runs within the block. The options are those of `worker_on`."""
    worker = worker_on(store, tasks, **options)
    running = asyncio.create_task(worker.run())
    try:
        yield worker
        assert not running.done()
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def jobs(db: Transaction) -> list[dict[str, Any]]:
    columns = ("kind", "due_at", "attempts", "leased_until", "error")
    found = sql.rows(db, f"SELECT {', '.join(columns)} FROM jobs ORDER BY pk")
    return [dict(zip(columns, row, strict=True)) for row in found]
