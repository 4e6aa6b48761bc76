"""The request of a message search, and its restrictions resolved to rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from omoide.core.clock import after_ids
from omoide.core.errors import Unprocessable
from omoide.core.identifiers import is_scope_peer, peer_of_scope, scope_name_error, scope_of_peer
from omoide.core.records import NOW, Json, Moment
from omoide.storage import peers, scopes, visibility, workspaces
from omoide.storage.base import Transaction
from omoide.storage.dialect import array, in_array
from omoide.storage.filters import MESSAGE_FIELDS, SqlClause, compile_filters, names_field
from omoide.storage.filters.clauses import all_of
from omoide.storage.search_trace import SearchTrace
from omoide.storage.visibility import View

WITNESS = "peer_perspective"
"""The key of `filters` for messages that a peer witnessed."""

# Filter fields refer to these tables.
_FILTERED = "JOIN workspaces w ON w.pk = m.workspace JOIN peers p ON p.pk = m.peer AND p.kind <> 'deleted'"


@dataclass(frozen=True)
class MessageSearch:
    """A search request. A session or peer given here replaces the one in the filters."""

    workspace_id: str
    query: str = ""
    limit: int = 10
    session_id: str | None = None
    peer_id: str | None = None
    scope: str | None = None
    filters: Json | None = None
    sessions: Collection[str] | None = None
    """Restrict to these sessions."""
    reader: str | None = None
    """The peer to which the caller's key is restricted: see `visibility`."""
    member: str | None = None
    """A peer from whose perspective the search is made."""
    after: int | None = None
    before: int | None = None
    """Restrict to messages said at or after `after`, and before `before`."""
    moment: Moment = NOW
    """Restrict to messages that had come by `as_of`, and were said by `as_of` and `valid_at`."""
    trace: SearchTrace | None = field(default=None, compare=False)
    """Record here how the results are found."""

    @cached_property
    def parsed_filters(self) -> tuple[str | None, SqlClause | None]:
        """The peer that witnessed the messages, and the other filters compiled.

        Raises Unprocessable for an invalid filter, and for a scope combined with a filter for sessions.
        """
        filters = dict(self.filters or {})
        witness = filters.pop(WITNESS, None)
        if witness is not None and not isinstance(witness, str):
            raise Unprocessable(f"{WITNESS} must be the id of a peer")
        if witness is not None and is_scope_peer(witness) and (fault := scope_name_error(scope_of_peer(witness))):
            raise Unprocessable(f"{WITNESS} must be the id of a peer. {fault}")
        for key in ("workspace_id", "session_id", "peer_id"):
            if getattr(self, key) is not None:
                filters.pop(key, None)
        clause = compile_filters(filters, MESSAGE_FIELDS)
        if self.scope is not None and names_field(filters, "session_id"):
            raise Unprocessable("scope cannot be combined with a session_id filter")
        return witness, clause


@dataclass(frozen=True, slots=True)
class MessageScope:
    """The restrictions of a search, resolved to row numbers."""

    workspace: int
    session: int | None = None
    peer: int | None = None
    allowed: Collection[int] | None = None
    """Sessions to which the search is restricted."""
    clause: SqlClause | None = None
    then: SqlClause | None = None
    """The part of the clause that restricts messages to another time, which may exclude all of the newest."""

    @property
    def sessions(self) -> Collection[int] | None:
        return self.allowed if self.session is None else [self.session]

    def out_of(self, source: str, given: Sequence[Any] = ()) -> tuple[str, list[Any]]:
        """The SQL from FROM to the end of WHERE, and its parameters; `given` are those of the source."""
        joins = "" if self.clause is None else _FILTERED
        sql = f"""FROM {source} JOIN sessions s ON s.pk = m.session {joins}
            WHERE m.workspace = ? AND s.deleted_at IS NULL"""
        params: list[Any] = [*given, self.workspace]
        for column, value in (("session", self.session), ("peer", self.peer)):
            if value is not None:
                sql, params = f"{sql} AND m.{column} = ?", [*params, value]
        if self.allowed is not None:
            sql, params = f"{sql} AND m.session {in_array('bigint')}", [*params, array(self.allowed)]
        if self.clause is not None:
            sql, params = f"{sql} AND {self.clause.sql}", [*params, *self.clause.params]
        return sql, params


