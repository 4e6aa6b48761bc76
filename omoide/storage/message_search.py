"""Queries for message search: resolve its restrictions, and find matching messages within them.

`omoide.search` ranks the results; `fulltext` queries the full-text index.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from omoide.core import identifiers
from omoide.core.records import Message
from omoide.storage import messages, scopes, visibility
from omoide.storage.column_validation import count_or_zero
from omoide.storage.filters import SqlClause
from omoide.storage.filters.clauses import all_of
from omoide.storage.sqlite import fulltext
from omoide.storage.sqlite.engine import Connection
from omoide.storage.visibility import View

# Sources of a search. CROSS JOIN fixes the join order: from the given numbers to their rows.
_ALL = "messages m"
# The index by age would be scanned to its end for a session without recent messages.
_OF_SESSIONS = "json_each(?) wanted CROSS JOIN messages m INDEXED BY messages_seq ON m.session = wanted.value"
_GIVEN = "json_each(?) wanted CROSS JOIN messages m ON m.pk = wanted.value"
_AROUND_GIVEN = """json_each(?) wanted CROSS JOIN messages h ON h.pk = wanted.value
    CROSS JOIN messages m ON m.session = h.session AND m.seq BETWEEN h.seq - 1 AND h.seq + 1"""
# Filter fields refer to these tables.
_FILTERED = "JOIN workspaces w ON w.pk = m.workspace JOIN peers p ON p.pk = m.peer"


@dataclass(frozen=True, slots=True)
class SearchFilters:
    """The caller's restrictions of a search."""

    session_id: str | None = None
    peer_id: str | None = None
    scope: str | None = None
    sessions: Collection[str] | None = None
    """Restrict to these sessions."""
    reader: str | None = None
    """The peer to which the caller's key is restricted: see `visibility`, also for the next two."""
    member: str | None = None
    """A peer from whose perspective the search is made."""
    witness: str | None = None
    """Restrict to messages that this peer witnessed."""
    after: int | None = None
    """Restrict to messages said at this time or later."""
    before: int | None = None
    """Restrict to messages said before this time."""
    clause: SqlClause | None = None

    def views(self) -> list[tuple[str, View]]:
        """The peers whose visibility restricts the search, each with its view."""
        is_named = self.session_id is not None or self.sessions is not None
        given = (
            (self.reader, View.READER_OF_NAMED if is_named else View.READER),
            (self.member, View.PERSPECTIVE),
            (self.witness, View.WITNESS),
        )
        return [(peer_id, view) for peer_id, view in given if peer_id is not None]


@dataclass(frozen=True, slots=True)
class ResolvedScope:
    """The restrictions of a search, resolved to row numbers."""

    workspace: int
    session: int | None = None
    peer: int | None = None
    scope: Collection[int] | None = None
    """Sessions to which the search is restricted."""
    clause: SqlClause | None = None

    @property
    def sessions(self) -> Collection[int] | None:
        return self.scope if self.session is None else [self.session]

    def all_of(self, db: Connection) -> tuple[str, list[Any]]:
        """As `out_of`, from all messages, or from those of the sessions if there are few."""
        sessions = self.sessions
        if sessions is not None and len(sessions) <= READ and _count(db, sessions) <= READ:
            return self.out_of(_OF_SESSIONS, _json(sessions))
        return self.out_of(_ALL)

    def out_of(self, source: str, *given: Any) -> tuple[str, list[Any]]:
        """The SQL from FROM to the end of WHERE, and its parameters; `given` are those of the source."""
        joins = "" if self.clause is None else _FILTERED
        sql = f"""FROM {source} JOIN sessions s ON s.pk = m.session {joins}
            WHERE m.workspace = ? AND s.deleted_at IS NULL"""
        params: list[Any] = [*given, self.workspace]
        for column, value in (("session", self.session), ("peer", self.peer)):
            if value is not None:
                sql, params = f"{sql} AND m.{column} = ?", [*params, value]
        if self.scope is not None:
            sql, params = f"{sql} AND m.session IN (SELECT value FROM json_each(?))", [*params, _json(self.scope)]
        if self.clause is not None:
            sql, params = f"{sql} AND {self.clause.sql}", [*params, *self.clause.params]
        return sql, params


