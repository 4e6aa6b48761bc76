"""The table of `fair_share`, and the triggers on `jobs` that maintain it."""

from __future__ import annotations


def share_of(workspace: str) -> str:
    # The index `jobs_share` uses the same expression.
    return f"iif(typeof({workspace}) = 'integer' AND {workspace} > 0, {workspace}, 0)"


def _note(workspace: str, due_at: str) -> str:
    return f"""INSERT INTO shares (pk, due_at) VALUES ({share_of(workspace)}, {due_at})
        ON CONFLICT (pk) DO UPDATE SET due_at = excluded.due_at
        WHERE ready = 0 AND (due_at IS NULL OR due_at > excluded.due_at);"""


_OTHERS = "FROM jobs h WHERE h.kind = OLD.kind AND h.key = OLD.key AND h.pk <> OLD.pk AND h.failed_at IS NULL"
_FREED = f"coalesce(min(OLD.due_at, (SELECT h.due_at {_OTHERS} ORDER BY h.pk LIMIT 1)), 0)"
"""When another job of the key can run, after this one no longer blocks it."""

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
"""The statements of the migration step."""
