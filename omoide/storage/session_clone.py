"""Copy a session with its current members and its messages.

A long session is copied in several transactions, so that other writes can run in between. Until the last one, the copy
is hidden like a deleted session, and a job is enqueued that removes it. The job becomes due if copying stops half-way;
the last transaction cancels it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from omoide.core import clock
from omoide.core.clock import MINUTE, new_id
from omoide.core.errors import NotFound, Unavailable
from omoide.core.job_payloads import JobKind, SessionPurge
from omoide.core.jobs import NewJob
from omoide.core.records import Change, Session
from omoide.storage import embeddings, members, message_copy, messages, queue, scope_backfill, sessions, workspaces
from omoide.storage.base import Store, Transaction
from omoide.storage.large_values import referred

PATIENCE = 2 * MINUTE
"""Microseconds after the last step until an incomplete copy is removed."""


@dataclass(frozen=True, slots=True)
class UnfinishedClone:
    """An incomplete copy. Messages up to and including the position `through` of the source are copied."""

    source: Session
    copy: Session
    last: int
    through: int

    @property
    def key(self) -> str:
        """Key of the job that removes the copy."""
        return f"clone:{self.copy.uid}"


async def clone(store: Store, workspace_id: str, session_id: str, until: str | None) -> Session:
    """Copy the session under a new id, with its messages up to and including `until`, or all of them.

    Raises NotFound if the session, or the message in it, does not exist or is deleted while it is copied.
    """
    found = await store.write(begin, workspace_id, session_id, until, clock.now())
    while isinstance(found, UnfinishedClone):
        found = await store.write(go_on, found, clock.now())
    return found


def begin(
    db: Transaction, workspace_id: str, session_id: str, until: str | None, now: int
) -> Session | UnfinishedClone:
    """Copy a short session, or begin to copy a long one. Raises NotFound as `clone` does."""
    source = _source(db, workspace_id, session_id)
    last = None if until is None else messages.position(db, source.pk, until)
    if until is not None and last is None:
        raise NotFound(f"Message with ID {until} not found")
    workspace = workspaces.ensure(db, workspace_id, now)
    copy = _empty_copy(db, workspace, source, now)
    last = messages.count(db, source.pk) if last is None else last
    members.copy(db, source.pk, copy.pk, last, now)
    begun = UnfinishedClone(source, copy, last, message_copy.copy_some(db, source.pk, copy.pk, 0, last, now))
    if begun.through < last:
        db.execute("UPDATE sessions SET deleted_at = ? WHERE pk = ?", (embeddings.UNFINISHED, copy.pk))
        queue.add(
            db,
            NewJob(JobKind.PURGE_SESSION, SessionPurge(copy.pk).to_json(), key=begun.key, due_at=now + PATIENCE),
            now,
        )
        return begun
    scope_backfill.begin_all(db, copy.pk, now)
    return copy


def go_on(db: Transaction, begun: UnfinishedClone, now: int) -> Session | UnfinishedClone:
    """Copy more messages; returns the session once it is complete.

    Raises NotFound if the source was deleted, and Unavailable if the removal of the copy has already begun.
    """
    if not queue.defer(db, JobKind.PURGE_SESSION, begun.key, now + PATIENCE):
        raise Unavailable("Copying the session took too long")
    source, copy = begun.source, begun.copy
    if _source(db, source.workspace_id, source.id).uid != source.uid:
        raise NotFound("Original session not found")
    through = message_copy.copy_some(db, source.pk, copy.pk, begun.through, begun.last, now)
    if through < begun.last:
        return replace(begun, through=through)
    db.execute("UPDATE sessions SET deleted_at = NULL WHERE pk = ?", (copy.pk,))
    queue.cancel(db, JobKind.PURGE_SESSION, begun.key)
    scope_backfill.begin_all(db, copy.pk, now)
    return copy


def _source(db: Transaction, workspace_id: str, session_id: str) -> Session:
    if found := sessions.find(db, workspace_id, session_id):
        return found
    raise NotFound("Original session not found")


def _empty_copy(db: Transaction, workspace: int, source: Session, now: int) -> Session:
    if referred(source.metadata) is None and referred(source.configuration) is None:
        change = Change(source.metadata, source.configuration)
        return sessions.create(db, workspace, source.workspace_id, new_id(now), change, now)
    copy = sessions.create(db, workspace, source.workspace_id, new_id(now), Change(), now)
    db.execute(
        """UPDATE sessions SET (metadata, configuration) =
           (SELECT metadata, configuration FROM sessions WHERE pk = ?) WHERE pk = ?""",
        (source.pk, copy.pk),
    )
    return sessions.get(db, source.workspace_id, copy.id)
