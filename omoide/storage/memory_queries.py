"""Queries of conclusions and messages for answering a question, always within given restrictions.

The restrictions are part of every statement, so no id or text can select rows outside of them. Deleted sessions and
conclusions are never found. `omoide.reasoner` decides what to query.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from omoide.core.records import Conclusion, Message
from omoide.storage import conclusions, message_scope, message_search, messages, peers
from omoide.storage.conclusions import COLUMNS, FROM, FROM_IDS, Restriction
from omoide.storage.dialect import ORDERED_JOIN, array, array_of_rows, json_holds_any, json_or_null, unnest, unnest_rows
from omoide.storage.message_scope import MessageScope, MessageSearch
from omoide.storage.sqlite.engine import Connection

_NAMED = f"{unnest('text', 'wanted')} {ORDERED_JOIN} messages m ON m.id = wanted.value"
_IN_STRETCHES = f"""{unnest_rows("wanted", "session", "first", "last")} {ORDERED_JOIN} messages m
    ON m.session = wanted.session AND m.seq BETWEEN wanted.first AND wanted.last"""


@dataclass(frozen=True, slots=True)
class Held:
    """The conclusions that a question may read."""

    workspace_id: str
    pair: tuple[int, int] | None
    """Observer and observed, if restricted to one pair."""
    restriction: Restriction


class Stretch(NamedTuple):
    """The messages of one session (its row) from one position to another, both included."""

    session: int
    first: int
    last: int


def held(
    db: Connection,
    workspace_id: str,
    observer_id: str | None,
    observed_id: str | None,
    sessions: Collection[str] | None,
) -> Held | None:
    """Restrict to conclusions of this observer about this peer (None: any); with `sessions`, only explicit ones from
    these. Returns None if a peer does not exist, so that nothing can match."""
    sql, params = conclusions.restricted(sessions)
    rows: list[int | None] = []
    for column, peer_id in (("observer", observer_id), ("observed", observed_id)):
        peer = None if peer_id is None else peers.find(db, workspace_id, peer_id)
        if peer_id is not None and peer is None:
            return None
        if peer is not None:
            sql, params = f"{sql} AND c.{column} = ?", [*params, peer.pk]
        rows.append(peer.pk if peer else None)
    observer, observed = rows
    pair = None if observer is None or observed is None else (observer, observed)
    return Held(workspace_id, pair, (sql, params))


def of_kind(within: Held | None, is_derived: bool | None) -> Held | None:
    """Restrict further to derived or to explicit conclusions; None: both."""
    if within is None or is_derived is None:
        return within
    sql, params = within.restriction
    return replace(within, restriction=(f"{sql} AND c.level {'<>' if is_derived else '='} 'explicit'", params))


def newest(db: Connection, within: Held, limit: int) -> list[Conclusion]:
    """Newest first: for one pair by `said_at`, otherwise by `created_at`."""
    if within.pair is None:
        return _conclusions(db, within, "ORDER BY c.created_at DESC, c.pk DESC LIMIT ?", limit)
    by_time = f"AND {conclusions.OF_PAIR_BY_TIME} ORDER BY {conclusions.LAST_SAID_FIRST} LIMIT ?"
    return _conclusions(db, within, by_time, *within.pair, limit)


def most_derived(db: Connection, within: Held, limit: int) -> list[Conclusion]:
    """The most often derived conclusions, newest first among equals."""
    return _conclusions(db, within, "ORDER BY c.times_derived DESC, c.created_at DESC, c.pk DESC LIMIT ?", limit)


def named(db: Connection, within: Held, ids: Collection[str]) -> list[Conclusion]:
    """Those of the conclusions that are within reach, oldest first."""
    sql, given = within.restriction
    query = f"SELECT {COLUMNS} {FROM_IDS}{sql} ORDER BY c.created_at, c.pk"
    found = db.execute(query, (array({*ids}), within.workspace_id, *given))
    return [conclusions.record(row) for row in found]


def citing(db: Connection, within: Held, ids: Collection[str]) -> list[Conclusion]:
    """The conclusions that have one of these as a source, oldest first."""
    cites = f"""AND c.level <> 'explicit' AND {json_holds_any(json_or_null("c.source_ids"))}
        ORDER BY c.created_at, c.pk"""
    return _conclusions(db, within, cites, array(ids))


Direction = Literal["premises", "conclusions", "both"]


def chain(db: Connection, within: Held, id: str, direction: Direction, most: int) -> list[Conclusion]:
    """The conclusion, its transitive sources, and its dependents, each nearest first: up to `most` in total.

    Empty if the conclusion is not within reach.
    """
    found = {each.id: each for each in named(db, within, [id])}
    origin = [*found.values()]
    for way in ("premises", "conclusions"):
        layer = origin if direction in (way, "both") else []
        while layer and len(found) < most:
            if way == "premises":
                beyond = named(db, within, {source for each in layer for source in each.source_ids or ()})
            else:
                beyond = citing(db, within, [each.id for each in layer])
            layer = [each for each in beyond if each.id not in found]
            found.update((each.id, each) for each in layer)
    return [*found.values()][:most]


def _conclusions(db: Connection, within: Held, ending: str, *params: Any) -> list[Conclusion]:
    sql, given = within.restriction
    query = f"SELECT {COLUMNS} {FROM}{sql} {ending}"
    return [conclusions.record(row) for row in db.execute(query, (within.workspace_id, *given, *params))]


def said(db: Connection, request: MessageSearch, *, oldest_first: bool) -> list[Message]:
    """Messages by the time they were said, then by arrival; the query is ignored."""
    within = message_scope.resolve(db, request)
    if within is None:
        return []
    return message_search.fetch(db, message_search.newest(db, within, request.limit, oldest_first=oldest_first))


def positions(db: Connection, within: MessageScope, ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Message → session (its row) and position, for those of the messages that are within reach."""
    sql, params = within.out_of(_NAMED, [array(ids)])
    return {id: (session, seq) for id, session, seq in db.execute(f"SELECT m.id, m.session, m.seq {sql}", params)}


def stretches(db: Connection, within: MessageScope, wanted: Sequence[Stretch]) -> Mapping[Stretch, list[Message]]:
    """Stretch → its messages that are within reach, oldest first."""
    found: dict[Stretch, list[Message]] = {each: [] for each in wanted}
    sql, params = within.out_of(_IN_STRETCHES, [array_of_rows(wanted)])
    pks = db.execute(f"SELECT wanted.key, m.pk {sql} ORDER BY wanted.key, m.seq", params).fetchall()
    there = messages.by_pks(db, [pk for _, pk in pks])
    for number, pk in pks:
        if pk in there:
            found[wanted[number]].append(there[pk])
    return found
