"""Fair scheduling of jobs between workspaces, by the worker time that each has used.

Start-time fair queuing: of the workspaces that are `ready`, the one with the least `used` time is served next. One that
becomes ready starts no lower than the one served last (`_CLOCK`), so that idle time earns no credit. Jobs without a
workspace have their own share (`NO_WORKSPACE`).

Triggers on `jobs` record in `due_at` when a workspace may have a runnable job, so that no statement that changes jobs
can omit it. From then on the workspace is ready (`wake`), until a claim finds no runnable job of it (`rest`). So a
claim skips workspaces whose jobs are all scheduled for later or wait for a running one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from omoide.core.clock import MINUTE
from omoide.storage.base import Transaction
from omoide.storage.dialect import count_or_zero, greatest, is_integer, least, share_of, skip_locked, without_index

NO_WORKSPACE = 0
"""The share of jobs that serve all workspaces: embedding, erasure, purging workspaces and conclusions."""
NO_WORKSPACE_WEIGHT = 4
"""Its weight relative to a workspace: the more workspaces there are, the more such work they cause."""

LEAST_COST, MOST_COST = 1_000, 60_000_000
"""Bounds of the charge for one turn, in microseconds: a thousand quick ones are not free, and a single slow one does
not put a workspace behind all others for an hour."""

MOST_CREDIT = 1_000_000
"""Maximum credit in microseconds of a workspace whose jobs could not run, for example for lack of a slot."""

FLOOR_SHARE, MOST_COUNTED = 4, 250
"""Prevents starvation by a stream of new workspaces: the starting level of new ones rises by the time used, divided by
`FLOOR_SHARE` times the number of ready workspaces (counted up to `MOST_COUNTED`)."""

RELOOK = MINUTE
"""Microseconds until a workspace is checked again whose due jobs all wait for others, as a safeguard against damage."""

MOST_USED = 2**53
"""The limit of `column_rules.COUNT`: 285 years."""

_CLOCK = -1
"""The row whose `used` is the starting level of workspaces: the `used` of the last claimed one at that time."""


def take_turn(db: Transaction) -> None:
    """Wait for claims by other workers: each sees which jobs the previous ones have leased."""
    db.lock("shares", _CLOCK)


def wake(db: Transaction, now: int) -> None:
    """Mark workspaces as ready that have a due job."""
    db.execute(
        f"""UPDATE shares SET ready = 1, used = {greatest("used", "?")}
            WHERE pk IN (SELECT pk FROM shares WHERE ready = 0 AND due_at <= ? {skip_locked()})""",
        (_clock(db), now),
    )


def ready(db: Transaction) -> Iterator[int]:
    """The ready workspaces, ordered by used time, then by the time they have waited."""
    yield from (row[0] for row in db.execute("SELECT pk FROM shares WHERE ready = 1 ORDER BY used, due_at"))


def ready_or_due(db: Transaction, now: int) -> Iterator[int]:
    """The ready workspaces, and those that `wake` would mark as ready."""
    yield from ready(db)
    yield from (row[0] for row in db.execute("SELECT pk FROM shares WHERE ready = 0 AND due_at <= ?", (now,)))


def rest(db: Transaction, workspaces: Iterable[int], now: int) -> None:
    """Mark workspaces without a runnable job as not ready, until a job becomes due or is released."""
    for workspace in workspaces:
        if not db.try_lock("shares", workspace):  # a job of it is being enqueued or finished
            continue
        of_share = f"{share_of('workspace')} = :workspace"
        db.execute(
            f"""UPDATE shares SET ready = 0, due_at = (SELECT min(at) FROM (
                SELECT min(due_at) AS at FROM jobs WHERE {of_share} AND failed_at IS NULL AND due_at > :now
                UNION ALL SELECT min(leased_until) FROM jobs
                    WHERE leased_until > :now AND {without_index(of_share)} AND {without_index("failed_at")} IS NULL
                UNION ALL SELECT * FROM (
                    SELECT CAST(:relook AS BIGINT) FROM jobs
                    WHERE {of_share} AND failed_at IS NULL AND due_at <= :now LIMIT 1) blocked
                ) times)
            WHERE pk = :workspace""",
            {"workspace": workspace, "now": now, "relook": now + RELOOK},
        )


def begin(db: Transaction, workspace: int, now: int) -> None:
    """Record a claim for this workspace, which raises the starting level of others."""
    db.execute(
        f"""INSERT INTO shares (pk, used) SELECT {_CLOCK}, used FROM shares WHERE pk = ?
            ON CONFLICT (pk) DO UPDATE SET used = {greatest("shares.used", "excluded.used")}""",
        (workspace,),
    )
    more = f"""SELECT 1 FROM jobs WHERE {share_of("workspace")} = ? AND failed_at IS NULL AND due_at <= ?
        AND (leased_until IS NULL OR leased_until <= ?) LIMIT 1"""
    if db.execute(more, (workspace, now, now)).fetchone() is None:
        rest(db, [workspace], now)


def charge(db: Transaction, used: Mapping[int, int]) -> None:
    """Charge the time that jobs took: workspace → microseconds."""
    for workspace, cost in used.items():
        counted = min(max(cost, LEAST_COST), MOST_COST) // (NO_WORKSPACE_WEIGHT if workspace == NO_WORKSPACE else 1)
        db.execute(
            f"UPDATE shares SET used = {least(greatest('used', '?') + ' + ?', '?')} WHERE pk = ?",
            (_clock(db) - MOST_CREDIT, counted, MOST_USED, workspace),
        )
    if used:
        (waiting,) = db.execute(
            "SELECT count(*) FROM (SELECT 1 FROM shares WHERE ready = 1 LIMIT ?) counted", (MOST_COUNTED,)
        ).fetchone()
        passed = sum(used.values()) // (FLOOR_SHARE * max(1, waiting))
        db.execute(f"UPDATE shares SET used = {least('used + ?', '?')} WHERE pk = ?", (passed, MOST_USED, _CLOCK))


def look_again(db: Transaction, workspace: int, now: int) -> None:
    """Check a workspace now whose jobs could not run."""
    db.execute("UPDATE shares SET due_at = ? WHERE pk = ? AND ready = 0", (now, workspace))


def forget(db: Transaction, workspace: int) -> None:
    """Remove the share of a deleted workspace, because its row number may be reused."""
    db.execute("DELETE FROM shares WHERE pk = ?", (workspace,))


_DAMAGED = f"""FROM shares WHERE ready NOT BETWEEN 0 AND 1 OR NOT {is_integer("ready")}
    OR NOT {is_integer("used")} OR used NOT BETWEEN 0 AND :most
    OR due_at > :last OR due_at IS NOT NULL AND NOT {is_integer("due_at")}"""


def is_damaged(db: Transaction, last: int) -> bool:
    """Whether a damaged share would be skipped forever; no valid `due_at` is later than `last`. Reads all rows."""
    return db.execute(f"SELECT 1 {_DAMAGED} LIMIT 1", {"most": MOST_USED, "last": last}).fetchone() is not None


def renew(db: Transaction) -> None:
    """Make every workspace due for a check, because stored times may be wrong, and reset damaged accounts."""
    db.execute(
        f"""UPDATE shares SET ready = 0, due_at = CASE WHEN pk = ? THEN NULL ELSE 0 END,
           used = {count_or_zero("used", MOST_USED)}""",
        (_CLOCK,),
    )
    db.execute(
        f"""INSERT INTO shares (pk, due_at)
            SELECT DISTINCT {share_of("workspace")}, 0 FROM jobs WHERE failed_at IS NULL ON CONFLICT DO NOTHING"""
    )


def _clock(db: Transaction) -> int:
    row = db.execute("SELECT used FROM shares WHERE pk = ?", (_CLOCK,)).fetchone()
    return row[0] if row and isinstance(row[0], int) and 0 <= row[0] <= MOST_USED else 0
