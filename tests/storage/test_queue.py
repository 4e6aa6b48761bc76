"""A job is held by one worker at a time, until its lease expires. The time is an argument, so no test sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from omoide.core.jobs import LAST_RETRY_SECONDS, Job, NewJob, retry_delay
from omoide.storage import queue
from omoide.storage.sqlite.engine import Connection, Store
from tests import sql
from tests.read_now import read_now
from tests.storage.row_factories import steps

NOW, LEASE = 1_000_000, 100
Write = Callable[..., Any]


@pytest.fixture
def write(store: Store) -> Write:
    return lambda fn, *args, **kwargs: asyncio.run(store.write(fn, *args, **kwargs))


def claim(write: Write, at: int) -> Job | None:
    job: Job | None = write(queue.claim, at, lease=LEASE)
    return job


def test_a_claimed_job_cannot_be_claimed_until_its_lease_ends(write: Write, store: Store) -> None:
    write(queue.add, NewJob("dig", {"depth": 3}), NOW)
    first = claim(write, NOW)
    assert first is not None
    assert (first.kind, first.payload, first.attempts) == ("dig", {"depth": 3}, 1)
    assert claim(write, NOW + LEASE - 1) is None
    assert not read_now(store, queue.waiting, NOW + LEASE - 1)
    assert read_now(store, queue.waiting, NOW + LEASE)
    assert claim(write, NOW + LEASE) == Job(first.pk, "dig", {"depth": 3}, attempts=2)


def test_a_renewed_lease_counts_from_its_renewal(write: Write) -> None:
    write(queue.add, NewJob("dig", {}), NOW)
    write(queue.renew, claim(write, NOW), NOW + 60, lease=LEASE)
    assert claim(write, NOW + LEASE) is None
    assert claim(write, NOW + 60 + LEASE) is not None


def test_a_finished_job_is_gone(write: Write) -> None:
    write(queue.add, NewJob("dig", {}), NOW)
    write(queue.finish, claim(write, NOW), NOW)
    assert claim(write, NOW + 10 * LEASE) is None


def test_a_postponed_job_is_free_at_its_new_time(write: Write) -> None:
    write(queue.add, NewJob("dig", {}), NOW)
    write(queue.retry_later, claim(write, NOW), NOW + 500, "it rained")
    assert claim(write, NOW + 499) is None
    again = claim(write, NOW + 500)
    assert again is not None
    assert again.attempts == 2


def test_jobs_are_claimed_in_the_order_in_which_they_are_due(write: Write) -> None:
    for kind, due in (("late", NOW + 2), ("first", NOW), ("second", NOW), ("future", NOW + 9)):
        write(queue.add, NewJob(kind, {}), due)
    claimed = [claim(write, NOW + 5) for _ in range(4)]
    assert [job and job.kind for job in claimed] == ["first", "second", "late", None]


def test_the_retry_delay_doubles_up_to_a_limit() -> None:
    assert [retry_delay(attempts, 1.0) for attempts in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert retry_delay(10, 1.0) == retry_delay(10_000, 1.0) == LAST_RETRY_SECONDS


def test_jitter_spreads_retries_over_the_upper_half() -> None:
    assert [retry_delay(3, chance) for chance in (0.0, 0.5, 1.0)] == [2, 3, 4]


def test_a_worker_without_its_lease_cannot_finish_the_job(write: Write) -> None:
    write(queue.add, NewJob("slow", {}), NOW)
    first = claim(write, NOW)
    second = claim(write, NOW + 10 * LEASE)
    assert first is not None
    assert second is not None
    assert first.pk == second.pk
    write(queue.finish, first, NOW)
    write(queue.retry_later, first, NOW, "too late")
    write(queue.renew, second, NOW + 11 * LEASE, lease=LEASE)
    assert claim(write, NOW + 11 * LEASE) is None, "the second worker still holds it"
    write(queue.finish, second, NOW)
    assert claim(write, NOW + 99 * LEASE) is None


def times(write: Write) -> list[tuple[int, int, int | None]]:
    """Creation time, due time and end of the lease of each job."""
    rows = write(lambda db: sql.rows(db, "SELECT created_at, due_at, leased_until FROM jobs ORDER BY pk"))
    return [tuple(row) for row in rows]


HOUR = 3_600_000_000
LATER = 10 * HOUR


def test_new_jobs_keep_their_remaining_time_after_the_clock_is_set_back(write: Write) -> None:
    write(queue.add, NewJob("held", {}), LATER)
    assert claim(write, LATER) is not None
    write(queue.add, NewJob("soon", {}, due_at=LATER + 7), LATER)
    write(queue.add, NewJob("first", {}, due_at=queue.FIRST), LATER)
    back = LATER - HOUR
    write(queue.limit_times, back, lease=LEASE)
    assert [(due, held) for _, due, held in times(write)][1:] == [(back + 7, None), (queue.FIRST, None)]
    assert times(write)[0][2] == back + LEASE


def test_a_clock_set_back_by_an_hour_does_not_stall_a_retry_for_an_hour(write: Write) -> None:
    write(queue.add, NewJob("dig", {}), 0)
    write(queue.retry_later, claim(write, LATER), LATER + 7, "it rained")
    back = LATER - HOUR
    write(queue.limit_times, back, lease=LEASE)
    assert claim(write, back + int(LAST_RETRY_SECONDS * 1_000_000)) is not None


def test_a_clock_set_back_makes_no_job_due_early(write: Write) -> None:
    write(queue.add, NewJob("dig", {}), NOW)
    write(queue.retry_later, claim(write, NOW), NOW + 7, "it rained")
    write(queue.add, NewJob("dream", {}, due_at=NOW + 24 * HOUR), NOW)
    write(queue.limit_times, NOW, lease=LEASE)
    assert [due for _, due, _ in times(write)] == [NOW + 7, NOW + 24 * HOUR]


def test_a_new_leader_does_not_shift_times_twice(write: Write) -> None:
    write(queue.add, NewJob("soon", {}, due_at=LATER + 70), LATER)
    back = LATER - HOUR
    write(queue.limit_times, back, lease=LEASE)
    write(queue.take_over, back + 5, lease=LEASE)
    assert times(write)[0][1] == back + 70


def test_a_lease_taken_after_the_clock_was_set_back_is_kept(write: Write) -> None:
    write(queue.add, NewJob("held", {}), NOW - 100)
    assert claim(write, NOW - 50) is not None
    write(queue.limit_times, NOW - 40, lease=LEASE)
    assert times(write)[0][2] == NOW - 50 + LEASE


def test_a_new_leader_shifts_jobs_created_before_the_clock_was_set_back(write: Write) -> None:
    write(queue.add, NewJob("late", {}, due_at=NOW + 7), NOW)
    write(queue.add, NewJob("first", {}, due_at=queue.FIRST), NOW)
    write(queue.add, NewJob("in time", {}, due_at=50), 20)
    write(queue.take_over, 30, lease=LEASE)
    assert times(write) == [(30, 37, None), (NOW, queue.FIRST, None), (20, 50, None)]


def test_claim_cost_behind_a_dead_endpoint_is_linear_in_waiting_jobs(write: Write, store: Store) -> None:
    def cost(count: int) -> int:
        """Cost of `waiting` with `count` jobs of one key, one of them running, the first half waiting for a retry."""

        def enqueue(db: Connection) -> None:
            sql.change(db, "DELETE FROM jobs")
            for number in range(count):
                due = NOW + 1 if number < count // 2 else NOW
                queue.add(db, NewJob("deliver", {}, key="one endpoint", coalesce=False, due_at=due), NOW)

        write(enqueue)
        assert claim(write, NOW) is not None
        assert not read_now(store, queue.waiting, NOW)
        return read_now(store, steps, lambda db: queue.waiting(db, NOW))

    few, many = cost(100), cost(800)
    assert 0 < many < 16 * few, "eight times as many jobs must not take sixty-four times the work"


def test_finish_others_removes_waiting_jobs_whose_work_is_done(write: Write, store: Store) -> None:
    for depth in (1, 2, 3, 4):
        write(queue.add, NewJob("dig", {"depth": depth}, key="here", coalesce=False), NOW)
    write(queue.add, NewJob("dig", {"depth": 1}, key="there", coalesce=False), NOW)
    held = claim(write, NOW)
    assert held is not None
    assert read_now(store, queue.is_held, held)
    write(queue.finish_others, held, lambda payload: payload["depth"] <= 3, NOW)
    assert [payload["depth"] for payload in read_now(store, queue.pending, held.kind, held.key)] == [1, 4], (
        "the job itself is not finished yet"
    )
    write(queue.finish, held, NOW)
    assert not read_now(store, queue.is_held, held)
    left = [claim(write, NOW), claim(write, NOW)]
    assert [(job.key, job.payload) for job in left if job] == [("here", {"depth": 4}), ("there", {"depth": 1})]
