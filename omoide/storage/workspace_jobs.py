"""The jobs of one workspace, for those who look at it: how many are in each state."""

from __future__ import annotations

from typing import NamedTuple

from omoide.storage.base import Transaction


class JobCounts(NamedTuple):
    """Jobs by state: due or waiting; leased by a worker; failed for good."""

    pending: int
    in_progress: int
    failed: int


STATE = """CASE WHEN j.failed_at IS NOT NULL THEN 'failed' WHEN j.leased_until > :now THEN 'in_progress'
    ELSE 'pending' END"""


def counts(db: Transaction, workspace: int, now: int) -> JobCounts:
    """Count the jobs of a workspace (row)."""
    found = db.execute(
        f"SELECT {STATE}, count(*) FROM jobs j WHERE j.workspace = :workspace GROUP BY 1",
        {"workspace": workspace, "now": now},
    )
    by_state = dict(found.fetchall())
    return JobCounts(*(by_state.get(state, 0) for state in JobCounts._fields))