def reach(db: Connection, workspace_id: str, limits: SearchFilters) -> ResolvedScope | None:
    """Resolve the restrictions of a search; None if nothing can match. Raises NotFound for an unknown scope."""
    if limits.scope is not None:
        scopes.get(db, workspace_id, limits.scope)
    workspace = _one(db, "SELECT pk FROM workspaces WHERE id = ? AND deleted_at IS NULL", workspace_id)
    if workspace is None:
        return None
    session = peer = None
    if (views := _views(db, workspace, limits)) is None:
        return None
    allowed = _allowed_sessions(db, workspace, limits, views)
    if limits.session_id is not None:
        query = "SELECT pk FROM sessions WHERE workspace = ? AND id = ? AND deleted_at IS NULL"
        session = _one(db, query, workspace, limits.session_id)
        if session is None or (allowed is not None and session not in allowed):
            return None
    if limits.peer_id is not None and (peer := _peer(db, workspace, limits.peer_id)) is None:
        return None
    clauses = [] if limits.clause is None else [limits.clause]
    known = (visibility.messages(db, seeing, view) for seeing, view in views)
    clauses += [clause for clause in known if clause is not None]
    clauses += _interval(limits)
    return ResolvedScope(workspace, session, peer, allowed, all_of(clauses) if clauses else None)


def _views(db: Connection, workspace: int, limits: SearchFilters) -> list[tuple[int, View]] | None:
    """The rows of the peers of `SearchFilters.views`; None if one does not exist, so that nothing can match."""
    given = limits.views()
    found = [(pk, view) for peer_id, view in given if (pk := _peer(db, workspace, peer_id)) is not None]
    return found if len(found) == len(given) else None


def _allowed_sessions(
    db: Connection, workspace: int, limits: SearchFilters, views: Sequence[tuple[int, View]]
) -> set[int] | None:
    """The intersection of the sessions that scope, list and membership allow; None if none of them is given."""
    sets = []
    if limits.sessions is not None:
        query = """SELECT pk FROM sessions WHERE workspace = ? AND deleted_at IS NULL
            AND id IN (SELECT value FROM json_each(?))"""
        listed = orjson.dumps([*limits.sessions]).decode()
        sets.append({row[0] for row in db.execute(query, (workspace, listed))})
    if (
        limits.scope is not None
        and (scope := _peer(db, workspace, identifiers.peer_of_scope(limits.scope))) is not None
    ):
        sets.append(visibility.sessions(db, scope, View.PERSPECTIVE))
    sets += [visibility.sessions(db, seeing, view) for seeing, view in views]
    return set.intersection(*sets) if sets else None


def _interval(limits: SearchFilters) -> list[SqlClause]:
    ends = (("m.created_at >= ?", limits.after), ("m.created_at < ?", limits.before))
    return [SqlClause(sql, (instant,)) for sql, instant in ends if instant is not None]


def _peer(db: Connection, workspace: int, peer_id: str) -> int | None:
    return _one(db, "SELECT pk FROM peers WHERE workspace = ? AND id = ?", workspace, peer_id)


def _one(db: Connection, query: str, *params: Any) -> int | None:
    row = db.execute(query, params).fetchone()
    return row[0] if row else None


LIKE_CHARACTERS = 10_000
"""SQLite accepts patterns of 50,000 bytes (SQLITE_MAX_LIKE_PATTERN_LENGTH); escaping may double the length."""

SAMPLE = 64
SCATTER = 2_654_435_761
"""A prime (Knuth's multiplicative hashing), so that the sample does not follow periodic patterns."""


def share(db: Connection, within: ResolvedScope) -> float:
    """The estimated share (0 to 1) of all messages that the workspace, session and peer select, from a sample."""
    (last,) = db.execute("SELECT max(pk) FROM messages").fetchone()
    if last is None:
        return 0.0
    query = f"""SELECT avg(m.workspace = ?1 AND (?2 IS NULL OR m.session = ?2) AND (?3 IS NULL OR m.peer = ?3))
        FROM {_GIVEN.replace("?", "?4")}"""
    some = _json({number * SCATTER % last + 1 for number in range(SAMPLE)})
    return float(db.execute(query, (within.workspace, within.session, within.peer, some)).fetchone()[0] or 0.0)


FEW = 3_000
"""Up to this many messages of a peer are all read, instead of searching for them among the newest of all."""

READ = 20_000
"""Messages scanned for a text that the full-text index cannot find, at about 2 µs each."""


def newest(db: Connection, within: ResolvedScope, limit: int, *, oldest_first: bool = False) -> list[int]:
    """The newest messages, or the oldest ones, by the time they were said, then by arrival."""
    sql, params = within.all_of(db)
    if within.peer is not None and within.session is None:
        few = fulltext.newest(db, _place(within), FEW + 1)
        if len(few) <= FEW:
            sql, params = within.out_of(_GIVEN, _json(few))
    order = "ASC" if oldest_first else "DESC"
    query = f"SELECT m.pk {sql} ORDER BY m.created_at {order}, m.pk {order} LIMIT ?"
    return [row[0] for row in db.execute(query, (*params, limit))]


