"""Tokens are counted by day, workspace, purpose and model, and a workspace that has spent its budget waits."""

from __future__ import annotations

from typing import Any

import pytest

from omoide.core import clock
from omoide.core.jobs import Job, NewJob
from omoide.core.records import Change
from omoide.core.usage import EMBEDDING, Counts, Spending, TakenUsage
from omoide.storage import budgets, job_stats, model_usage, queue, workspaces
from omoide.storage.sqlite.engine import Connection
from tests import sql

DAY = 20_000
NOW, TOMORROW = DAY * clock.DAY + clock.HOUR, (DAY + 1) * clock.DAY
MODEL = "openai:toy"


@pytest.fixture
def db(db: Connection) -> Connection:
    for name in ("w", "x"):
        workspaces.get_or_create(db, name, Change(), NOW)
    return db


def taken(workspace: int | str, tokens: int, *, task: str = "derive", day: int = DAY) -> TakenUsage:
    counts = Counts(1, 0, tokens - 1, 1)
    return TakenUsage({Spending(workspace, day, task, MODEL): counts}, {(task, MODEL): counts})


def spend(db: Connection, workspace: int | str, tokens: int, usual: int, **options: Any) -> list[str]:
    """Store usage of today; returns the workspaces that are paused from then on."""
    spenders = model_usage.add(db, taken(workspace, tokens, **options), NOW, days=400)
    return [each.workspace_id for each in budgets.review(db, spenders, usual, NOW)]


def enqueue(db: Connection, kind: str = "representation", workspace: int = 1) -> None:
    queue.add(db, NewJob(kind, {}, key=f"{kind}:{workspace}", workspace=workspace), NOW)


def claim(db: Connection, at: int = NOW) -> Job | None:
    return queue.claim(db, at, lease=1_000)


def configure(db: Connection, tokens: int | None) -> None:
    workspaces.update(db, "w", Change(configuration={"budget": {"tokens_per_day": tokens}}), NOW)


def test_usage_adds_up_by_day_and_purpose_and_in_all(db: Connection) -> None:
    spend(db, 1, 10, 0)
    spend(db, "w", 20, 0)
    spend(db, "w", 5, 0, task="summary")
    spend(db, "x", 7, 0)
    of_w = model_usage.of_workspace(db, 1, DAY, DAY)
    assert [(each.task, each.counts.calls, each.counts.input_tokens) for each in of_w] == [
        ("derive", 2, 28),
        ("summary", 1, 4),
    ]
    assert [(each.task, each.counts.input_tokens) for each in model_usage.of_day(db, DAY)] == [
        ("derive", 34),
        ("summary", 4),
    ]
    assert model_usage.totals(db) == model_usage.of_day(db, DAY)


def test_the_usage_of_a_workspace_that_is_gone_is_in_the_totals_only(db: Connection) -> None:
    workspaces.delete(db, "x", NOW)
    for workspace in ("x", 2, "never", 99):
        spend(db, workspace, 10, 0)
    assert model_usage.of_day(db, DAY) == []
    assert model_usage.totals(db)[0].counts.calls == 4


def test_days_are_forgotten_after_the_retention(db: Connection) -> None:
    for day in (DAY - 3, DAY - 2, DAY - 1):
        model_usage.add(db, taken("w", 10, day=day), NOW, days=400)
    model_usage.add(db, taken("w", 10), NOW, days=2)
    assert [each.day for each in model_usage.of_workspace(db, 1, 0, DAY)] == [DAY - 1, DAY]
    assert model_usage.totals(db)[0].counts.calls == 4


@pytest.mark.parametrize("kind", ["representation", "summary", "dream"])
def test_no_reasoning_job_is_claimed_while_the_budget_is_spent(db: Connection, kind: str) -> None:
    enqueue(db, kind)
    assert spend(db, "w", 100, 100) == ["w"]
    assert claim(db) is None
    assert queue.waiting(db, NOW) is False
    assert job_stats.job_stats(db, NOW).count("paused") == 1
    assert job_stats.job_stats(db, NOW).oldest == 0, "a paused job is not late"
    assert [job.state for job in job_stats.listed(db, NOW, failed_only=False, limit=9)] == ["paused"]


def test_other_workspaces_and_other_jobs_go_on(db: Connection) -> None:
    enqueue(db)
    enqueue(db, workspace=2)
    enqueue(db, "deliver_webhook")
    spend(db, "w", 100, 100)
    claimed = [claim(db), claim(db), claim(db)]
    assert {(job.kind, job.workspace) for job in claimed if job} == {("representation", 2), ("deliver_webhook", 1)}


def test_a_pause_ends_with_the_day(db: Connection) -> None:
    enqueue(db)
    spend(db, "w", 100, 100)
    assert claim(db) is None
    assert budgets.paused_until(db, 1, NOW) == TOMORROW
    assert claim(db, TOMORROW) is not None
    assert budgets.state(db, 1, 100, TOMORROW) == ("w", 100, 0, None)


def test_a_higher_budget_ends_the_pause_at_once(db: Connection) -> None:
    enqueue(db)
    spend(db, "w", 100, 100)
    assert claim(db) is None
    configure(db, 101)
    assert budgets.review(db, [1], 100, NOW) == []
    assert claim(db) is not None


def test_settings_that_changed_are_applied_to_all_workspaces(db: Connection) -> None:
    enqueue(db)
    for name in ("w", "x"):
        spend(db, name, 100, 0)
    assert [each.workspace_id for each in budgets.review_all(db, 100, NOW)] == ["w", "x"]
    assert claim(db) is None
    assert [each.workspace_id for each in budgets.paused(db, 100, NOW)] == ["w", "x"]
    budgets.review_all(db, 200, NOW)
    assert budgets.paused(db, 200, NOW) == []
    assert claim(db) is not None


def test_a_workspace_is_reported_once_when_it_is_paused(db: Connection) -> None:
    assert spend(db, "w", 100, 100) == ["w"]
    assert spend(db, "w", 100, 100) == []


def test_embeddings_do_not_count_towards_the_budget(db: Connection) -> None:
    assert spend(db, "w", 1_000, 100, task=EMBEDDING) == []
    assert budgets.state(db, 1, 100, NOW).used == 0


@pytest.mark.parametrize(
    ("configured", "limit"), [(None, 100), (0, 0), (5, 5), (5.0, 5), (-1, 100), ("5", 100), (True, 100), (1.5, 100)]
)
def test_the_configuration_of_a_workspace_replaces_the_usual_budget(configured: Any, limit: int) -> None:
    assert budgets.limit_of({"budget": {"tokens_per_day": configured}}, 100) == limit
    assert budgets.limit_of({"budget": configured}, 100) == 100


def test_a_budget_of_zero_is_none(db: Connection) -> None:
    configure(db, 0)
    assert spend(db, "w", 10**9, 100) == []


def test_a_pause_without_its_workspace_does_no_harm(db: Connection) -> None:
    sql.change(db, "PRAGMA foreign_keys = OFF")
    sql.change(db, "INSERT INTO budget_pauses VALUES (77, ?)", (TOMORROW,))
    assert budgets.paused(db, 1, NOW) == []
    assert budgets.review_all(db, 1, NOW) == []
