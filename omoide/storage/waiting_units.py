"""Units of reasoning work that are not processed yet: make them due, and read their messages."""

from __future__ import annotations

from omoide.core.job_payloads import InvalidPayload, JobKind, WorkUnit
from omoide.storage.base import Transaction
from omoide.storage.dialect import json_or_null
from omoide.storage.messages import Stretch
from omoide.storage.queue import parse_payload

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


def newest(db: Transaction, workspace_id: str, observed_id: str | None, limit: int) -> list[Stretch]:
    """The messages of the unfinished units that were enqueued last, about a peer or about all; newest unit first."""
    about = "" if observed_id is None else f"AND {_PAYLOAD} ->> 'observed' = :observed"
    found = db.execute(
        f"""SELECT payload FROM jobs WHERE kind = :kind AND failed_at IS NULL {about}
            AND workspace IN (SELECT pk FROM workspaces WHERE id = :workspace) ORDER BY pk DESC LIMIT :limit""",
        {"kind": JobKind.REPRESENTATION, "observed": observed_id, "workspace": workspace_id, "limit": limit},
    )
    return [stretch for (stored,) in found if (stretch := _stretch(stored)) is not None]


def _stretch(stored: object) -> Stretch | None:
    """The messages of a unit; None if its payload is damaged: it fails when it is claimed."""
    try:
        unit = WorkUnit.from_json(parse_payload(stored))
    except InvalidPayload:
        return None
    return Stretch(unit.session_pk, unit.first, unit.through)
