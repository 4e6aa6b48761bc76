"""What a key may read of conclusions, and of the messages behind them.

A peer's key reads what the peer holds true, and the messages that it may search (`visibility.View.READER`). A session's
key reads explicit conclusions from the session, and all of its messages. Other keys read everything.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from omoide.storage import peers, visibility, workspaces
from omoide.storage.base import Transaction
from omoide.storage.dialect import ORDERED_JOIN, array, in_array, unnest
from omoide.storage.filters import SqlClause
from omoide.storage.filters.clauses import EVERY_ROW, NO_ROW
from omoide.storage.visibility import View


@dataclass(frozen=True, slots=True)
class Reach:
    """The peer and the session that a key is limited to; None: no limit."""

    peer: str | None = None
    session: str | None = None

    @property
    def is_limited(self) -> bool:
        return self.peer is not None or self.session is not None

    def conclusions(self) -> SqlClause:
        """A condition on the conclusion `c` of the observer `obr` and the session `s`."""
        conditions, params = [EVERY_ROW.sql], []
        if self.peer is not None:
            conditions.append("obr.id = ?")
            params.append(self.peer)
        if self.session is not None:
            conditions.append("c.level = 'explicit' AND s.id = ?")
            params.append(self.session)
        return SqlClause(" AND ".join(conditions), tuple(params))

    def messages(self, db: Transaction, workspace_id: str) -> SqlClause:
        """A condition on the message `m` of the session `s`."""
        if self.session is not None:
            return SqlClause("s.id = ?", (self.session,))
        if self.peer is None:
            return EVERY_ROW
        workspace = workspaces.pk_of(db, workspace_id)
        peer = None if workspace is None else peers.pk_of(db, workspace, self.peer)
        if peer is None:
            return NO_ROW
        readable = visibility.sessions(db, peer, View.READER)
        seen = visibility.messages(db, peer, View.READER) or EVERY_ROW
        return SqlClause(f"m.session {in_array('bigint')} AND {seen.sql}", (array(sorted(readable)), *seen.params))

    def readable(self, db: Transaction, workspace_id: str, message_ids: Collection[str]) -> set[str]:
        """Those of the messages that the key may read."""
        visible = self.messages(db, workspace_id)
        found = db.execute(
            f"""SELECT m.id FROM {unnest("text", "wanted")} {ORDERED_JOIN} messages m ON m.id = wanted.value
                JOIN sessions s ON s.pk = m.session JOIN workspaces w ON w.pk = m.workspace
                WHERE w.id = ? AND s.deleted_at IS NULL AND {visible.sql}""",
            (array([*message_ids]), workspace_id, *visible.params),
        )
        return {id for (id,) in found}


EVERYTHING = Reach()
