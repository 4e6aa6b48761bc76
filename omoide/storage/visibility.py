"""Visibility of messages: the rules that every read of messages follows.

A key that is not restricted to a peer reads all messages of its workspace or session. For a peer, less is visible:

| view | sessions | messages of these |
|---|---|---|
| `READER_OF_NAMED`: a peer's key, with sessions named | those that the peer is in now | all |
| `READER`: a peer's key, without sessions named | those that the peer is in now | its own, and those of its stays |
| `PERSPECTIVE`: a wider key, from a peer's view | those that it is or was in | all except while it was away |
| `WITNESS`: a filter for messages a peer witnessed | those that it is or was in | its own, and those of its stays |

A peer that is in a session may list all of it, so a request that names the session may use all of it. If no session is
named, an answer may use many sessions; then only messages of the peer's own stays are visible. A perspective includes
messages from before the peer first joined, because authors join by their first message and respond to earlier ones. A
peer is away from when it left until it joins again. The hidden peer of a scope sees all messages of the sessions that
are in the scope now.

Summaries cover a whole session, so they are visible only to callers that may read all of it: where a session is named.
"""

from __future__ import annotations

from enum import Enum, auto

from omoide.storage import membership_intervals
from omoide.storage.base import Transaction
from omoide.storage.filters import SqlClause


class View(Enum):
    READER_OF_NAMED = auto()
    READER = auto()
    PERSPECTIVE = auto()
    WITNESS = auto()


_FOR_READERS = (View.READER, View.READER_OF_NAMED)


def sessions(db: Transaction, peer: int, view: View) -> set[int]:
    """The sessions (rows) of which messages may be visible to the peer (its row), without deleted ones."""
    now_only = "" if view in _FOR_READERS else "OR p.kind = 'peer'"
    found = db.execute(
        f"""SELECT m.session FROM members m JOIN peers p ON p.pk = m.peer JOIN sessions s ON s.pk = m.session
            WHERE m.peer = ? AND (m.left_at IS NULL {now_only}) AND s.deleted_at IS NULL""",
        (peer,),
    )
    return {session for (session,) in found}


def messages(db: Transaction, peer: int, view: View) -> SqlClause | None:
    """A condition on the messages `m` of these sessions that are visible to the peer; None: all of them."""
    if view is View.READER_OF_NAMED:
        return None
    if view is View.PERSPECTIVE:
        # Most peers have never left a session, and scopes see messages from while the session was not in the scope.
        is_scope = db.execute("SELECT kind = 'scope' FROM peers WHERE pk = ?", (peer,)).fetchone()[0]
        if is_scope or not membership_intervals.has_left_any(db, peer):
            return None
        return SqlClause(membership_intervals.seen("?", before_the_first="seen"), (peer,))
    return SqlClause(f"(m.peer = ? OR {membership_intervals.seen('?', before_the_first='unseen')})", (peer, peer))