def literal(db: Connection, within: ResolvedScope, text: str, limit: int) -> list[int]:
    """The messages that contain the literal text, case-insensitively, newest first.

    Whole words are found in any message. A text that begins or ends within a word, or has no words, is found only in
    the newest `READ` messages of the workspace, the session, the peer or the sessions.
    """
    latest = _latest(db, within)
    if len(latest) == READ and fulltext.occurs(db, fulltext.MESSAGES, text):
        # Limited for whole words as well, so that a text of common words is not slower.
        latest = [*{*latest, *fulltext.holding(db, _place(within), [text], READ)}]
    sql, params = within.out_of(_GIVEN, _json(latest))
    # LIKE is several times faster than our function, but is case-insensitive for ASCII only and limits the pattern.
    by_like = text.isascii() and len(text) <= LIKE_CHARACTERS
    holds = "m.content LIKE ? ESCAPE '\\'" if by_like else "instr(casefold(CAST(m.content AS BLOB)), ?)"
    sought = f"%{_like_escaped(text)}%" if by_like else text.casefold()
    query = f"SELECT m.pk {sql} AND {holds} ORDER BY m.created_at DESC, m.pk DESC LIMIT ?"
    return [row[0] for row in db.execute(query, (*params, sought, limit))]


def _place(within: ResolvedScope) -> fulltext.IndexScope:
    return fulltext.of_messages(within.workspace, within.session, within.peer)


def _latest(db: Connection, within: ResolvedScope) -> list[int]:
    """The newest `READ` messages within reach, regardless of its clause."""
    if within.session is not None:
        query = "SELECT pk FROM messages WHERE session = ? ORDER BY seq DESC LIMIT ?"
        params: list[Any] = [within.session, READ]
    elif within.peer is not None:
        return fulltext.newest(db, _place(within), READ)
    elif within.scope is not None and _count(db, within.scope) <= 2 * READ:
        query = f"SELECT m.pk FROM {_OF_SESSIONS} ORDER BY m.pk DESC LIMIT ?"
        params = [_json(within.scope), READ]
    else:
        query = "SELECT pk FROM messages WHERE workspace = ? ORDER BY created_at DESC, pk DESC LIMIT ?"
        params = [within.workspace, READ]
    return [pk for (pk,) in db.execute(query, params)]


def _count(db: Connection, sessions: Collection[int]) -> int:
    """The number of messages in the sessions."""
    count = count_or_zero("message_count")
    query = f"SELECT coalesce(sum({count}), 0) FROM sessions WHERE pk IN (SELECT value FROM json_each(?))"
    return int(db.execute(query, (_json(sessions),)).fetchone()[0])


def _like_escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def passing(db: Connection, within: ResolvedScope, pks: Sequence[int]) -> list[int]:
    """Those of the messages that are within reach, in the order given."""
    sql, params = within.out_of(_GIVEN, _json(pks))
    there = {row[0] for row in db.execute(f"SELECT m.pk {sql}", params)}
    return [pk for pk in pks if pk in there]


def all_within(db: Connection, within: ResolvedScope) -> list[int]:
    """Every message within reach, in any order."""
    sql, params = within.all_of(db)
    return [row[0] for row in db.execute(f"SELECT m.pk {sql}", params)]


def around(db: Connection, within: ResolvedScope, pks: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Message → session and position, for these messages and their neighbours that are within reach."""
    sql, params = within.out_of(_AROUND_GIVEN, _json(pks))
    return {pk: (session, seq) for pk, session, seq in db.execute(f"SELECT m.pk, m.session, m.seq {sql}", params)}


def holding(db: Connection, pks: Sequence[int], needle: str) -> set[int]:
    """Those of the messages that contain the case-folded text literally."""
    query = f"SELECT m.pk FROM {_GIVEN} WHERE instr(casefold(CAST(m.content AS BLOB)), ?)"
    return {row[0] for row in db.execute(query, (_json(pks), needle))}


def fetch(db: Connection, pks: Sequence[int]) -> list[Message]:
    """The messages in the order given."""
    found = messages.by_pks(db, pks)
    return [found[pk] for pk in pks if pk in found]


def _json(numbers: Collection[int]) -> str:
    return orjson.dumps([*numbers]).decode()
