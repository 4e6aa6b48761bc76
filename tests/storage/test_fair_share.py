"""Workspaces are served by the time they have used. The time is an argument, so no test sleeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from omoide.core.jobs import Job, NewJob, Skipped
from omoide.storage import fair_share, queue, rows
from omoide.storage.sqlite.engine import Connection
from tests import sql
from tests.storage.row_factories import steps

NOW, SECOND = 10**15, 1_000_000
HEAVY, LIGHT, OTHER = 1, 2, 3


@pytest.fixture
def db(db: Connection) -> Connection:
    for workspace in (HEAVY, LIGHT, OTHER):
        sql.change(
            db,
            "INSERT INTO workspaces (pk, id, uid, metadata, configuration, created_at) VALUES (?, ?, ?, '{}', '{}', 1)",
            (workspace, f"w{workspace}", f"u{workspace}"),
        )
    return db


def enqueue(db: Connection, workspace: int | None, count: int = 1, *, kind: str = "note", **options: Any) -> None:
    for number in range(count):
        queue.add(db, NewJob(kind, {"n": number}, workspace=workspace, coalesce=False, **options), NOW)


def claim(db: Connection, now: int = NOW, **options: Any) -> Job | None:
    return queue.claim(db, now, lease=60 * SECOND, **options)


def served(db: Connection, claims: int, costs: dict[int | None, int]) -> list[int | None]:
    """The workspaces of successive claims, if a job of each workspace takes `costs` microseconds."""
    found: list[int | None] = []
    used: dict[int, int] = {}
    for _ in range(claims):
        job = claim(db, used=used)
        assert job is not None
        found.append(job.workspace)
        used = {job.workspace or fair_share.NO_WORKSPACE: costs[job.workspace]}
        queue.finish(db, job, NOW)
    return found


def test_a_job_waits_for_one_job_of_a_busy_workspace_only(db: Connection) -> None:
    enqueue(db, HEAVY, 200)
    assert served(db, 5, {HEAVY: SECOND}) == [HEAVY] * 5
    enqueue(db, LIGHT)
    assert LIGHT in served(db, 2, {HEAVY: SECOND, LIGHT: SECOND})


def test_workspaces_get_equal_time_not_equal_numbers_of_jobs(db: Connection) -> None:
    enqueue(db, HEAVY, 50)
    enqueue(db, LIGHT, 50)
    counts = Counter(served(db, 44, {HEAVY: SECOND, LIGHT: SECOND // 10}))
    assert counts == {HEAVY: 4, LIGHT: 40}


def test_an_idle_workspace_earns_no_credit(db: Connection) -> None:
    enqueue(db, LIGHT)
    served(db, 1, {LIGHT: SECOND})
    enqueue(db, HEAVY, 100)
    served(db, 50, {HEAVY: SECOND})
    enqueue(db, LIGHT, 20)
    counts = Counter(served(db, 20, {HEAVY: SECOND, LIGHT: SECOND}))
    assert abs(counts[HEAVY] - counts[LIGHT]) <= 2


def test_time_used_while_others_were_idle_is_not_held_against_a_workspace(db: Connection) -> None:
    enqueue(db, HEAVY, 60)
    served(db, 50, {HEAVY: SECOND})
    enqueue(db, LIGHT, 60)
    counts = Counter(served(db, 10, {HEAVY: SECOND, LIGHT: SECOND}))
    assert abs(counts[HEAVY] - counts[LIGHT]) <= 2


def test_a_stream_of_new_workspaces_does_not_starve_a_heavy_one(db: Connection) -> None:
    enqueue(db, HEAVY, 9)
    claim(db)
    used = {HEAVY: 10 * SECOND}
    for number in range(100):
        sql.change(db, "DELETE FROM shares WHERE pk > ?", (OTHER,))
        enqueue(db, LIGHT if number % 2 else OTHER)
        sql.change(db, "DELETE FROM shares WHERE pk IN (?, ?)", (LIGHT, OTHER))  # to make them new
        sql.change(db, "UPDATE jobs SET due_at = due_at - 1 WHERE workspace IN (?, ?)", (LIGHT, OTHER))
        job = claim(db, used=used)
        assert job is not None
        if job.workspace == HEAVY:
            return
        used = {job.workspace or 0: SECOND}
        queue.finish(db, job, NOW)
    pytest.fail("it was never served")


def test_jobs_without_a_workspace_get_four_times_the_time_of_one(db: Connection) -> None:
    enqueue(db, None, 100)
    enqueue(db, HEAVY, 100)
    counts = Counter(served(db, 50, {None: SECOND, HEAVY: SECOND}))
    assert counts[HEAVY] == pytest.approx(10, abs=2)


def test_among_equals_the_longest_waiting_workspace_is_first(db: Connection) -> None:
    enqueue(db, OTHER, due_at=NOW - 2)
    enqueue(db, HEAVY, due_at=NOW - 3)
    enqueue(db, LIGHT, due_at=NOW - 1)
    assert [job and job.workspace for job in (claim(db), claim(db), claim(db))] == [HEAVY, OTHER, LIGHT]


def test_a_job_scheduled_for_later_is_claimed_when_due(db: Connection) -> None:
    enqueue(db, HEAVY, due_at=NOW + 5)
    enqueue(db, LIGHT, due_at=NOW + 9)
    assert claim(db, NOW + 4) is None
    assert [getattr(claim(db, NOW + at), "workspace", None) for at in (5, 6, 9)] == [HEAVY, None, LIGHT]


def test_a_full_workspace_is_skipped_until_it_has_a_slot(db: Connection) -> None:
    enqueue(db, HEAVY, 2)
    assert claim(db, skipped=Skipped(workspaces=[HEAVY])) is None
    assert not queue.waiting(db, NOW, skipped=Skipped(workspaces=[HEAVY]))
    enqueue(db, LIGHT)
    first, second = claim(db, skipped=Skipped(workspaces=[HEAVY])), claim(db)
    assert first is not None
    assert second is not None
    assert (first.workspace, second.workspace) == (LIGHT, HEAVY)


def test_a_job_of_a_busy_kind_is_claimed_once_it_is_free(db: Connection) -> None:
    enqueue(db, HEAVY, kind="slow")
    assert claim(db, skipped=Skipped(kinds=["slow"])) is None
    assert claim(db) is not None


def test_a_blocked_job_is_claimed_however_the_blocking_one_ends(db: Connection) -> None:
    def freed(end: Any) -> bool:
        sql.change(db, "DELETE FROM jobs")
        enqueue(db, HEAVY, 2, key="k")
        first = claim(db)
        assert first is not None
        assert claim(db) is None, "the second job waits for it"
        end(first)
        return claim(db) is not None

    assert freed(lambda job: queue.finish(db, job, NOW))
    assert freed(lambda job: queue.retry_later(db, job, NOW + SECOND, "no luck"))
    assert freed(lambda job: queue.give_up(db, job, NOW, "no use"))
    assert freed(lambda job: queue.release(db, job))
    assert freed(lambda job: queue.give_back(db, job, NOW))
    assert freed(lambda job: sql.change(db, "DELETE FROM jobs WHERE pk = ?", (job.pk,)))


def test_the_next_job_is_claimed_when_the_first_is_dropped(db: Connection) -> None:
    enqueue(db, HEAVY, key="k", kind="dream", due_at=NOW + SECOND)
    enqueue(db, HEAVY, key="k", kind="dream")
    assert claim(db) is None
    sql.change(db, "DELETE FROM jobs WHERE due_at > ?", (NOW,))
    assert claim(db) is not None


def test_a_job_with_an_expired_lease_is_claimed_again(db: Connection) -> None:
    enqueue(db, HEAVY)
    assert claim(db) is not None
    assert claim(db, NOW + 59 * SECOND) is None
    assert claim(db, NOW + 60 * SECOND) is not None


def test_a_job_given_back_is_last_in_its_workspace_and_first_in_its_key(db: Connection) -> None:
    for key in ("a", "a", "b"):
        enqueue(db, HEAVY, key=key, kind="dream")
    first = claim(db)
    assert first is not None
    queue.give_back(db, first, NOW + 1, {"n": "the rest"})
    order = []
    for _ in range(3):
        job = claim(db, NOW + 1)
        assert job is not None
        order.append((job.key, job.pk == first.pk, job.attempts))
        queue.finish(db, job, NOW)
    assert order == [("b", False, 1), ("a", True, 1), ("a", False, 1)]


def test_a_job_enqueued_during_another_is_separate_work(db: Connection) -> None:
    queue.add(db, NewJob("erase", {}, key="erase"), NOW)
    half = claim(db)
    assert half is not None
    queue.give_back(db, half, NOW, {"page": 5})
    for _ in range(3):
        queue.add(db, NewJob("erase", {}, key="erase"), NOW)
    first = claim(db)
    assert first is not None
    assert first.payload == {"page": 5}
    assert claim(db) is None, "it waits until the first has ended"
    queue.finish(db, first, NOW)
    second = claim(db)
    assert second is not None
    assert second.payload == {}


@pytest.mark.parametrize(
    "damage",
    ["used = 'much'", "used = -5", "used = 9e99", "ready = 'no'", "ready = 7", "due_at = 'soon'", "due_at = x'00'"],
)
def test_a_damaged_account_does_not_block_its_workspace(damage: str, db: Connection) -> None:
    enqueue(db, HEAVY)
    enqueue(db, LIGHT)
    sql.change(db, f"UPDATE shares SET {damage} WHERE pk = ?", (LIGHT,))
    assert queue.is_damaged(db, NOW)
    queue.relieve(db, NOW)
    assert {getattr(claim(db), "workspace", None) for _ in range(2)} == {HEAVY, LIGHT}
    assert not queue.is_damaged(db, NOW)


def test_a_job_whose_workspace_is_damaged_is_claimed(db: Connection) -> None:
    enqueue(db, HEAVY, 4)
    for pk, workspace in enumerate(("abc", b"x", -1, 99), 1):
        sql.change(db, "UPDATE jobs SET workspace = ? WHERE pk = ?", (workspace, pk))
    assert [claim(db) is not None for _ in range(5)] == [True] * 4 + [False]


def fill(db: Connection, jobs: Sequence[tuple[int, str]]) -> None:
    """Create a job for each workspace and key."""
    sql.change(db, "DELETE FROM jobs")
    sql.change(db, "DELETE FROM shares")
    columns = "jobs (kind, payload, created_at, due_at, key, workspace)"
    with sql.transaction(db):
        rows.insert_all(db, columns, [("note", "{}", NOW, NOW, key, workspace) for workspace, key in jobs])


def cost(db: Connection, jobs: Sequence[tuple[int, str]]) -> int:
    """Hundreds of SQLite VM steps for twenty claims, after a first one."""
    fill(db, jobs)
    assert claim(db) is not None
    return steps(db, lambda db: [claim(db, used={HEAVY: SECOND}) for _ in range(20)])


def test_claim_cost_does_not_grow_with_the_jobs_of_a_workspace(db: Connection) -> None:
    few, many = (cost(db, [(HEAVY, str(n)) for n in range(count)]) for count in (100, 5_000))
    assert many < 2 * few


def test_claim_cost_does_not_grow_with_the_number_of_workspaces(db: Connection) -> None:
    few, many = (cost(db, [(n, str(n)) for n in range(1, count)]) for count in (100, 5_000))
    assert many < 2 * few


def test_workspaces_with_only_later_jobs_do_not_slow_down_a_claim(db: Connection) -> None:
    def later(count: int) -> int:
        fill(db, [(n, str(n)) for n in range(10, count)])
        sql.change(db, "UPDATE jobs SET due_at = ?", (NOW + SECOND,))
        enqueue(db, HEAVY, 30)
        claim(db)
        return steps(db, lambda db: [claim(db) for _ in range(20)])

    few, many = later(100), later(5_000)
    assert many < 2 * few
