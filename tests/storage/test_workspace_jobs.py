"""What the jobs of a workspace wait for, as `claim` treats them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from omoide.core import clock
from omoide.core.errors import NotFound
from omoide.core.jobs import NewJob
from omoide.core.records import Change, PageRequest
from omoide.storage import queue, workspace_jobs, workspaces
from omoide.storage.sqlite.engine import Connection
from omoide.storage.workspace_jobs import JobCounts, JobState, Wait, WorkspaceJob
from tests import sql

NOW = 20_000 * clock.DAY
LATER = NOW + clock.MINUTE
PAUSED = NOW + clock.HOUR


@pytest.fixture
def db(db: Connection) -> Connection:
    workspaces.get_or_create(db, "w", Change(), NOW)
    return db


def enqueue(db: Connection, kind: str = "representation", key: str = "k", due_at: int = NOW, **payload: Any) -> int:
    queue.add(db, NewJob(kind, payload, key=key, workspace=1, due_at=due_at, units=3, coalesce=False), NOW)
    return int(sql.value(db, "SELECT max(pk) FROM jobs"))


def listed(db: Connection, state: JobState | None = None) -> Sequence[WorkspaceJob]:
    return workspace_jobs.page(db, "w", state, NOW, PageRequest()).items


def waits(db: Connection) -> list[Wait | None]:
    return [each.wait for each in sorted(listed(db), key=lambda each: each.pk)]


def test_a_due_job_waits_for_a_worker(db: Connection) -> None:
    enqueue(db)
    assert waits(db) == [Wait("worker")]


def test_what_is_not_due_yet_waits_for_messages_its_time_or_the_next_attempt(db: Connection) -> None:
    enqueue(db, due_at=LATER)
    enqueue(db, "dream", "d", LATER)
    retried = enqueue(db, "summary", "s", LATER)
    sql.change(db, "UPDATE jobs SET attempts = 1 WHERE pk = ?", (retried,))
    assert waits(db) == [Wait("more_messages", LATER), Wait("schedule", LATER), Wait("retry", LATER)]


def test_reasoning_waits_for_the_budget_until_the_pause_ends(db: Connection) -> None:
    sql.change(db, "INSERT INTO budget_pauses (workspace, until) VALUES (1, ?)", (PAUSED,))
    enqueue(db)
    enqueue(db, "deliver_webhook", "e")
    enqueue(db, "dream", "d", PAUSED + 1)
    assert waits(db) == [Wait("budget", PAUSED), Wait("worker"), Wait("schedule", PAUSED + 1)]


def test_reasoning_waits_for_earlier_work_about_the_same(db: Connection) -> None:
    enqueue(db)
    enqueue(db, due_at=LATER)
    enqueue(db, key="other")
    assert waits(db) == [Wait("worker"), Wait("order"), Wait("worker")]


def test_what_has_no_order_waits_only_for_a_running_job(db: Connection) -> None:
    first = enqueue(db, "merge_peers")
    enqueue(db, "merge_peers")
    assert waits(db) == [Wait("worker"), Wait("worker")]
    sql.change(db, "UPDATE jobs SET leased_until = ? WHERE pk = ?", (LATER, first))
    assert waits(db) == [None, Wait("order")]


def test_jobs_are_counted_and_listed_by_state_failed_ones_first(db: Connection) -> None:
    pending, running, failed, expired = (enqueue(db, key=str(number)) for number in range(4))
    sql.change(db, "UPDATE jobs SET leased_until = ? WHERE pk = ?", (LATER, running))
    sql.change(db, "UPDATE jobs SET leased_until = ? WHERE pk = ?", (NOW, expired))
    sql.change(db, "UPDATE jobs SET failed_at = ?, error = 'why' WHERE pk = ?", (NOW, failed))
    assert workspace_jobs.counts(db, 1, NOW) == JobCounts(2, 1, 1)
    assert [each.pk for each in listed(db)] == [failed, pending, running, expired]
    by_state = {state: [each.pk for each in listed(db, state)] for state in ("pending", "in_progress", "failed")}
    assert by_state == {"pending": [pending, expired], "in_progress": [running], "failed": [failed]}
    assert [(each.state, each.error, each.wait) for each in listed(db, "failed")] == [("failed", "why", None)]


def test_a_job_shows_whom_it_is_about(db: Connection) -> None:
    enqueue(db, observers=["alice", "bob"], observed="alice", session="s")
    enqueue(db, "dream", "d", observer="bob", observed="alice", session=None)
    enqueue(db, "purge_session", "p", session=7)
    shown = [(each.observer_ids, each.observed_id, each.session_id, each.messages) for each in listed(db)]
    assert shown == [(["alice", "bob"], "alice", "s", 3), (["bob"], "alice", None, 0), ([], None, None, 0)]


def test_a_damaged_job_is_listed(db: Connection) -> None:
    sql.change(db, "UPDATE jobs SET payload = x'ff', units = 'many', due_at = 'soon' WHERE pk = ?", (enqueue(db),))
    (shown,) = listed(db)
    assert (shown.observer_ids, shown.messages, shown.due_at) == ([], 0, NOW)


def test_only_failed_jobs_of_the_workspace_are_retried(db: Connection) -> None:
    workspaces.get_or_create(db, "x", Change(), NOW)
    one, two, other = (enqueue(db, key=str(number)) for number in range(3))
    sql.change(db, "UPDATE jobs SET failed_at = ?", (NOW,))
    sql.change(db, "UPDATE jobs SET workspace = 2 WHERE pk = ?", (other,))
    assert workspace_jobs.retry(db, "w", [one, other, 99], NOW) == 1
    assert workspace_jobs.retry(db, "w", None, NOW) == 1
    assert [each.pk for each in listed(db, "pending")] == [one, two]
    with pytest.raises(NotFound):
        workspace_jobs.retry(db, "nowhere", None, NOW)
