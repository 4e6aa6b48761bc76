"""The worker's loop: jobs run once, are retried after failures, and the loop ends only when cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

import pytest

from omoide.core import clock
from omoide.core.clock import SECOND
from omoide.core.errors import OmoideError
from omoide.core.jobs import Job, NewJob, PermanentFailure
from omoide.core.records import Change
from omoide.fairness import lanes
from omoide.services.container import Services
from omoide.storage import queue, workspaces
from omoide.storage.sqlite.engine import Store
from omoide.storage.sqlite.leader_lock import LeaderLock
from omoide.worker.loop import OutageLogger
from tests import sql
from tests.read_now import read_now
from tests.worker.loop_fixture import SOON, Diary, add, at_work, begin_and_never_end, fail, jobs, worker_on

HOUR = 3_600 * SECOND


def test_existing_jobs_run_in_order_and_are_removed(store: Store) -> None:
    async def scene() -> list[str]:
        diary = Diary()
        for name in ("one", "two", "three"):
            await add(store, "note", name)
        worker = worker_on(store, {"note": diary})
        while await worker.run_one():
            pass
        return [await diary.next() for _ in range(3)]

    assert asyncio.run(scene()) == ["one", "two", "three"]
    assert read_now(store, jobs) == []


def test_a_woken_worker_does_not_wait_for_the_next_poll(store: Store) -> None:
    async def scene() -> str:
        diary = Diary()
        await add(store, "note", "first")
        async with at_work(store, {"note": diary}) as worker:
            await diary.next()
            await add(store, "note", "second")
            worker.wake()
            return await diary.next()

    assert asyncio.run(scene()) == "second"


def test_a_job_of_another_process_is_found_by_polling(store: Store) -> None:
    async def scene() -> str:
        diary = Diary()
        async with at_work(store, {"note": diary}, poll=SOON):
            await add(store, "note", "found")
            return await diary.next()

    assert asyncio.run(scene()) == "found"


def test_a_job_whose_worker_died_is_claimed_again_when_its_lease_ends(store: Store) -> None:
    async def scene() -> Job:
        diary = Diary()
        await add(store, "note", "inherited")
        # The state left by a worker that died.
        assert await store.write(queue.claim, clock.now(), lease=SECOND // 10)
        async with at_work(store, {"note": diary}, poll=SOON):
            return await diary.notes.get()

    assert asyncio.run(scene()).attempts == 2


def test_the_lease_of_a_running_job_is_renewed(store: Store) -> None:
    async def scene() -> None:
        loop, begun = asyncio.get_running_loop(), Diary()
        renewals: asyncio.Queue[str] = asyncio.Queue()

        def watch(statement: str) -> None:
            if statement.startswith("UPDATE jobs SET leased_until") and "attempts + 1" not in statement:
                loop.call_soon_threadsafe(renewals.put_nowait, statement)

        await store.write(lambda db: db.set_trace_callback(watch))
        await add(store, "note", "long")
        async with at_work(store, {"note": begin_and_never_end(begun)}, lease=0.1):
            await begun.next()
            first = (await store.read(jobs))[0]["leased_until"]
            async with asyncio.timeout(30):
                while (await store.read(jobs))[0]["leased_until"] <= first:
                    await renewals.get()  # notified before the commit, but after the previous one
            await store.write(lambda db: db.set_trace_callback(None))

    asyncio.run(scene())


def test_a_failed_job_is_postponed_with_its_reason_and_others_continue(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> str:
        diary = Diary()
        await add(store, "fail", "bad")
        await add(store, "note", "good")
        async with at_work(store, {"fail": fail, "note": diary}):
            return await diary.next()

    before = clock.now()
    with caplog.at_level(logging.CRITICAL, "omoide.worker"):
        assert asyncio.run(scene()) == "good"
    left = read_now(store, jobs)[0]
    reason = "ValueError: no luck today"
    assert (left["kind"], left["attempts"], left["leased_until"], left["error"]) == ("fail", 1, None, reason)
    assert before + SECOND <= left["due_at"] <= clock.now() + SECOND


def test_a_failed_job_is_retried(store: Store) -> None:
    async def scene() -> list[int]:
        attempts: asyncio.Queue[int] = asyncio.Queue()

        async def succeed_at_last(deps: Services, job: Job) -> None:
            attempts.put_nowait(job.attempts)
            if job.attempts < 3:
                raise ValueError("not yet")

        await add(store, "note", "stubborn")
        worker = worker_on(store, {"note": succeed_at_last})
        while await store.read(jobs):
            await store.write(sql.make_due)
            await worker.run_one()
        return [attempts.get_nowait() for _ in range(attempts.qsize())]

    assert asyncio.run(scene()) == [1, 2, 3]
    assert read_now(store, jobs) == []


def test_a_database_outage_does_not_end_the_worker(store: Store) -> None:
    async def scene() -> str:
        diary = Diary()
        await store.write(sql.change, "ALTER TABLE jobs RENAME TO mislaid")
        async with at_work(store, {"note": diary}, poll=SOON) as worker:
            await asyncio.sleep(0)  # it has polled once
            await store.write(sql.change, "ALTER TABLE mislaid RENAME TO jobs")
            await add(store, "note", "at last")
            worker.wake()
            return await diary.next()

    assert asyncio.run(scene()) == "at last"


def test_a_worker_that_is_woken_and_cancelled_at_once_stops(store: Store) -> None:
    async def scene() -> bool:
        worker = worker_on(store, {})
        running = asyncio.create_task(worker.run())
        for _ in range(9):  # it finds no job, and waits
            await asyncio.sleep(0)
        worker.wake()
        running.cancel()
        await asyncio.wait({running}, timeout=30)
        return running.cancelled()

    assert asyncio.run(scene())


def test_a_cancelled_worker_releases_its_jobs(store: Store) -> None:
    async def scene() -> None:
        begun = Diary()
        await add(store, "note", "interrupted")
        async with at_work(store, {"note": begin_and_never_end(begun)}):
            await begun.next()

    asyncio.run(scene())
    (left,) = read_now(store, jobs)
    assert (left["attempts"], left["leased_until"], left["error"]) == (0, None, None)


def test_a_job_that_is_given_up_is_kept_with_its_reason_and_not_run_again(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse(deps: Services, job: Job) -> None:
        raise PermanentFailure("this cannot be done")

    async def scene() -> list[bool]:
        await add(store, "note", "hopeless")
        worker = worker_on(store, {"note": refuse})
        done = await worker.run_one()
        await store.write(sql.make_due)
        return [done, await worker.run_one()]

    with caplog.at_level(logging.CRITICAL, "omoide.worker"):
        assert asyncio.run(scene()) == [True, False]
    assert [left["error"] for left in read_now(store, jobs)] == ["this cannot be done"]


def test_several_jobs_run_at_once_but_no_kind_takes_the_last_slot(store: Store) -> None:
    async def scene() -> None:
        begun, diary = Diary(), Diary()
        for name in ("one", "two", "three"):
            await add(store, "long", name)
        await add(store, "note", "prompt")
        async with at_work(store, {"long": begin_and_never_end(begun), "note": diary}, concurrency=3):
            assert [await begun.next(), await begun.next()] == ["one", "two"]
            assert await diary.next() == "prompt"
            assert begun.notes.empty()

    asyncio.run(scene())


def test_jobs_with_the_same_key_run_sequentially_and_others_concurrently(store: Store) -> None:
    async def scene() -> list[str]:
        begun: asyncio.Queue[str] = asyncio.Queue()
        gate = asyncio.Event()

        async def task(deps: Services, job: Job) -> None:
            begun.put_nowait(job.payload["name"])
            await gate.wait()

        for name, key in (("a1", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a"), ("free", None)):
            await add(store, "note", name, key)
        async with at_work(store, {"note": task}, concurrency=6):
            at_once = sorted([await begun.get() for _ in range(3)])
            assert begun.empty()
            gate.set()
            return at_once + [await begun.get() for _ in range(2)]

    assert asyncio.run(scene()) == ["a1", "b1", "free", "a2", "a3"]


def test_a_job_waiting_for_a_retry_does_not_block_others_of_its_key(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> list[str]:
        done = []

        async def task(deps: Services, job: Job) -> None:
            if job.payload["name"] == "first" and job.attempts == 1:
                raise ValueError("not yet")
            done.append(job.payload["name"])

        for name in ("first", "second"):
            await add(store, "note", name, "key")
        worker = worker_on(store, {"note": task})
        while await worker.run_one():
            pass
        await store.write(sql.make_due)
        await worker.run_one()
        return done

    with caplog.at_level(logging.CRITICAL, "omoide.worker"):
        assert asyncio.run(scene()) == ["second", "first"]


def test_a_worker_that_cannot_write_logs_it_once_and_recovers(db_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> str:
        store = Store.open(db_path, busy_timeout=0.001)
        diary = Diary()
        await add(store, "note", "found")
        tried: asyncio.Queue[str] = asyncio.Queue()
        outage = OutageLogger.goes_on

        def counted(self: OutageLogger, error: OmoideError) -> None:
            outage(self, error)
            tried.put_nowait(error.detail)

        with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as lock:
            patch.setattr(OutageLogger, "goes_on", counted)
            lock.enter_context(sql.locked(db_path))
            async with at_work(store, {"note": diary}, poll=SOON):
                for _ in range(5):
                    assert await tried.get() == "The database is locked by another process"
                assert diary.notes.empty()
                lock.close()
                found = await diary.next()
        store.close()
        return found

    with caplog.at_level(logging.WARNING, "omoide.worker"):
        assert asyncio.run(scene()) == "found"
    assert caplog.messages == [
        "worker waiting for the database: The database is locked by another process",
        "worker resumed",
    ]


@pytest.mark.parametrize(("moved", "due"), [(-3 * HOUR, 8 * HOUR), (3 * HOUR, 11 * HOUR), (-SECOND // 2, 11 * HOUR)])
def test_times_are_limited_only_after_the_clock_was_set_back(
    moved: int, due: int, db_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: 10 * HOUR)

    async def scene() -> int:
        store = Store.open(db_path)
        worker = worker_on(store, {}, leadership=LeaderLock(db_path))
        await store.write(queue.add, NewJob("note", {}, due_at=11 * HOUR), 10 * HOUR)
        await worker._limit_times()
        monkeypatch.setattr(clock, "now", lambda: 10 * HOUR + moved)
        await worker._limit_times()
        (found,) = await store.read(sql.row, "SELECT due_at FROM jobs")
        store.close()
        return int(found)

    assert asyncio.run(scene()) == due


def test_a_clock_set_back_during_an_outage_is_corrected_afterwards(
    db_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    goes_on, is_over = OutageLogger.goes_on, OutageLogger.is_over

    def failed(self: OutageLogger, error: OmoideError) -> None:
        goes_on(self, error)
        told.put_nowait("waits")

    def succeeded(self: OutageLogger) -> None:
        is_over(self)
        told.put_nowait("works")

    monkeypatch.setattr(clock, "now", lambda: 10 * HOUR)
    monkeypatch.setattr(OutageLogger, "goes_on", failed)
    monkeypatch.setattr(OutageLogger, "is_over", succeeded)

    async def comes(what: str) -> None:
        while await told.get() != what:
            pass

    async def scene() -> int:
        store = Store.open(db_path, busy_timeout=0.001)
        await store.write(queue.add, NewJob("note", {}, due_at=11 * HOUR), 10 * HOUR)
        async with at_work(store, {"note": Diary()}, poll=SOON, leadership=LeaderLock(db_path)):
            await comes("works")
            with sql.locked(db_path):
                monkeypatch.setattr(clock, "now", lambda: 7 * HOUR)
                await comes("waits")
            await comes("works")
        due = await store.read(sql.value, "SELECT due_at FROM jobs")
        store.close()
        return int(due)

    with caplog.at_level(logging.CRITICAL, "omoide.worker"):
        assert asyncio.run(scene()) == 8 * HOUR


def test_a_job_belongs_to_the_lane_of_its_workspace(store: Store) -> None:
    noted: asyncio.Queue[lanes.Lane] = asyncio.Queue()

    async def task(deps: Services, job: Job) -> None:
        noted.put_nowait(lanes.current_work.get().lane)

    async def story() -> list[lanes.Lane]:
        for workspace in ("one", "another"):
            await store.write(workspaces.get_or_create, workspace, Change(), clock.now())
        for pk in (1, 2):
            await store.write(queue.add, NewJob("note", {}, key=None, coalesce=False, workspace=pk), clock.now())
        async with at_work(store, {"note": task}):
            return [await noted.get(), await noted.get()]

    assert asyncio.run(story()) == [lanes.Lane("1", ""), lanes.Lane("2", "")]
