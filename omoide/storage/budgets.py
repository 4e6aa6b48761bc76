"""Budgets of tokens per workspace and day (UTC), and the pauses of workspaces that have spent theirs.

While a workspace is paused, the queue hands out none of its reasoning jobs. A pause ends with the day, or when the
budget is raised.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from omoide.core import clock
from omoide.core.records import Json
from omoide.core.usage import EMBEDDING, day_of
from omoide.storage import fair_share, rows
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text

UNLIMITED = 0


class BudgetState(NamedTuple):
    """A workspace's budget of tokens for today, 0 for none, how many it has used, and until when it is paused."""

    workspace_id: str
    limit: int
    used: int
    paused_until: int | None


def configured(db: Transaction, workspace_id: str) -> Json:
    """The section of the workspace's configuration that has its budget."""
    query = "SELECT configuration FROM workspaces WHERE id = ? AND deleted_at IS NULL"
    row = db.execute(query, (workspace_id,)).fetchone()
    return _section(_parsed(row[0])) if row else {}


def _parsed(text: object) -> Json:
    return rows.from_text(rows.mended(["workspaces.configuration"], (text,))[0])


def _section(configuration: Json) -> Json:
    section = configuration.get("budget")
    return section if isinstance(section, dict) else {}


def limit_of(configuration: Json, usual: int) -> int:
    """The budget in a workspace's configuration, else the `usual` one."""
    value = _section(configuration).get("tokens_per_day")
    if isinstance(value, float) and value.is_integer():  # to JSON Schema, 20.0 is an integer
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else usual


def state(db: Transaction, workspace: int, usual: int, now: int) -> BudgetState:
    """The budget of a workspace (row)."""
    row = db.execute("SELECT id, configuration FROM workspaces WHERE pk = ?", (workspace,)).fetchone()
    name, text = row or ("", "{}")
    used = db.execute(
        """SELECT coalesce(sum(input_tokens + output_tokens), 0) FROM model_usage
           WHERE workspace = ? AND day = ? AND task <> ?""",
        (workspace, day_of(now), EMBEDDING),
    ).fetchone()[0]
    return BudgetState(as_text(name), limit_of(_parsed(text), usual), int(used), paused_until(db, workspace, now))


def paused_until(db: Transaction, workspace: int, now: int) -> int | None:
    """Until when the reasoning of a workspace (row) waits; None if it does not."""
    row = db.execute("SELECT until FROM budget_pauses WHERE workspace = ? AND until > ?", (workspace, now)).fetchone()
    return rows.mended(["budget_pauses.until"], row)[0] if row else None


def review(db: Transaction, workspaces: Iterable[int], usual: int, now: int) -> list[BudgetState]:
    """Pause each of the workspaces (rows) that has spent its budget, and let the others go on.

    Returns those that were not paused before.
    """
    paused = []
    for workspace in workspaces:
        known = state(db, workspace, usual, now)
        if known.limit != UNLIMITED and known.used >= known.limit:
            until = (day_of(now) + 1) * clock.DAY
            _pause(db, workspace, until)
            if known.paused_until is None:
                paused.append(known._replace(paused_until=until))
        elif known.paused_until is not None:
            resume(db, [workspace], now)
    return paused


def review_all(db: Transaction, usual: int, now: int) -> list[BudgetState]:
    """Review every workspace that is paused or has used something today, because the settings may have changed."""
    db.execute("DELETE FROM budget_pauses WHERE until <= ?", (now,))
    found = db.execute(
        "SELECT workspace FROM budget_pauses UNION SELECT workspace FROM model_usage WHERE day = ?", (day_of(now),)
    )
    return review(db, [workspace for (workspace,) in found.fetchall()], usual, now)


def resume_all(db: Transaction, now: int) -> None:
    """End all pauses."""
    resume(db, [workspace for (workspace,) in db.execute("SELECT workspace FROM budget_pauses").fetchall()], now)


def resume(db: Transaction, workspaces: Iterable[int], now: int) -> None:
    """End the pauses of workspaces (rows), whose jobs may then be claimed at once."""
    for workspace in workspaces:
        db.execute("DELETE FROM budget_pauses WHERE workspace = ?", (workspace,))
        fair_share.look_again(db, workspace, now)


def paused(db: Transaction, usual: int, now: int) -> list[BudgetState]:
    """The workspaces that are paused."""
    found = db.execute(
        """SELECT p.workspace FROM budget_pauses p JOIN workspaces w ON w.pk = p.workspace
           WHERE p.until > ? AND w.deleted_at IS NULL ORDER BY w.id""",
        (now,),
    )
    return [state(db, workspace, usual, now) for (workspace,) in found.fetchall()]


def _pause(db: Transaction, workspace: int, until: int) -> None:
    db.execute(
        """INSERT INTO budget_pauses (workspace, until) VALUES (?, ?)
           ON CONFLICT (workspace) DO UPDATE SET until = excluded.until""",
        (workspace, until),
    )
