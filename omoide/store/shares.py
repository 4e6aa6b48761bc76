"""What each workspace has used of the workers' time, and which of them has a job that may run: the order of claims.

Start-time fair queuing: of the workspaces that are `ready`, the one that has `used` the least time is served next. One
that becomes ready starts no lower than the one served last (`_CLOCK`), so that nobody saves up time. Jobs of no
workspace have a share of their own (`NO_WORKSPACE`).

Triggers on `jobs` note in `due_at` when a workspace may have something to do; no statement that changes jobs can forget
it. From then on it is ready (`wake`) until a claim finds no job of it that may run (`rest`). So a claim looks at no
workspace that only has jobs for later, nor at one whose jobs all wait for one that runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from omoide.store.connection import Connection

NO_WORKSPACE = 0
"""The share of jobs that serve everybody: vectors, erasing, removal of workspaces and conclusions."""
NO_WORKSPACE_WEIGHT = 4
"""How many times the time of a workspace it gets: the more workspaces there are, the more they leave to it."""

LEAST_COST, MOST_COST = 1_000, 60_000_000
"""Microseconds that one turn counts for, whatever it took: a thousand quick ones are not free, and a single slow one
does not put a workspace behind all others for an hour."""

MOST_CREDIT = 1_000_000
"""Microseconds by which a workspace may stay behind the others while its jobs cannot run, as where it has no place."""

FLOOR_SHARE, MOST_COUNTED = 4, 250
"""A workspace that used much is served before new ones once those that wait, counted up to so many, have used so many
times as much each: else new ones that keep coming would keep it waiting for ever."""

RELOOK = 60_000_000
"""Microseconds after which a workspace is looked at again whose due jobs all waited for others: in case of damage."""

MOST_USED = 2**53
"""As `column_rules.COUNT` has it: 285 years."""

_CLOCK = -1
"""The row whose `used` is the least that a workspace starts with: what the one claimed last had used by then."""


def share_of(workspace: str) -> str:
    """SQL for the share of a job, by SQL for its workspace. The index `jobs_share` is on this very expression."""
    return f"iif(typeof({workspace}) = 'integer' AND {workspace} > 0, {workspace}, {NO_WORKSPACE})"


def _note(workspace: str, due_at: str) -> str:
    return f"""INSERT INTO shares (pk, due_at) VALUES ({share_of(workspace)}, {due_at})
        ON CONFLICT (pk) DO UPDATE SET due_at = excluded.due_at
        WHERE ready = 0 AND (due_at IS NULL OR due_at > excluded.due_at);"""


_OTHERS = "FROM jobs h WHERE h.kind = OLD.kind AND h.key = OLD.key AND h.pk <> OLD.pk AND h.failed_at IS NULL"
_FREED = f"coalesce(min(OLD.due_at, (SELECT h.due_at {_OTHERS} ORDER BY h.pk LIMIT 1)), 0)"
"""When another job of the key may run, now that this one is out of its way."""

SCHEMA = (
    """CREATE TABLE shares (
        pk INTEGER PRIMARY KEY, used INTEGER NOT NULL DEFAULT 0,
        ready INTEGER NOT NULL DEFAULT 0, due_at INTEGER)""",
    "CREATE INDEX shares_used ON shares (ready, used, due_at)",
    "CREATE INDEX shares_due ON shares (ready, due_at)",
    f"CREATE INDEX jobs_share ON jobs ({share_of('workspace')}, due_at) WHERE failed_at IS NULL",
    "CREATE INDEX jobs_leased ON jobs (leased_until) WHERE leased_until IS NOT NULL",
    f"""CREATE TRIGGER jobs_added AFTER INSERT ON jobs WHEN NEW.failed_at IS NULL BEGIN
        {_note("NEW.workspace", "coalesce(NEW.due_at, 0)")} END""",
    f"""CREATE TRIGGER jobs_freed AFTER UPDATE OF due_at, leased_until, failed_at, workspace ON jobs
        WHEN NEW.failed_at IS NULL AND (NEW.leased_until IS NULL OR NEW.leased_until < OLD.leased_until)
        AND (OLD.leased_until IS NOT NULL OR OLD.failed_at IS NOT NULL OR NEW.due_at < OLD.due_at
             OR NEW.workspace IS NOT OLD.workspace)
        BEGIN {_note("NEW.workspace", "coalesce(min(OLD.due_at, NEW.due_at), 0)")} END""",
    f"""CREATE TRIGGER jobs_failed AFTER UPDATE OF failed_at ON jobs
        WHEN NEW.failed_at IS NOT NULL AND OLD.failed_at IS NULL AND EXISTS (SELECT 1 {_OTHERS})
        BEGIN {_note("OLD.workspace", _FREED)} END""",
    f"""CREATE TRIGGER jobs_removed AFTER DELETE ON jobs WHEN OLD.failed_at IS NULL AND EXISTS (SELECT 1 {_OTHERS})
        BEGIN {_note("OLD.workspace", _FREED)} END""",
    f"""INSERT INTO shares (pk, due_at)
        SELECT DISTINCT {share_of("workspace")}, 0 FROM jobs WHERE failed_at IS NULL""",
)
"""The statements of the step of the schema that made all this."""


def wake(db: Connection, now: int) -> None:
    """Let workspaces be ready for which something has come due."""
    db.execute("UPDATE shares SET ready = 1, used = max(used, ?) WHERE ready = 0 AND due_at <= ?", (_clock(db), now))


def ready(db: Connection) -> Iterator[int]:
    """The workspaces that are ready, the one that has used the least first, then the one that waits longest."""
    yield from (row[0] for row in db.execute("SELECT pk FROM shares WHERE ready = 1 ORDER BY used, due_at"))


def ready_or_due(db: Connection, now: int) -> Iterator[int]:
    """Those that are ready, and those that `wake` would let be."""
    yield from ready(db)
    yield from (row[0] for row in db.execute("SELECT pk FROM shares WHERE ready = 0 AND due_at <= ?", (now,)))


def rest(db: Connection, workspaces: Iterable[int], now: int) -> None:
    """Let workspaces that have no job which may run be ready no more, until one comes due or is given back."""
    for workspace in workspaces:
        of_share = f"{share_of('workspace')} = :workspace"
        db.execute(
            f"""UPDATE shares SET ready = 0, due_at = (SELECT min(at) FROM (
                SELECT min(due_at) AS at FROM jobs WHERE {of_share} AND failed_at IS NULL AND due_at > :now
                UNION ALL SELECT min(leased_until) FROM jobs
                    WHERE leased_until > :now AND +{of_share} AND +failed_at IS NULL
                UNION ALL SELECT * FROM (
                    SELECT :relook FROM jobs WHERE {of_share} AND failed_at IS NULL AND due_at <= :now LIMIT 1)))
            WHERE pk = :workspace""",
            {"workspace": workspace, "now": now, "relook": now + RELOOK},
        )


def begin(db: Connection, workspace: int, now: int) -> None:
    """Note that a job of this workspace was claimed: no other starts lower from now on."""
    db.execute(
        f"""INSERT INTO shares (pk, used) SELECT {_CLOCK}, used FROM shares WHERE pk = ?
            ON CONFLICT (pk) DO UPDATE SET used = max(used, excluded.used)""",
        (workspace,),
    )
    more = f"""SELECT 1 FROM jobs WHERE {share_of("workspace")} = ? AND failed_at IS NULL AND due_at <= ?
        AND (leased_until IS NULL OR leased_until <= ?) LIMIT 1"""
    if db.execute(more, (workspace, now, now)).fetchone() is None:
        rest(db, [workspace], now)


def charge(db: Connection, used: Mapping[int, int]) -> None:
    """Count time that jobs took: workspace → microseconds."""
    for workspace, cost in used.items():
        counted = min(max(cost, LEAST_COST), MOST_COST) // (NO_WORKSPACE_WEIGHT if workspace == NO_WORKSPACE else 1)
        db.execute(
            "UPDATE shares SET used = min(max(used, ?) + ?, ?) WHERE pk = ?",
            (_clock(db) - MOST_CREDIT, counted, MOST_USED, workspace),
        )
    if used:
        (waiting,) = db.execute(
            "SELECT count(*) FROM (SELECT 1 FROM shares WHERE ready = 1 LIMIT ?)", (MOST_COUNTED,)
        ).fetchone()
        passed = sum(used.values()) // (FLOOR_SHARE * max(1, waiting))
        db.execute("UPDATE shares SET used = min(used + ?, ?) WHERE pk = ?", (passed, MOST_USED, _CLOCK))


def forget(db: Connection, workspace: int) -> None:
    """Remove the share of a workspace that is gone: its number may be used again."""
    db.execute("DELETE FROM shares WHERE pk = ?", (workspace,))


_DAMAGED = """FROM shares WHERE ready NOT BETWEEN 0 AND 1 OR typeof(ready) <> 'integer'
    OR typeof(used) <> 'integer' OR used NOT BETWEEN 0 AND :most
    OR due_at > :last OR typeof(due_at) NOT IN ('integer', 'null')"""


def is_damaged(db: Connection, last: int) -> bool:
    """Whether a share would be passed over for ever; none is due later than `last`. Reads every row."""
    return db.execute(f"SELECT 1 {_DAMAGED} LIMIT 1", {"most": MOST_USED, "last": last}).fetchone() is not None


def renew(db: Connection) -> None:
    """Look at every workspace again, and let those start equal whose account is damaged: times in it may be wrong."""
    db.execute(
        """UPDATE shares SET ready = 0, due_at = iif(pk = :clock, NULL, 0),
           used = iif(typeof(used) = 'integer' AND used BETWEEN 0 AND :most, used, 0)""",
        {"clock": _CLOCK, "most": MOST_USED},
    )
    db.execute(
        f"""INSERT OR IGNORE INTO shares (pk, due_at)
            SELECT DISTINCT {share_of("workspace")}, 0 FROM jobs WHERE failed_at IS NULL"""
    )


def _clock(db: Connection) -> int:
    row = db.execute("SELECT used FROM shares WHERE pk = ?", (_CLOCK,)).fetchone()
    return row[0] if row and isinstance(row[0], int) and 0 <= row[0] <= MOST_USED else 0
