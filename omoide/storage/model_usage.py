"""Tokens that models used: by day, workspace, purpose and model, and in all.

The totals stay when a workspace is deleted or its days are forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from omoide.core.usage import COUNTS, Counts, Payer, TakenUsage, day_of
from omoide.storage import rows, workspaces
from omoide.storage.base import Transaction

FORGET_AT_A_TIME = 100
"""Expired rows removed per call at most."""

_NAMES = ", ".join(COUNTS)


class DailyUsage(NamedTuple):
    """What one workspace used on one day (since 1970, UTC) for one purpose, from one model."""

    day: int
    task: str
    model: str
    counts: Counts


class TotalUsage(NamedTuple):
    """What all workspaces used for one purpose, from one model."""

    task: str
    model: str
    counts: Counts


def add(db: Transaction, taken: TakenUsage, now: int, *, days: int) -> set[int]:
    """Store what was used; returns the workspaces (rows) that used something. Forgets days before the last `days`."""
    for (task, model), counts in taken.in_all.items():
        _add(db, "usage_totals", {"task": task, "model": model}, counts)
    payers = {each.workspace: None for each in taken.by_workspace}
    known: Mapping[Payer, int | None] = {payer: _existing(db, payer) for payer in payers}
    for (payer, day, task, model), counts in taken.by_workspace.items():
        if (workspace := known[payer]) is not None:
            key: dict[str, int | str] = {"day": day, "workspace": workspace, "task": task, "model": model}
            _add(db, "model_usage", key, counts)
    db.execute(
        """DELETE FROM model_usage WHERE (day, workspace, task, model) IN (
               SELECT day, workspace, task, model FROM model_usage WHERE day <= ? LIMIT ?)""",
        (day_of(now) - days, FORGET_AT_A_TIME),
    )
    return {workspace for workspace in known.values() if workspace is not None}


def _existing(db: Transaction, payer: Payer) -> int | None:
    """The row of a workspace that exists."""
    if isinstance(payer, str):
        return workspaces.pk_of(db, payer)
    row = db.execute("SELECT pk FROM workspaces WHERE pk = ? AND deleted_at IS NULL", (payer,)).fetchone()
    return row[0] if row else None


def _add(db: Transaction, table: str, key: Mapping[str, int | str], counts: Counts) -> None:
    named = [*key, *COUNTS]
    added = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in COUNTS)
    db.execute(
        f"""INSERT INTO {table} ({", ".join(named)}) VALUES ({", ".join("?" * len(named))})
            ON CONFLICT ({", ".join(key)}) DO UPDATE SET {added}""",
        (*key.values(), *(getattr(counts, name) for name in COUNTS)),
    )


def of_workspace(db: Transaction, workspace: int, first: int, last: int) -> list[DailyUsage]:
    """What a workspace (row) used on the days from `first` to `last`, by day, purpose and model."""
    found = db.execute(
        f"""SELECT day, task, model, {_NAMES} FROM model_usage WHERE workspace = ? AND day BETWEEN ? AND ?
            ORDER BY day, task, model""",
        (workspace, first, last),
    )
    columns = _columns("model_usage", "day", "task", "model")
    whole = (rows.mended(columns, row) for row in found)
    return [DailyUsage(day, task, model, Counts(*counts)) for day, task, model, *counts in whole]


def of_day(db: Transaction, day: int) -> list[TotalUsage]:
    """What all workspaces used on a day."""
    sums = ", ".join(f"sum({name})" for name in COUNTS)
    found = db.execute(
        f"SELECT task, model, {sums} FROM model_usage WHERE day = ? GROUP BY task, model ORDER BY task, model", (day,)
    )
    return [TotalUsage(task, model, Counts(*map(int, counts))) for task, model, *counts in found]


def totals(db: Transaction) -> list[TotalUsage]:
    """What was ever used."""
    columns = _columns("usage_totals", "task", "model")
    found = db.execute(f"SELECT task, model, {_NAMES} FROM usage_totals ORDER BY task, model")
    whole = (rows.mended(columns, row) for row in found)
    return [TotalUsage(task, model, Counts(*counts)) for task, model, *counts in whole]


def _columns(table: str, *names: str) -> Sequence[str]:
    return [f"{table}.{name}" for name in (*names, *COUNTS)]
