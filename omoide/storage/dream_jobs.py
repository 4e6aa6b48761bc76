"""Dream jobs: at most one per pair and type is waiting, and one whose input was deleted is restarted."""

from __future__ import annotations

from omoide.core.jobs import DREAM
from omoide.core.records import Json
from omoide.storage import queue
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.dialect import json_or_null, least

OMNI, CARD_REFRESH = "omni", "card_refresh"
Pair = tuple[int, int]
"""Observer and observed (rows of peers)."""
_PAYLOAD = json_or_null("payload")


def key(type: str, pair: Pair) -> str:
    """Queue key of the dreams of a pair."""
    return f"{type}:{pair[0]}:{pair[1]}"


def add(db: Transaction, workspace: int, pair: Pair, type: str, payload: Json, now: int, due_at: int) -> None:
    """Enqueue a dream, even if one is queued already."""
    job = {**payload, "type": type, "pair": [*pair]}
    queue.add(db, DREAM, job, now, key=key(type, pair), workspace=workspace, coalesce=False, due_at=due_at)


def enqueue(
    db: Transaction, workspace: int, pair: Pair, type: str, payload: Json, now: int, *, afresh: bool = False
) -> None:
    """Make sure that a dream of the pair is due now. A running or waiting one is enough, and a waiting one becomes due;
    with `afresh`, a running one does not count, because it has read outdated data."""
    is_enough = queue.is_waiting if afresh else queue.is_queued
    if is_enough(db, DREAM, key(type, pair)):
        queue.expedite(db, DREAM, key(type, pair), now)
    else:
        add(db, workspace, pair, type, payload, now, now)


def renew(db: Transaction, workspace: int, pair: Pair, type: str, now: int) -> None:
    """Enqueue a dream of the pair that rebuilds its card from the conclusions alone, or turn the waiting one into it.

    Call it after `interrupt`, so that no dream of the pair runs.
    """
    amended = db.execute(
        f"""UPDATE jobs SET payload = json_set({_PAYLOAD}, '$.rebuild', json('true'), '$.automatic', json('true')),
               due_at = {least("due_at", "?")}, grows = 0
           WHERE kind = ? AND key = ? AND leased_until IS NULL AND failed_at IS NULL AND {_PAYLOAD} IS NOT NULL""",
        (now, DREAM, key(type, pair)),
    )
    if not amended.rowcount:
        observer, observed = (
            as_text(db.execute("SELECT id FROM peers WHERE pk = ?", (pk,)).fetchone()[0]) for pk in pair
        )
        payload: Json = {"observer": observer, "observed": observed, "session": None}
        add(db, workspace, pair, type, {**payload, "rebuild": True, "automatic": True}, now, now)


def interrupt(db: Transaction, workspace: int, now: int) -> None:
    """Restart the running dreams of the workspace, because their input may have been deleted.

    A worker that runs one loses its lease and stores nothing.
    """
    db.execute(
        """UPDATE jobs SET leased_until = NULL, due_at = ?
           WHERE workspace = ? AND kind = ? AND leased_until IS NOT NULL AND failed_at IS NULL""",
        (now, workspace, DREAM),
    )


def leave_session(db: Transaction, workspace: int, session_id: str) -> None:
    """Detach dreams from a session that is deleted."""
    db.execute(
        f"""UPDATE jobs SET payload = json_set({_PAYLOAD}, '$.session', NULL)
           WHERE workspace = ? AND kind = ? AND {_PAYLOAD} ->> 'session' = ?""",
        (workspace, DREAM, session_id),
    )
