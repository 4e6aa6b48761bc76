"""Units of reasoning work that are not processed yet: make them due, and read their messages."""

from __future__ import annotations

from omoide.core.job_payloads import JobKind
from omoide.storage.base import Transaction
from omoide.storage.dialect import json_or_null

_PAYLOAD = json_or_null("payload")


def hasten(db: Transaction, now: int, *, workspace_id: str | None = None, session_id: str | None = None) -> int:
    """Make all units due now that wait for more messages, and append to them no more; return their number.

    `workspace_id` and `session_id` restrict it to a workspace, and to one of its sessions.
    """
    within = {"workspace IN (SELECT pk FROM workspaces WHERE id = :workspace)": workspace_id}
    within[f"{_PAYLOAD} ->> 'session' = :session"] = session_id
    restrictions = "".join(f" AND {sql}" for sql, value in within.items() if value is not None)
    changed = db.execute(
        f"""UPDATE jobs SET grows = 0, due_at = :now WHERE kind = :kind AND leased_until IS NULL
            AND failed_at IS NULL AND attempts = 0 AND due_at > :now{restrictions}""",
        {"kind": JobKind.REPRESENTATION, "now": now, "workspace": workspace_id, "session": session_id},
    )
    return int(changed.rowcount)
