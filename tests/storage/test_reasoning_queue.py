"""Reasoning jobs run in order within their key, are counted while pending and when done, and can be retried."""

from __future__ import annotations

from typing import Any

import pytest

from omoide.core.jobs import Job, LeaseLost, NewJob
from omoide.core.records import Change, WorkCount
from omoide.storage import completed_work, job_stats, queue, waiting_units, workspaces
from omoide.storage.completed_work import FORGET_AFTER
from omoide.storage.queue import FORGET_AT_A_TIME, FORGET_FAILED
from omoide.storage.sqlite.engine import Connection
from tests import sql

NOW, LEASE = FORGET_FAILED * 2, 1_000
ABOUT = {"session": "s", "observed": "alice", "observers": ["alice", "bob"]}


@pytest.fixture
def db(db: Connection) -> Connection:
    workspaces.get_or_create(db, "w", Change(), NOW)
    return db


def enqueue(db: Connection, payload: dict[str, Any] = ABOUT, kind: str = "representation", **options: Any) -> None:
    queue.add(db, NewJob(kind, payload, **{"key": "1:1", "workspace": 1, "coalesce": False, **options}), NOW)


def claim(db: Connection, at: int = NOW) -> Job:
    job = queue.claim(db, at, lease=LEASE)
    assert job is not None
    return job


def status(db: Connection, **about: str) -> dict[str | None, WorkCount]:
    return job_stats.status(db, "w", NOW, **about)


@pytest.mark.parametrize("kind", ["representation", "summary", "dream"])
def test_reasoning_that_waits_for_a_retry_blocks_later_jobs_of_its_key(db: Connection, kind: str) -> None:
    enqueue(db, kind=kind)
    enqueue(db, kind=kind)
    queue.retry_later(db, claim(db), NOW + 50, "no provider")
    assert queue.claim(db, NOW, lease=LEASE) is None
    first = claim(db, NOW + 50)
    queue.finish(db, first, NOW + 50)
    assert claim(db, NOW + 50).pk == first.pk + 1


def test_reasoning_that_failed_for_good_does_not_block_later_jobs(db: Connection) -> None:
    enqueue(db)
    enqueue(db)
    queue.give_up(db, claim(db), NOW, "it cannot be done")
    assert claim(db).attempts == 1


def test_other_keys_and_other_kinds_are_not_blocked(db: Connection) -> None:
    enqueue(db)
    enqueue(db, key="2:1")
    enqueue(db, kind="fetch")
    enqueue(db, kind="fetch")
    queue.retry_later(db, claim(db), NOW + 50, "no provider")
    assert claim(db).key == "2:1"
    queue.retry_later(db, claim(db), NOW + 50, "nobody there")
    assert claim(db).kind == "fetch"


def test_a_growing_job_can_be_extended_until_it_is_claimed(db: Connection) -> None:
    enqueue(db, grows=True, due_at=NOW + 5)
    found = queue.open_job(db, "representation", "1:1")
    assert found is not None
    assert found[1:] == (ABOUT, NOW)
    queue.append_units(db, found[0], {**ABOUT, "through": 7}, NOW, units=3)
    assert status(db)["s"].pending == 4
    assert claim(db).payload["through"] == 7
    assert queue.open_job(db, "representation", "1:1") is None


def test_only_the_newest_of_a_key_grows(db: Connection) -> None:
    enqueue(db, grows=True)
    enqueue(db)
    assert queue.open_job(db, "representation", "1:1") is None


def test_a_hastened_job_is_due_and_cannot_be_extended(db: Connection) -> None:
    enqueue(db, grows=True, due_at=NOW + 5)
    queue.expedite(db, "representation", "1:1", NOW)
    assert queue.open_job(db, "representation", "1:1") is None
    assert claim(db).payload == ABOUT


def test_delay_reschedules_only_jobs_that_were_scheduled_for_later(db: Connection) -> None:
    enqueue(db, due_at=NOW + 5)
    enqueue(db, key="2:1")
    for key in ("1:1", "2:1"):
        queue.reschedule(db, "representation", key, NOW + 9)
    assert claim(db).key == "2:1"
    assert queue.next_due(db, NOW) == NOW + 9


def test_a_coalesced_job_has_the_earlier_due_time(db: Connection) -> None:
    for due_at in (NOW + 9, NOW + 5, NOW + 7):
        enqueue(db, kind="tidy", coalesce=True, due_at=due_at)
    assert queue.next_due(db, NOW) == NOW + 5
    queue.finish(db, claim(db, NOW + 5), NOW)
    assert not queue.waiting(db, NOW + 99)


def test_require_raises_for_a_lost_lease(db: Connection) -> None:
    enqueue(db)
    first = claim(db)
    queue.require(db, first)
    second = claim(db, NOW + LEASE)
    with pytest.raises(LeaseLost):
        queue.require(db, first)
    queue.require(db, second)
    queue.finish(db, second, NOW)
    with pytest.raises(LeaseLost):
        queue.require(db, second)


