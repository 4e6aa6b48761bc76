"""What a workspace holds, read piece by piece from one snapshot, for exports that people and other programs read.

Rows are chosen as for JSON Lines, so what was deleted is not among them. Hidden peers of scopes, and the copies that
they hold, are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import orjson

from omoide.core.records import Json
from omoide.storage import rows
from omoide.storage.base import Transaction
from omoide.storage.export import reader

MOST_REFERENCES = 5
"""Messages that are named for one conclusion, the newest."""

_SESSION = "(SELECT pk FROM sessions WHERE workspace = :workspace AND id = :session AND deleted_at IS NULL)"
_PEER = "(SELECT pk FROM peers WHERE workspace = :workspace AND id = :peer)"
_TALK = """FROM messages m JOIN peers p ON p.pk = m.peer AND p.kind <> 'deleted'"""


class SessionSpan(NamedTuple):
    """The number of messages of a session, and the earliest and latest time among them in microseconds."""

    messages: int
    first: int | None
    last: int | None


class MessageReference(NamedTuple):
    """A message by its session and position."""

    session_id: str
    seq: int


class WorkspaceContents:
    """A workspace, by its row. Lines are those of `schema.KINDS`."""

    def __init__(self, db: Transaction, workspace: int) -> None:
        self._db = db
        self._workspace = workspace
        (self.name,) = rows.mended(
            ["workspaces.id"], db.execute("SELECT id FROM workspaces WHERE pk = ?", (workspace,)).fetchone()
        )

    def workspace(self) -> Json:
        (line,) = self._some("workspace", "1 = 1", "t.pk")
        return line

    def peers(self) -> Iterator[Json]:
        return self._some("peer", "t.kind = 'peer'", "t.id")

    def scopes(self) -> Iterator[Json]:
        return self._some("peer", "t.kind = 'scope'", "t.id")

    def sessions(self) -> Iterator[Json]:
        return self._some("session", "1 = 1", "t.created_at, t.pk")

    def count_peers(self) -> int:
        return self._count("peers WHERE workspace = :workspace AND kind = 'peer'")

    def count_sessions(self) -> int:
        return self._count("sessions WHERE workspace = :workspace AND deleted_at IS NULL")

    def messages(self, session_id: str) -> Iterator[Json]:
        return self._some("message", f"t.session = {_SESSION}", "t.seq", session=session_id)

    def members(self, session_id: str) -> Iterator[Json]:
        """Members, also former ones."""
        in_session = f"t.session = {_SESSION} AND peer.kind = 'peer'"
        return self._some("member", in_session, "t.joined_at, t.peer", session=session_id)

    def sessions_of(self, peer_id: str) -> Iterator[Json]:
        """The memberships of a peer or of the hidden peer of a scope."""
        return self._some("member", f"t.peer = {_PEER}", "session.created_at, t.session", peer=peer_id)

    def summaries(self, session_id: str) -> Iterator[Json]:
        return self._some("summary", f"t.session = {_SESSION}", "t.kind DESC", session=session_id)

    def cards(self, peer_id: str) -> Iterator[Json]:
        """The cards about a peer, its own first."""
        about = "t.observed = :peer AND observer.kind = 'peer'"
        return self._some("card", about, "observer.id <> :peer, observer.id", peer=peer_id)

    def conclusions(self, peer_id: str) -> Iterator[Json]:
        """The current conclusions about a peer by observer, its own first, by level and by when they were said."""
        about = f"t.observed = {_PEER} AND t.deleted_at IS NULL AND observer.kind = 'peer'"
        order = "observer.id <> :peer, observer.id, t.level = 'explicit' DESC, t.level, t.said_at, t.pk"
        return self._some("conclusion", about, order, peer=peer_id)

    def count_conclusions(self, peer_id: str) -> int:
        """The number of current conclusions about a peer."""
        return self._count(
            f"""conclusions t JOIN peers observer ON observer.pk = t.observer LEFT JOIN sessions s ON s.pk = t.session
                WHERE t.observed = {_PEER} AND t.deleted_at IS NULL AND observer.kind = 'peer'
                AND s.deleted_at IS NULL""",
            peer=peer_id,
        )

    def ended(self, peer_id: str) -> Iterator[Json]:
        """The conclusions about a peer that are no longer current, in the order in which they ended."""
        about = f"t.observed = {_PEER} AND t.ended_as IS NOT NULL AND observer.kind = 'peer'"
        return self._some("conclusion", about, "t.deleted_at, t.pk", peer=peer_id)

    def cited(self, peer_id: str) -> set[str]:
        """The ids of the conclusions that those about a peer are derived from."""
        derived = (each["source_ids"] or () for each in self.conclusions(peer_id) if each["level"] != "explicit")
        return {id for ids in derived for id in ids}

    def conclusion(self, id: str) -> Json | None:
        """A conclusion by its id."""
        return next(self._some("conclusion", "t.id = :id", "t.pk", id=id), None)

    def messages_behind(self, conclusion_id: str) -> Sequence[MessageReference]:
        """The newest messages that a conclusion was drawn from, in their order."""
        found = self._db.execute(
            f"""SELECT s.id, m.seq {_TALK} JOIN conclusion_messages x ON x.message = m.pk
               JOIN conclusions c ON c.pk = x.conclusion JOIN sessions s ON s.pk = m.session
               WHERE c.id = ? AND s.deleted_at IS NULL ORDER BY m.pk DESC LIMIT ?""",
            (conclusion_id, MOST_REFERENCES),
        ).fetchall()
        names = ["sessions.id", "messages.seq"]
        return [MessageReference(*rows.mended(names, row)) for row in reversed(found)]

    def span(self, session_id: str) -> SessionSpan:
        row = self._db.execute(
            f"SELECT count(*), min(m.created_at), max(m.created_at) {_TALK} WHERE m.session = {_SESSION}",
            {"workspace": self._workspace, "session": session_id},
        ).fetchone()
        return SessionSpan(*row)

    def _count(self, source: str, **params: str) -> int:
        given = {"workspace": self._workspace, **params}
        return int(self._db.execute(f"SELECT count(*) FROM {source}", given).fetchone()[0])

    def _some(self, kind: str, condition: str, order: str, **params: str) -> Iterator[Json]:
        for line in reader.some(self._db, kind, self._workspace, condition, order, **params):
            yield {name: _parsed(value) for name, value in line.items()}


def _parsed(value: object) -> object:
    """The value of a field that is kept as JSON text, or the value itself."""
    return orjson.loads(orjson.dumps(value)) if isinstance(value, orjson.Fragment) else value
