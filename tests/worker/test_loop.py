"""The worker does every job once if it can, again if it must, and nothing stops it but being told to."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from omoide import clock
from omoide.jobs import Job
from omoide.store import Connection, Store, queue
from omoide.worker.loop import SECOND, Worker
from omoide.worker.tasks import Task

NEVER = 3_600.0
SOON = 0.02


@pytest.fixture
def store(db_path: Path) -> Iterator[Store]:
    opened = Store.open(db_path)
    yield opened
    opened.close()


class Diary:
    """A task that notes each job it is given, and can be waited for."""

    def __init__(self) -> None:
        self.notes: asyncio.Queue[Job] = asyncio.Queue()

    async def __call__(self, store: Store, job: Job) -> None:
        self.notes.put_nowait(job)

    async def next(self) -> str:
        return str((await self.notes.get()).payload["name"])


async def fail(store: Store, job: Job) -> None:
    raise ValueError("no luck today")


def begin_and_never_end(begun: Diary) -> Task:
    async def task(store: Store, job: Job) -> None:
        await begun(store, job)
        await asyncio.Event().wait()

    return task


async def add(store: Store, kind: str, name: str) -> None:
    await store.write(queue.add, kind, {"name": name}, clock.now())


@contextlib.asynccontextmanager
async def at_work(
    store: Store, tasks: Mapping[str, Task], *, poll: float = NEVER, lease: float = NEVER
) -> AsyncIterator[Worker]:
    worker = Worker(store, poll_seconds=poll, lease_seconds=lease, tasks=tasks)
    running = asyncio.create_task(worker.run())
    try:
        yield worker
        assert not running.done()
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def jobs(db: Connection) -> list[dict[str, Any]]:
    cursor = db.execute("SELECT kind, due_at, attempts, leased_until, error FROM jobs ORDER BY pk")
    return [dict(zip([column[0] for column in cursor.description], row, strict=True)) for row in cursor]


def test_jobs_left_from_before_are_done_in_order_and_removed(store: Store) -> None:
    async def scene() -> list[str]:
        diary = Diary()
        for name in ("one", "two", "three"):
            await add(store, "note", name)
        worker = Worker(store, poll_seconds=NEVER, lease_seconds=NEVER, tasks={"note": diary})
        while await worker.run_one():
            pass
        return [await diary.next() for _ in range(3)]

    assert asyncio.run(scene()) == ["one", "two", "three"]
    assert store.read(jobs) == []


def test_a_woken_worker_does_not_wait_for_its_next_look(store: Store) -> None:
    async def scene() -> str:
        diary = Diary()
        await add(store, "note", "first")
        async with at_work(store, {"note": diary}) as worker:
            await diary.next()
            await add(store, "note", "second")
            worker.wake()
            return await diary.next()

    assert asyncio.run(scene()) == "second"


def test_a_job_that_another_process_left_is_found_without_being_woken(store: Store) -> None:
    async def scene() -> str:
        diary = Diary()
        async with at_work(store, {"note": diary}, poll=SOON):
            await add(store, "note", "found")
            return await diary.next()

    assert asyncio.run(scene()) == "found"


def test_a_job_whose_worker_died_passes_on_when_its_lease_ends(store: Store) -> None:
    async def scene() -> Job:
        begun, diary = Diary(), Diary()
        await add(store, "note", "inherited")
        async with at_work(store, {"note": begin_and_never_end(begun)}, lease=0.1):
            await begun.next()
        async with at_work(store, {"note": diary}, poll=SOON):
            return await diary.notes.get()

    assert asyncio.run(scene()).attempts == 2


def test_the_lease_of_a_job_under_way_is_renewed(store: Store) -> None:
    async def scene() -> None:
        loop, begun = asyncio.get_running_loop(), Diary()
        renewals: asyncio.Queue[str] = asyncio.Queue()

        def watch(statement: str) -> None:
            if statement.startswith("UPDATE jobs SET leased_until") and "attempts" not in statement:
                loop.call_soon_threadsafe(renewals.put_nowait, statement)

        await store.write(lambda db: db.set_trace_callback(watch))
        await add(store, "note", "long")
        async with at_work(store, {"note": begin_and_never_end(begun)}, lease=0.1):
            await begun.next()
            first = store.read(jobs)[0]["leased_until"]
            for _ in range(2):  # when the second one comes, the first is committed
                await renewals.get()
            assert store.read(jobs)[0]["leased_until"] > first
            await store.write(lambda db: db.set_trace_callback(None))

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("kind", "reason"), [("fail", "ValueError: no luck today"), ("unknown", "KeyError: 'unknown'")]
)
def test_a_job_that_fails_is_postponed_with_its_reason_and_others_go_on(
    kind: str, reason: str, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> str:
        diary = Diary()
        await add(store, kind, "bad")
        await add(store, "note", "good")
        async with at_work(store, {"fail": fail, "note": diary}):
            return await diary.next()

    before = clock.now()
    with caplog.at_level(logging.CRITICAL, "omoide.worker"):
        assert asyncio.run(scene()) == "good"
    left = store.read(jobs)[0]
    assert (left["kind"], left["attempts"], left["leased_until"], left["error"]) == (kind, 1, None, reason)
    assert before + SECOND <= left["due_at"] <= clock.now() + SECOND


def test_a_job_that_failed_is_tried_again(store: Store) -> None:
    async def scene() -> list[int]:
        attempts: asyncio.Queue[int] = asyncio.Queue()

        async def succeed_at_last(store: Store, job: Job) -> None:
            attempts.put_nowait(job.attempts)
            if job.attempts < 3:
                raise ValueError("not yet")

        await add(store, "note", "stubborn")
        worker = Worker(store, poll_seconds=NEVER, lease_seconds=NEVER, tasks={"note": succeed_at_last})
        while store.read(jobs):
            await store.write(lambda db: db.execute("UPDATE jobs SET due_at = 0"))
            await worker.run_one()
        return [attempts.get_nowait() for _ in range(attempts.qsize())]

    assert asyncio.run(scene()) == [1, 2, 3]
    assert store.read(jobs) == []


def test_a_database_that_cannot_be_used_for_a_while_does_not_end_the_worker(store: Store) -> None:
    async def scene() -> str:
        diary = Diary()
        await store.write(lambda db: db.execute("ALTER TABLE jobs RENAME TO mislaid"))
        async with at_work(store, {"note": diary}, poll=SOON) as worker:
            await asyncio.sleep(0)  # it has looked once
            await store.write(lambda db: db.execute("ALTER TABLE mislaid RENAME TO jobs"))
            await add(store, "note", "at last")
            worker.wake()
            return await diary.next()

    assert asyncio.run(scene()) == "at last"
