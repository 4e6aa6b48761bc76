"""The history of memberships by time: when each stay of a peer in a session began and ended, and on whose behalf.

`membership_intervals` has the stays by position, for visibility; it unites stays between which no message came.
"""

from __future__ import annotations

from collections.abc import Sequence

from omoide.core import acting
from omoide.core.errors import NotFound
from omoide.core.records import Visit
from omoide.storage import rows
from omoide.storage.base import Transaction

MOST = 1_000
"""Visits of one peer that are listed, the newest."""


def begin(db: Transaction, session: int, joining: Sequence[int], now: int) -> None:
    """Record that peers (rows) joined the session."""
    caller = acting.caller()
    values = [(session, peer, now, caller) for peer in joining]
    rows.insert_all(db, "visits (session, peer, joined_at, added_by)", values)


def end(db: Transaction, session: int, peer: int, now: int) -> None:
    """Record that the peer left the session."""
    db.execute(
        "UPDATE visits SET left_at = ?, removed_by = ? WHERE session = ? AND peer = ? AND left_at IS NULL",
        (now, acting.caller(), session, peer),
    )


def copy(db: Transaction, session: int) -> None:
    """Record that the members of a session's copy, who are in it already, joined it."""
    db.execute(
        """INSERT INTO visits (session, peer, joined_at, added_by)
           SELECT m.session, m.peer, m.joined_at, ? FROM members m JOIN peers p ON p.pk = m.peer
           WHERE m.session = ? AND p.kind <> 'scope' ORDER BY m.joined_at, m.peer""",
        (acting.caller(), session),
    )


def derive(db: Transaction, workspace: int) -> None:
    """Record the latest stay of each member of the workspace that has no visit, as in files from before visits."""
    db.execute(
        """INSERT INTO visits (session, peer, joined_at, left_at)
           SELECT m.session, m.peer, m.joined_at, m.left_at FROM members m JOIN sessions s ON s.pk = m.session
           JOIN peers p ON p.pk = m.peer WHERE s.workspace = ? AND p.kind <> 'scope' AND NOT EXISTS (
               SELECT 1 FROM visits v WHERE v.session = m.session AND v.peer = m.peer)
           ORDER BY m.session, m.joined_at, m.peer""",
        (workspace,),
    )


def of(db: Transaction, workspace_id: str, session_id: str, peer_id: str) -> list[Visit]:
    """The peer's visits of the session, newest first. Raises NotFound if it was never in the session."""
    found = db.execute(
        """SELECT v.joined_at, v.left_at, v.added_by, v.removed_by FROM visits v
           JOIN sessions s ON s.pk = v.session JOIN workspaces w ON w.pk = s.workspace JOIN peers p ON p.pk = v.peer
           WHERE w.id = ? AND w.deleted_at IS NULL AND s.id = ? AND s.deleted_at IS NULL AND p.id = ?
           ORDER BY coalesce(v.joined_at, 0) DESC, v.pk DESC LIMIT ?""",
        (workspace_id, session_id, peer_id, MOST),
    ).fetchall()
    if not found:
        raise NotFound(f"Session peer {peer_id} not found in session {session_id} in workspace {workspace_id}")
    return [*map(_visit, found)]


_COLUMNS = ("joined_at", "left_at", "added_by", "removed_by")
_visit = rows.reader([f"visits.{name}" for name in _COLUMNS], lambda row: Visit(*row))