def resolve(db: Transaction, request: MessageSearch) -> MessageScope | None:
    """Resolve the restrictions of a search; None if nothing can match.

    Raises NotFound for an unknown scope, and Unprocessable as `MessageSearch.parsed_filters`.
    """
    witness, clause = request.parsed_filters
    if request.scope is not None:
        scopes.get(db, request.workspace_id, request.scope)
    workspace = workspaces.pk_of(db, request.workspace_id)
    if workspace is None or (views := _views(db, workspace, request, witness)) is None:
        return None
    session = peer = None
    allowed = _allowed_sessions(db, workspace, request, views)
    if request.session_id is not None:
        query = "SELECT pk FROM sessions WHERE workspace = ? AND id = ? AND deleted_at IS NULL"
        row = db.execute(query, (workspace, request.session_id)).fetchone()
        if row is None or (allowed is not None and row[0] not in allowed):
            return None
        session = row[0]
    if request.peer_id is not None and (peer := peers.pk_of(db, workspace, request.peer_id)) is None:
        return None
    then = _then(request.moment)
    conditions = [clause, *(visibility.messages(db, seeing, view) for seeing, view in views), *_interval(request), then]
    clauses = [condition for condition in conditions if condition is not None]
    return MessageScope(workspace, session, peer, allowed, all_of(clauses) if clauses else None, then)


def _views(
    db: Transaction, workspace: int, request: MessageSearch, witness: str | None
) -> list[tuple[int, View]] | None:
    """The peers (rows) whose visibility restricts the search, each with its view; None if one does not exist."""
    is_named = request.session_id is not None or request.sessions is not None
    given = (
        (request.reader, View.READER_OF_NAMED if is_named else View.READER),
        (request.member, View.PERSPECTIVE),
        (witness, View.WITNESS),
    )
    views: list[tuple[int, View]] = []
    for peer_id, view in given:
        if peer_id is None:
            continue
        if (peer := peers.pk_of(db, workspace, peer_id)) is None:
            return None
        views.append((peer, view))
    return views


def _allowed_sessions(
    db: Transaction, workspace: int, request: MessageSearch, views: Sequence[tuple[int, View]]
) -> set[int] | None:
    """The intersection of the sessions that scope, list and membership allow; None if none of them is given."""
    sets = []
    if request.sessions is not None:
        query = f"SELECT pk FROM sessions WHERE workspace = ? AND deleted_at IS NULL AND id {in_array('text')}"
        sets.append({row[0] for row in db.execute(query, (workspace, array(request.sessions)))})
    if request.scope is not None and (scope := peers.pk_of(db, workspace, peer_of_scope(request.scope))) is not None:
        sets.append(visibility.sessions(db, scope, View.PERSPECTIVE))
    sets += [visibility.sessions(db, seeing, view) for seeing, view in views]
    return set.intersection(*sets) if sets else None


def _then(moment: Moment) -> SqlClause | None:
    if moment == NOW:
        return None
    said = [SqlClause("m.created_at <= ?", (at,)) for at in (moment.as_of, moment.valid_at) if at is not None]
    # The time of a message may be given by the caller; its id tells when it came.
    came = [] if moment.as_of is None else [SqlClause("m.id < ?", (after_ids(moment.as_of),))]
    return all_of([*said, *came])


def _interval(request: MessageSearch) -> list[SqlClause]:
    ends = (("m.created_at >= ?", request.after), ("m.created_at < ?", request.before))
    return [SqlClause(sql, (instant,)) for sql, instant in ends if instant is not None]
