"""Which messages may be known to whom: the one rule that every read of messages follows.

A key that is not narrowed to a peer reads all messages of its workspace or session. Through a peer less is known:

| who asks | sessions | messages of these |
|---|---|---|
| a peer's key that names sessions (`READER_OF_NAMED`) | those that the peer is in now | all |
| a peer's key that names none (`READER`) | those that the peer is in now | its own, and those of its stays |
| a wider key, as a peer sees it (`PERSPECTIVE`) | those that it is or was in | all but those while it was away |
| a filter for what a peer witnessed (`WITNESS`) | those that it is or was in | its own, and those of its stays |

A peer that is in a session may list all of it, so a key that names the session loses nothing by asking about it. Where
no session is named, an answer may draw on many; then it knows only what the peer was there for. A perspective reaches
back before the peer first joined, because authors join by their first message and answer to what came before it. Away
is a peer from when it left until it comes back. The hidden peer behind a scope has the sessions that are in the scope
now, and all of their messages.

Summaries cover all of a session, and so are for those who may read all of it: they are read where a session is named.
"""

from __future__ import annotations

from enum import Enum, auto

from omoide.store import stays
from omoide.store.database import Connection
from omoide.store.filters import Clause


class View(Enum):
    READER_OF_NAMED = auto()
    READER = auto()
    PERSPECTIVE = auto()
    WITNESS = auto()


_FOR_READERS = (View.READER, View.READER_OF_NAMED)


def sessions(db: Connection, peer: int, view: View) -> set[int]:
    """The sessions (rows) of which the peer (its row) may know something, deleted ones left out."""
    now_only = "" if view in _FOR_READERS else "OR p.kind = 'peer'"
    found = db.execute(
        f"""SELECT m.session FROM members m JOIN peers p ON p.pk = m.peer JOIN sessions s ON s.pk = m.session
            WHERE m.peer = ? AND (m.left_at IS NULL {now_only}) AND s.deleted_at IS NULL""",
        (peer,),
    )
    return {session for (session,) in found}


def messages(db: Connection, peer: int, view: View) -> Clause | None:
    """Which messages `m` of these sessions the peer may know; None for all of them."""
    if view is View.READER_OF_NAMED:
        return None
    if view is View.PERSPECTIVE:
        # Most peers have never left a session, and scopes do not forget what was said while they were elsewhere.
        is_scope = db.execute("SELECT kind = 'scope' FROM peers WHERE pk = ?", (peer,)).fetchone()[0]
        if is_scope or not stays.has_left_any(db, peer):
            return None
        return Clause(stays.seen("?", before_the_first="seen"), (peer,))
    return Clause(f"(m.peer = ? OR {stays.seen('?', before_the_first='unseen')})", (peer, peer))
