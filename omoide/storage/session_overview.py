"""A session with its peers and what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from omoide.core.clock import valid
from omoide.core.records import Observation, Session, Summary
from omoide.storage import members, sessions, summaries
from omoide.storage.base import Transaction
from omoide.storage.dialect import count_or_zero, is_integer

MOST_PEERS = 100


class SessionOverview(NamedTuple):
    """The peers are the first `MOST_PEERS`, by id."""

    session: Session
    peers: Mapping[str, Observation]
    total_peers: int
    messages: int
    last_message_at: int | None
    """In microseconds."""
    summaries: Mapping[str, Summary]


def read(db: Transaction, workspace_id: str, session_id: str) -> SessionOverview:
    """Read the overview. Raises NotFound."""
    session = sessions.get(db, workspace_id, session_id)
    peers, total = members.first(db, session.pk, MOST_PEERS)
    messages, last = db.execute(_SAID, {"session": session.pk}).fetchone()
    return SessionOverview(
        session=session,
        peers=peers,
        total_peers=total,
        messages=max(0, messages),
        last_message_at=None if last is None or messages <= 0 else valid(last),
        summaries=summaries.of_session(db, workspace_id, session_id),
    )


_NEWEST = "coalesce(s.last_said_at, (SELECT max(o.created_at) FROM said_order o WHERE o.session = s.pk))"
_SAID = f"""SELECT messages, CASE WHEN {is_integer("said_at")} THEN said_at END FROM (
    SELECT {count_or_zero("s.message_count")} - {count_or_zero("s.removed")} AS messages, {_NEWEST} AS said_at
    FROM sessions s WHERE s.pk = :session) counted"""
