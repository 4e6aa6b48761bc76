"""Queries for deciding which observers learn from the messages of a session."""

from __future__ import annotations

from collections.abc import Collection

from omoide.core.records import Json
from omoide.storage import rows, sessions, workspaces
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.dialect import array, unnest
from omoide.storage.large_values import loaded, settings_in

MemberRow = tuple[int, str, str, Json, int | None, int | None, bool]
"""Peer (row, id, kind, configuration), its observe_me and observe_others in the session, whether it is in it now."""


_CONFIGURATION = settings_in("p.configuration")
_MEMBER = f"p.pk, p.id, p.kind, {_CONFIGURATION}, m.observe_me, m.observe_others, m.left_at IS NULL"


def members(db: Transaction, session: int, authors: Collection[int]) -> list[MemberRow]:
    """The authors (rows of peers), and all members that observe others, ordered by row."""
    found = db.execute(
        f"""SELECT {_MEMBER} FROM members m JOIN peers p ON p.pk = m.peer
           WHERE m.session = :session AND m.observe_others = 1 AND p.kind <> 'deleted'
           UNION
           SELECT {_MEMBER} FROM {unnest("bigint", "a", ":authors")}
           JOIN members m ON m.session = :session AND m.peer = a.value
           JOIN peers p ON p.pk = m.peer ORDER BY 1""",
        {"session": session, "authors": array(authors)},
    )
    return [*map(_member, found)]


def _made(row: rows.Row) -> MemberRow:
    pk, id, kind, configuration, me, others, there = row
    return pk, id, kind, rows.from_text(configuration), me, others, bool(there)


_FLAGS = ("members.observe_me", "members.observe_others")
_member = rows.reader(["", "peers.id", "peers.kind", "peers.configuration", *_FLAGS, ""], _made)


def scopes(db: Transaction, session: int) -> list[int]:
    """The hidden peers of the session's current scopes."""
    found = db.execute(
        """SELECT m.peer FROM members m JOIN peers p ON p.pk = m.peer
           WHERE m.session = ? AND m.observe_others = 1 AND m.left_at IS NULL AND p.kind = 'scope' ORDER BY m.peer""",
        (session,),
    )
    return [pk for (pk,) in found]


def peer_id(db: Transaction, pk: int) -> str:
    """The id of an existing peer."""
    return as_text(db.execute("SELECT id FROM peers WHERE pk = ?", (pk,)).fetchone()[0])


def session_pk(db: Transaction, workspace_id: str, session_id: str | None) -> int | None:
    """The row of the session; None if it does not exist."""
    found = sessions.find(db, workspace_id, session_id) if session_id else None
    return found.pk if found else None


def configurations_of(db: Transaction, workspace_id: str, session_id: str | None) -> tuple[Json, Json | None]:
    """The stored configurations of a workspace and of one of its sessions; {} and None if they do not exist."""
    workspace = workspaces.find(db, workspace_id)
    session = sessions.find(db, workspace_id, session_id) if session_id else None
    of_session = loaded(db, session.configuration) if session else None
    return (loaded(db, workspace.configuration) if workspace else {}), of_session
