"""Long jobs run in time slices, between which others run, without losing work."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from pathlib import Path

import pytest

from omoide.core import clock
from omoide.core import offload as asides
from omoide.core.jobs import Job, NewJob
from omoide.core.offload import offload
from omoide.services.container import Services
from omoide.storage import Store, Transaction, deletion_cascade, embeddings, queue, scopes
from omoide.storage.sqlite import secure_delete
from omoide.storage.sqlite.free_space import PAGES_AT_A_TIME
from omoide.worker import time_slice
from omoide.worker.tasks import Task
from omoide.worker.time_slice import JobSlot
from tests import sql
from tests.read_now import read_now
from tests.worker.loop_fixture import Diary, at_work
from tests.worker.test_contention import Restless
from tests.worker.worker_fixture import Home

LONG = "I live in Porto. " * 250
"""A message that fills a window."""


@pytest.fixture
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time slice is over after its first step."""
    monkeypatch.setattr(time_slice, "SLICE_SECONDS", 0.0)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a worker process: computations run in its event loop."""
    monkeypatch.setattr(asides, "runs_in_threads", lambda: False)


async def workspaces(store: Store, *names: str) -> dict[str, int]:
    def make(db: Transaction) -> dict[str, int]:
        insert = """INSERT INTO workspaces (id, uid, metadata, configuration, created_at)
            VALUES (?, ?, '{}', '{}', 1) RETURNING pk"""
        return {name: sql.value(db, insert, (name, name)) for name in names}

    return await store.write(make)


async def add(store: Store, workspace: int, name: str, kind: str = "note") -> None:
    await store.write(queue.add, NewJob(kind, {"name": name}, workspace=workspace, coalesce=False), clock.now())


def claimed(home: Home) -> list[tuple[str, int]]:
    """Record kind and attempts of every claim."""
    found: list[tuple[str, int]] = []
    do = home.worker._do

    async def noted(job: Job, place: JobSlot | None = None) -> None:
        found.append((job.kind, job.attempts))
        await do(job, place)

    home.worker._do = noted  # type: ignore[method-assign]
    return found


async def said(home: Home, count: int, content: str = LONG) -> None:
    await home.say(*(f"alice {content}{n}" for n in range(count)))


@pytest.mark.usefixtures("short_turns")
def test_a_long_unit_is_given_back_after_each_window_without_using_attempts(db_path: Path) -> None:
    async def story() -> None:
        home = await Home(db_path, batch_tokens=1_024).open()
        await said(home, 3)
        await home.say("bob I like tea.", session="other")
        kinds = claimed(home)
        await home.work()
        assert [attempts for kind, attempts in kinds if kind == "representation"] == [1, 1, 1, 1]
        assert home.status()["s"].completed == 3
        assert home.status()["s"].in_progress == home.status()["s"].pending == 0
        assert home.texts("bob", "bob") == ["bob likes tea"]
        home.store.close()

    asyncio.run(story())


@pytest.mark.usefixtures("short_turns")
def test_a_short_unit_runs_after_one_window_of_a_long_one(db_path: Path) -> None:
    async def story() -> None:
        home = await Home(db_path, batch_tokens=1_024).open()
        await said(home, 20)
        while not home.status()["s"].completed:
            assert await home.worker.run_one()
        await home.say("bob I like tea.", session="other")
        while home.texts("bob", "bob") != ["bob likes tea"]:
            assert await home.worker.run_one()
        assert home.status()["s"].pending > 0
        home.store.close()

    asyncio.run(story())


@pytest.mark.usefixtures("short_turns")
def test_a_worker_that_dies_between_time_slices_loses_nothing(db_path: Path) -> None:
    async def story() -> None:
        home = await Home(db_path, batch_tokens=1_024).open()
        await said(home, 4)
        for _ in range(3):
            await home.worker.run_one()
        await home.store.write(queue.claim, clock.now(), lease=0)  # and it disappears
        home.worker = home.new_worker()
        await home.work()
        assert home.status()["s"].completed == 4
        home.store.close()

    asyncio.run(story())


def jobs(store: Store) -> Counter[str]:
    return Counter(kind for (kind,) in read_now(store, sql.rows, "SELECT kind FROM jobs"))


@pytest.mark.usefixtures("short_turns")
def test_embedding_runs_in_time_slices(db_path: Path) -> None:
    async def story() -> None:
        home = await Home(db_path).open()
        await said(home, 5, "x" * (embeddings.MOST_CHARACTERS // 2))
        kinds = claimed(home)
        await home.work()
        assert len([kind for kind, _ in kinds if kind == "embed"]) > 2
        assert await home.store.read(sql.count, "message_vectors") == 5
        home.store.close()

    asyncio.run(story())


def enlarge(db: Transaction) -> None:
    """Give the file more pages than are scanned at a time."""
    sql.change(db, "CREATE TABLE ballast (a)")
    sql.change(
        db,
        f"""WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {PAGES_AT_A_TIME + 9})
        INSERT INTO ballast SELECT zeroblob(4000) FROM n""",
    )


@pytest.mark.usefixtures("short_turns")
def test_a_deleted_session_is_removed_and_erased_in_time_slices(db_path: Path) -> None:
    async def story() -> None:
        home = await Home(db_path).open()
        await home.say(*(f"alice canary number {n}" for n in range(130)))
        await home.work()
        await home.store.write(enlarge)
        await home.store.write(deletion_cascade.delete_session, "w", "s", clock.now())
        await home.store.write(sql.make_due)
        kinds = claimed(home)
        await home.work()
        await home.store.write(sql.change, "UPDATE jobs SET due_at = 0 WHERE kind = 'erase'")
        await home.work()
        counts = Counter(kind for kind, _ in kinds)
        assert counts["purge_session"] > 2
        assert counts["erase"] > 2
        assert "erase" not in jobs(home.store)
        assert await home.store.read(sql.count, "messages") == 0
        home.store.close()

    asyncio.run(story())
    assert b"canary number" not in db_path.read_bytes()


@pytest.mark.usefixtures("short_turns")
def test_deletions_between_slices_of_erasure_enqueue_another_job(store: Store) -> None:
    async def scene() -> None:
        await store.write(secure_delete.enqueue, 0)
        job = await store.write(queue.claim, LATER, lease=1)
        assert job is not None
        await store.write(queue.give_back, job, 0, {"page": 3})
        await store.write(secure_delete.enqueue, 0)
        await store.write(secure_delete.enqueue, 0)

    asyncio.run(scene())
    assert jobs(store)["erase"] == 2


LATER = 10**15


@pytest.mark.usefixtures("short_turns")
def test_a_scope_is_updated_in_time_slices(db_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omoide.storage.scope_copies.ROWS_AT_A_TIME", 3)

    async def story() -> None:
        home = await Home(db_path).open()
        await home.say(*(f"alice I own boat number {n}." for n in range(10)))
        await home.work()
        await home.store.write(scopes.get_or_create, "w", "crew", None, 0)
        await home.store.write(scopes.add_sessions, "w", "crew", ["s"], clock.now())
        kinds = claimed(home)
        await home.work()
        assert len([kind for kind, _ in kinds if kind == "scope_backfill"]) > 2
        assert len(home.known("scope.crew", "alice")) >= 10
        home.store.close()

    asyncio.run(story())


def computing(steps: int, notes: Diary) -> Task:
    """A task that computes a number of steps, and records each."""

    async def task(deps: Services, job: Job) -> None:
        for _ in range(steps):
            await offload(lambda: None)
            await notes(deps, job)

    return task


@pytest.mark.usefixtures("short_turns", "alone")
def test_others_run_between_the_steps_of_jobs_that_cannot_be_given_back(store: Store) -> None:
    async def scene() -> list[str]:
        names = await workspaces(store, "heavy", "light")
        diary = Diary()
        await add(store, names["heavy"], "heavy", "long")
        await add(store, names["light"], "light")
        async with at_work(store, {"long": computing(50, diary), "note": diary}, concurrency=1):
            return [await diary.next() for _ in range(51)]

    assert asyncio.run(scene()).index("light") <= 2


@pytest.mark.usefixtures("short_turns", "alone")
def test_all_paused_jobs_finish_even_if_new_ones_keep_arriving(store: Store) -> None:
    async def scene() -> None:
        names = await workspaces(store, "a", "b", "c")
        diary = Diary()
        for name, pk in names.items():
            await add(store, pk, name, "long")
        for n in range(100):
            await add(store, names["a"], str(n))
        async with at_work(store, {"long": computing(5, diary), "note": diary}, concurrency=2):
            counts = Counter[str]()
            while not all(counts[name] == 5 for name in names):
                counts[await diary.next()] += 1

    asyncio.run(scene())


def test_a_workspace_leaves_a_slot_to_others(store: Store) -> None:
    async def scene() -> list[str]:
        names = await workspaces(store, "heavy", "light")
        begun = Diary()

        async def hang(deps: Services, job: Job) -> None:
            await begun(deps, job)
            await asyncio.Event().wait()

        for kind in ("one", "two", "three", "four"):
            await add(store, names["heavy"], "heavy", kind)
        tasks = dict.fromkeys(("one", "two", "three", "four"), hang)
        async with at_work(store, {**tasks, "note": begun}, concurrency=3) as worker:
            found = [await begun.next(), await begun.next()]
            await add(store, names["light"], "light")
            worker.wake()
            return [*found, await begun.next()]

    assert asyncio.run(scene()) == ["heavy", "heavy", "light"]


class SetClock:
    """Replaces `time`; it advances only when set."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


