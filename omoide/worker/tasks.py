"""Kind of job → what to do. The one registry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from omoide.jobs import Job
from omoide.store import Store, purge

Task = Callable[[Store, Job], Awaitable[None]]


async def purge_session(store: Store, job: Job) -> None:
    """Remove the rows of a deleted session."""
    while await store.write(purge.session, int(job.payload["session"])):
        pass


async def purge_workspace(store: Store, job: Job) -> None:
    """Remove the rows of a deleted workspace and of everything in it."""
    while await store.write(purge.workspace, int(job.payload["workspace"])):
        pass


TASKS: Mapping[str, Task] = {"purge_session": purge_session, "purge_workspace": purge_workspace}
