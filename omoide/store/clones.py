"""Copying a session: who is in it now, and what was said in it."""

from __future__ import annotations

from omoide.clock import new_id
from omoide.errors import NotFound
from omoide.records import Change, Session
from omoide.store import backfills, members, message_copy, messages, sessions, workspaces
from omoide.store.database import Connection
from omoide.store.large_values import referred


def clone(db: Connection, workspace_id: str, session_id: str, until: str | None, now: int) -> Session:
    """A copy of the session under a fresh id, with its messages up to and including `until`, or all of them.

    Raises NotFound if there is no such session, or no such message in it.
    """
    source = sessions.find(db, workspace_id, session_id)
    if source is None:
        raise NotFound("Original session not found")
    last = None if until is None else messages.position(db, source.pk, until)
    if until is not None and last is None:
        raise NotFound(f"Message with ID {until} not found")
    workspace = workspaces.ensure(db, workspace_id, now)
    copy = _empty_copy(db, workspace, source, now)
    through = messages.count(db, source.pk) if last is None else last
    members.copy(db, source.pk, copy.pk, through, now)
    message_copy.copy(db, source.pk, copy.pk, through, now)
    backfills.begin_all(db, copy.pk, now)
    return copy


def _empty_copy(db: Connection, workspace: int, source: Session, now: int) -> Session:
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