def test_the_time_of_jobs_is_charged_to_their_workspace(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = SetClock()
    monkeypatch.setattr(time_slice, "time", watch)

    async def scene() -> list[str]:
        names = await workspaces(store, "heavy", "light")
        diary = Diary()

        async def slow(deps: Services, job: Job) -> None:
            watch.seconds += 5

        await add(store, names["heavy"], "slow", "slow")
        for n in range(3):
            await add(store, names["heavy"], f"heavy {n}")
            await add(store, names["light"], f"light {n}")
        async with at_work(store, {"slow": slow, "note": diary}, concurrency=1):
            return [await diary.next() for _ in range(6)]

    order = asyncio.run(scene())
    assert [name.split()[0] for name in order] == ["light"] * 3 + ["heavy"] * 3


def test_a_stopping_worker_resumes_paused_jobs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        place = JobSlot(Job(1, "long", {}, 1), lambda: None)
        monkeypatch.setattr(time_slice, "SLICE_SECONDS", 0.0)
        waiting = asyncio.create_task(place.step())
        await asyncio.sleep(0)
        assert place.paused_at is not None
        place.go_on(to_the_end=True)
        await waiting
        await place.step()
        assert place.paused_at is None

    asyncio.run(scene())


def test_a_postponed_job_is_not_logged_as_a_failure(db_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        home = await Home(db_path, Restless).open()
        assert isinstance(home.reasoner, Restless)
        home.reasoner.home, home.reasoner.writes = home, "alice"
        await home.say("alice I live in Porto.")
        await home.work()
        home.store.close()

    with caplog.at_level(logging.INFO, "omoide.worker"):
        asyncio.run(story())
    found = [record for record in caplog.records if "times in a row" in record.message]
    assert [record.levelno for record in found] == [logging.INFO]
