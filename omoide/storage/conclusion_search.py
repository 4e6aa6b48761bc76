"""The request of a conclusion search, and queries of conclusions within its resolved restrictions.

The restrictions are part of every statement, so no id or text can select rows outside of them. Deleted conclusions and
those of deleted sessions are never found; ended ones only by a search about another time, or for a status.
`omoide.search` ranks the results.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

from omoide.core.clock import valid
from omoide.core.index_text import literal_text
from omoide.core.records import NOW, Conclusion, Json, Level, Moment
from omoide.storage import conclusion_times, peers, rows, vector_segments, workspaces
from omoide.storage.base import Transaction
from omoide.storage.conclusion_times import CURRENT
from omoide.storage.conclusions import (
    COLUMNS,
    FROM,
    FROM_IDS,
    FROM_ROWS,
    LAST_SAID_FIRST,
    OF_PAIR_BY_TIME,
    record,
    seeing,
)
from omoide.storage.dialect import array, holds_literally, in_array, json_holds_any, json_or_null, use_index
from omoide.storage.filters import SqlClause, compile_filters, names_field
from omoide.storage.filters.operators import ANYTHING
from omoide.storage.search_trace import SearchTrace

Direction = Literal["premises", "conclusions", "both"]

READ = 5_000
"""Conclusions scanned for a text that the full-text index cannot find."""

_OF_PAIR = "c.observer = ? AND c.observed = ?"


@dataclass(frozen=True)
class ConclusionSearch:
    """A search request; None in a field means no restriction."""

    workspace_id: str
    query: str = ""
    limit: int = 10
    observer_id: str | None = None
    observed_id: str | None = None
    sessions: Collection[str] | None = None
    """Restrict to explicit conclusions of these sessions."""
    is_derived: bool | None = None
    """Restrict to derived conclusions (True) or explicit ones (False)."""
    filters: Json | None = None
    max_distance: float | None = None
    """Maximum cosine distance from the query."""
    moment: Moment = NOW
    trace: SearchTrace | None = field(default=None, compare=False)
    """Record here how the results are found."""

    @cached_property
    def clause(self) -> SqlClause | None:
        """The filters, compiled. Raises Unprocessable for an invalid one."""
        return compile_filters(self.filters, conclusion_times.fields(self.moment.as_of))

    @property
    def seen(self) -> SqlClause:
        """The condition for the time that the search is about; a filter that names the status finds ended ones too."""
        return conclusion_times.seen(self.moment, with_ended=names_field(self.filters, "status"))

    def named_peers(self) -> tuple[str | None, str | None]:
        """Observer and observed; if neither is given, those of the filters if they name exactly one of each."""
        if self.filters is None or self.observer_id is not None or self.observed_id is not None:
            return self.observer_id, self.observed_id
        observer = self.filters.get("observer_id", self.filters.get("observer"))
        observed = self.filters.get("observed_id", self.filters.get("observed"))
        if not isinstance(observer, str) or not isinstance(observed, str) or ANYTHING in (observer, observed):
            return None, None
        return observer, observed


@dataclass(frozen=True, slots=True)
class ConclusionScope:
    """The restrictions of a search, resolved to row numbers."""

    workspace_id: str
    workspace: int
    pair: tuple[int, int] | None
    """Observer and observed, if both are given."""
    clauses: tuple[SqlClause, ...] = ()
    moment: Moment = NOW
    seen: SqlClause = CURRENT
    """The condition that takes the place of `CURRENT`."""

    @property
    def is_current(self) -> bool:
        """Whether only current conclusions are searched."""
        return self.seen == CURRENT

    def out_of(self, source: str, of_pair: str = _OF_PAIR) -> tuple[str, list[Any]]:
        """The SQL from FROM to the end of WHERE, and its parameters from the workspace on."""
        clauses = self.clauses if self.pair is None else (SqlClause(of_pair, self.pair), *self.clauses)
        params = [value for each in (self.seen, *clauses) for value in each.params]
        sql = "".join(f" AND {each.sql}" for each in clauses)
        return f"{seeing(source, self.seen)}{sql}", [self.workspace_id, *params]


def resolve(db: Transaction, request: ConclusionSearch) -> ConclusionScope | None:
    """Resolve the restrictions of a search; None if the workspace or a peer does not exist, so nothing can match.

    Raises Unprocessable for an invalid filter.
    """
    clauses = [] if request.clause is None else [request.clause]
    if request.sessions is not None:
        listed = array(request.sessions)
        clauses.append(SqlClause(f"c.level = 'explicit' AND s.id {in_array('text')}", (listed,)))
    if request.is_derived is not None:
        clauses.append(SqlClause(f"c.level {'<>' if request.is_derived else '='} 'explicit'"))
    workspace = workspaces.pk_of(db, request.workspace_id)
    if workspace is None:
        return None
    named: dict[str, int] = {}
    for column, peer_id in zip(("observer", "observed"), request.named_peers(), strict=True):
        if peer_id is None:
            continue
        if (peer := peers.pk_of(db, workspace, peer_id)) is None:
            return None
        named[column] = peer
    pair = (named["observer"], named["observed"]) if len(named) == 2 else None
    if pair is None:
        clauses += [SqlClause(f"c.{column} = ?", (peer,)) for column, peer in named.items()]
    return ConclusionScope(request.workspace_id, workspace, pair, tuple(clauses), request.moment, request.seen)


def without_vector(within: ConclusionScope) -> ConclusionScope:
    """Restrict further to conclusions that semantic search cannot find yet: without a vector, or in no segment."""
    return replace(within, clauses=(*within.clauses, SqlClause(vector_segments.lacks_conclusion("c.pk"))))


def by_pks(db: Transaction, within: ConclusionScope, pks: Sequence[int]) -> dict[int, Conclusion]:
    """Row number → conclusion, for those within reach."""
    sql, params = within.out_of(FROM_ROWS)
    return {each.pk: each for each in _read(db, within, f"SELECT {COLUMNS} {sql}", (array(pks), *params))}


def literal(db: Transaction, within: ConclusionScope, text: str, limit: int) -> list[Conclusion]:
    """The conclusions that contain the literal text (see `literal_text`), of the newest `READ`, newest first."""
    sql, params = within.out_of(FROM)
    newest = f"SELECT c.pk {sql} ORDER BY c.created_at DESC, c.pk DESC LIMIT ?"
    pks = [pk for (pk,) in db.execute(newest, (*params, READ))]
    sql, params = within.out_of(FROM_ROWS)
    holding = f"SELECT {COLUMNS} {sql} AND {holds_literally('c.content')} ORDER BY c.created_at DESC, c.pk DESC LIMIT ?"
    return _read(db, within, holding, (array(pks), *params, literal_text(text), limit))


def all_within(db: Transaction, within: ConclusionScope) -> list[int]:
    """Every conclusion (its row) within reach, in any order."""
    sql, params = within.out_of(FROM)
    return [pk for (pk,) in db.execute(f"SELECT c.pk {sql}", params)]


def newest(db: Transaction, within: ConclusionScope, limit: int) -> list[Conclusion]:
    """The newest conclusions by creation."""
    return _conclusions(db, within, "ORDER BY c.created_at DESC, c.pk DESC LIMIT ?", (limit,))


def last_said(db: Transaction, within: ConclusionScope, limit: int) -> list[Conclusion]:
    """The newest conclusions: of a pair by `said_at`, otherwise by creation."""
    if within.pair is None:
        return newest(db, within, limit)
    sql, params = within.out_of(FROM, OF_PAIR_BY_TIME if within.is_current else _OF_PAIR)
    return _read(db, within, f"SELECT {COLUMNS} {sql} ORDER BY {LAST_SAID_FIRST} LIMIT ?", (*params, limit))


class Outline(NamedTuple):
    """What a conclusion is ranked by. Times in microseconds."""

    pk: int
    content: str
    level: Level
    said_at: int
    times_derived: int
    valid_until: int | None
    is_learned: bool
    """Whether it came from messages, and was not written by a caller."""


_outline = rows.reader(
    ["", *(f"conclusions.{name}" for name in ("content", "level", "said_at", "times_derived", "valid_until")), ""],
    lambda row: Outline(row[0], row[1], row[2], valid(row[3]), row[4], row[5], bool(row[6])),
)


def state_of(db: Transaction, pair: tuple[int, int]) -> tuple[int | None, ...]:
    """What changes whenever the current conclusions of a pair do: their number, newest time, and total count."""
    query = f"""SELECT count(*), max(c.created_at), sum(c.times_derived)
        FROM conclusions c {use_index("conclusions_often")}
        WHERE c.observer = ? AND c.observed = ? AND c.deleted_at IS NULL"""
    return tuple(db.execute(query, pair).fetchone())


def outlines(db: Transaction, within: ConclusionScope, limit: int) -> list[Outline]:
    """The newest conclusions of a pair by when they were said; of older ones, as many that have a topic, which are
    those about lasting things."""
    newest = _outlines(db, within, "", (), limit)
    if within.pair is None or len(newest) < limit:
        return newest
    topical = """AND c.said_at < ? AND EXISTS (
        SELECT 1 FROM conclusion_topics t WHERE t.observer = ? AND t.observed = ? AND t.conclusion = c.pk)"""
    return newest + _outlines(db, within, topical, (newest[-1].said_at, *within.pair), limit)


def _outlines(
    db: Transaction, within: ConclusionScope, restriction: str, given: Sequence[Any], limit: int
) -> list[Outline]:
    sql, params = within.out_of(FROM, OF_PAIR_BY_TIME if within.is_current else _OF_PAIR)
    columns = "c.pk, c.content, c.level, c.said_at, c.times_derived, c.valid_until"
    query = f"SELECT {columns}, c.details LIKE '%\"message_ids\"%' {sql} {restriction}"
    return [
        _outline(row) for row in db.execute(f"{query} ORDER BY {LAST_SAID_FIRST} LIMIT ?", (*params, *given, limit))
    ]


def most_derived(db: Transaction, within: ConclusionScope, limit: int) -> list[Conclusion]:
    """The most often derived conclusions, newest first among equals."""
    return _conclusions(db, within, "ORDER BY c.times_derived DESC, c.created_at DESC, c.pk DESC LIMIT ?", (limit,))


def chain(db: Transaction, within: ConclusionScope, id: str, direction: Direction, most: int) -> list[Conclusion]:
    """The conclusion, its transitive sources, and its dependents, each nearest first: up to `most` in total.

    Empty if the conclusion is not within reach.
    """
    found = {each.id: each for each in _named(db, within, [id])}
    origin = [*found.values()]
    for way in ("premises", "conclusions"):
        layer = origin if direction in (way, "both") else []
        while layer and len(found) < most:
            if way == "premises":
                beyond = _named(db, within, {source for each in layer for source in each.source_ids or ()})
            else:
                beyond = _citing(db, within, [each.id for each in layer])
            layer = [each for each in beyond if each.id not in found]
            found.update((each.id, each) for each in layer)
    return [*found.values()][:most]


def _named(db: Transaction, within: ConclusionScope, ids: Collection[str]) -> list[Conclusion]:
    """Those of the conclusions that are within reach, oldest first."""
    sql, params = within.out_of(FROM_IDS)
    return _read(db, within, f"SELECT {COLUMNS} {sql} ORDER BY c.created_at, c.pk", (array({*ids}), *params))


def _citing(db: Transaction, within: ConclusionScope, ids: Collection[str]) -> list[Conclusion]:
    """The conclusions that have one of these as a source, oldest first."""
    cites = f"""AND c.level <> 'explicit' AND {json_holds_any(json_or_null("c.source_ids"))}
        ORDER BY c.created_at, c.pk"""
    return _conclusions(db, within, cites, (array(ids),))


def _conclusions(db: Transaction, within: ConclusionScope, ending: str, given: Sequence[Any]) -> list[Conclusion]:
    sql, params = within.out_of(FROM)
    return _read(db, within, f"SELECT {COLUMNS} {sql} {ending}", (*params, *given))


def _read(db: Transaction, within: ConclusionScope, query: str, params: Sequence[Any]) -> list[Conclusion]:
    return conclusion_times.as_known(db, [record(row) for row in db.execute(query, params)], within.moment)