def test_finished_work_is_counted_by_observer_observed_and_session(db: Connection) -> None:
    enqueue(db, units=3)
    enqueue(db, {"session": "t", "observed": "bob", "observers": ["bob"]}, key="2:2")
    enqueue(db, {"session": None, "observer": "carol", "observed": "bob"}, kind="dream")
    job = claim(db)
    queue.advance(db, job, {**ABOUT, "first": 2}, units=2)
    completed_work.count(db, job, 2, NOW)
    assert status(db)["s"] == WorkCount(completed=2, in_progress=1, due_at=status(db)["s"].due_at)
    queue.finish(db, job, NOW)
    for _ in range(2):
        queue.finish(db, claim(db), NOW)
    assert {name: (count.completed, count.pending) for name, count in status(db).items()} == {
        "s": (3, 0),
        "t": (1, 0),
        None: (1, 0),
    }
    assert [count.completed for count in status(db, observer="bob").values()] == [3, 1]
    assert [count.completed for count in status(db, observer="carol").values()] == [1]
    assert [count.completed for count in status(db, observed="bob").values()] == [1, 1]
    assert status(db, session="s").keys() == {"s"}


def test_old_finished_work_is_not_counted(db: Connection) -> None:
    for number in range(FORGET_AT_A_TIME + 2):
        enqueue(db, {**ABOUT, "session": f"old-{number}"}, key=str(number))
        queue.finish(db, claim(db), NOW)
    enqueue(db)
    queue.finish(db, claim(db), NOW + FORGET_AFTER + 1)
    assert len(status(db)) == 2 + 1
    enqueue(db)
    queue.finish(db, claim(db), NOW + FORGET_AFTER + 1)
    assert status(db).keys() == {"s"}


def test_the_status_has_failures_error_and_next_due_time(db: Connection) -> None:
    enqueue(db, units=2)
    queue.give_up(db, claim(db), NOW, "it cannot be done")
    enqueue(db, key="2:1", due_at=NOW + 5_000_000)
    count = status(db)["s"]
    assert (count.completed, count.errored, count.pending, count.error) == (2, 2, 1, "it cannot be done")
    assert count.due_at is not None
    assert count.due_at % 1_000_000 == NOW % 1_000_000


def test_failed_jobs_are_listed_first_and_can_be_retried(db: Connection) -> None:
    enqueue(db, key="2:1")
    enqueue(db, kind="webhook")
    queue.give_up(db, claim(db), NOW, "why not")
    listed = job_stats.listed(db, NOW, failed_only=False, limit=9)
    assert [(job.kind, job.state, job.workspace_id) for job in listed] == [
        ("representation", "failed", "w"),
        ("webhook", "due", "w"),
    ]
    assert job_stats.listed(db, NOW, failed_only=True, limit=9) == listed[:1]
    assert job_stats.retry(db, NOW + 1, [listed[1].pk]) == 0
    assert job_stats.retry(db, NOW + 1, [listed[0].pk]) == 1
    assert job_stats.listed(db, NOW, failed_only=True, limit=9) == []
    again = [claim(db, NOW + 1), claim(db, NOW + 1)]
    assert {(job.kind, job.attempts) for job in again} == {("representation", 1), ("webhook", 1)}


def test_jobs_that_failed_a_month_ago_are_removed(db: Connection) -> None:
    enqueue(db, key="1:1")
    queue.give_up(db, claim(db), NOW, "long ago")
    enqueue(db, key="2:1")
    queue.give_up(db, claim(db), NOW + FORGET_FAILED + 1, "now")
    assert [job.error for job in job_stats.listed(db, NOW, failed_only=True, limit=9)] == ["now"]


def test_a_dream_that_is_not_due_is_not_counted(db: Connection) -> None:
    enqueue(db, {"session": None, "observer": "alice", "observed": "alice"}, kind="dream", due_at=NOW + 1)
    assert status(db) == {}
    assert job_stats.status(db, "w", NOW + 1)[None].pending == 1


def test_units_that_wait_can_be_made_due_within_a_workspace_or_session(db: Connection) -> None:
    for number, (name, session) in enumerate([("v", "s"), ("w", "s"), ("w", "t"), ("w", "t")]):
        workspace = workspaces.get_or_create(db, name, Change(), NOW)[0].pk
        job = NewJob("representation", {"session": session}, workspace=workspace, key=str(number), due_at=NOW + 9)
        queue.add(db, job._replace(grows=True), NOW)
    sql.change(db, "UPDATE jobs SET attempts = 1 WHERE pk = 4")
    assert waiting_units.hasten(db, NOW, workspace_id="w", session_id="s") == 1
    assert waiting_units.hasten(db, NOW, workspace_id="w", session_id="s") == 0
    assert waiting_units.hasten(db, NOW, workspace_id="w") == 1
    assert waiting_units.hasten(db, NOW) == 1
    assert sql.rows(db, "SELECT due_at, grows FROM jobs ORDER BY pk") == [*[(NOW, 0)] * 3, (NOW + 9, 1)]
