"""State of scope backfills, and the jobs that a change of a scope's sessions causes (`scope_copies` does their work).

When a session with messages is added to a scope, its backfill is `pending` until a job has copied the session's
conclusions. When a session is removed, a job deletes what the scope learned from it.
"""

from __future__ import annotations

from omoide.core.job_payloads import JobKind, ScopeChange
from omoide.core.jobs import NewJob
from omoide.core.records import Backfill
from omoide.storage import queue, rows
from omoide.storage.base import Transaction


def begin(db: Transaction, scope: int, session: int, now: int) -> None:
    """Enqueue the backfill of a session that was added to the scope; does nothing if the session has no messages."""
    (count, workspace) = db.execute("SELECT message_count, workspace FROM sessions WHERE pk = ?", (session,)).fetchone()
    if count == 0:
        return
    db.execute(
        """INSERT INTO backfills (scope, session, state, updated_at) VALUES (?, ?, 'pending', ?)
           ON CONFLICT (scope, session) DO UPDATE
           SET state = 'pending', docs_copied = NULL, updated_at = excluded.updated_at""",
        (scope, session, now),
    )
    _enqueue(db, JobKind.SCOPE_BACKFILL, scope, session, workspace, now)


def begin_all(db: Transaction, session: int, now: int) -> None:
    """As `begin`, for every scope that the session is in."""
    scopes = db.execute(
        """SELECT m.peer FROM members m JOIN peers p ON p.pk = m.peer
           WHERE m.session = ? AND m.left_at IS NULL AND p.kind = 'scope' ORDER BY m.peer""",
        (session,),
    ).fetchall()
    for (scope,) in scopes:
        begin(db, scope, session, now)


def undo(db: Transaction, scope: int, session: int, now: int) -> None:
    """Clear the state of a session that left the scope, and enqueue the removal of its conclusions."""
    db.execute("DELETE FROM backfills WHERE scope = ? AND session = ?", (scope, session))
    (workspace,) = db.execute("SELECT workspace FROM sessions WHERE pk = ?", (session,)).fetchone()
    _enqueue(db, JobKind.SCOPE_REMOVAL, scope, session, workspace, now)


def _enqueue(db: Transaction, kind: JobKind, scope: int, session: int, workspace: int, now: int) -> None:
    queue.add(
        db, NewJob(kind, ScopeChange(scope, session).to_json(), key=key(scope, session), workspace=workspace), now
    )


def key(scope: int, session: int) -> str:
    """Queue key of the jobs of a scope and a session."""
    return f"{scope}:{session}"


def status(db: Transaction, scope: int) -> dict[str, Backfill]:
    """Session id → backfill state, for the scope's active sessions that have one, ordered by id.

    A pending backfill is reported as failed if all its jobs failed for good; retrying one makes it pending again.
    """
    found = db.execute(
        """SELECT s.id, b.state, b.updated_at, b.docs_copied, count(j.pk), max(j.failed_at), count(j.failed_at)
           FROM backfills b
           JOIN sessions s ON s.pk = b.session
           LEFT JOIN jobs j ON j.kind = ? AND j.key = b.scope || ':' || b.session
           WHERE b.scope = ? AND s.deleted_at IS NULL
           GROUP BY b.scope, b.session, s.pk ORDER BY s.id""",
        (JobKind.SCOPE_BACKFILL, scope),
    )
    states = {}
    for row in found:
        session_id, state, updated_at, docs_copied, jobs, failed_at, failures = rows.mended(_STATUS, row)
        failed = state == "pending" and jobs > 0 and jobs == failures
        at = max(updated_at, failed_at) if failed else updated_at
        states[session_id] = Backfill("failed" if failed else state, at, docs_copied)
    return states


_STATUS = ["sessions.id", "backfills.state", "backfills.updated_at", "backfills.docs_copied"]
_STATUS += ["", "jobs.failed_at", ""]
