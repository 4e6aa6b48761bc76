"""Store, list, find and delete conclusions.

Every select excludes deleted conclusions and those of deleted sessions, and ended ones unless it says otherwise.
`fulltext` maintains their full-text index; a job adds their vectors later.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import orjson

from omoide.core import identifiers
from omoide.core.clock import SECOND, new_id, valid
from omoide.core.errors import NotFound, Unprocessable
from omoide.core.job_payloads import JobKind
from omoide.core.jobs import NewJob
from omoide.core.records import Conclusion, Json, Level, Moment, NewConclusion, Page, PageRequest, Peer
from omoide.storage import (
    conclusion_links,
    conclusion_revival,
    conclusion_times,
    embeddings,
    peers,
    queue,
    rows,
    sessions,
)
from omoide.storage.base import Transaction
from omoide.storage.conclusion_reach import EVERYTHING, Reach
from omoide.storage.conclusion_times import CURRENT
from omoide.storage.content_hash import content_hash
from omoide.storage.dialect import (
    ORDERED_JOIN,
    array,
    for_update,
    in_array,
    insert_row,
    unnest,
    use_index,
    without_index,
)
from omoide.storage.engine import fulltext
from omoide.storage.filters import SqlClause, compile_filters, names_field
from omoide.storage.filters.fields import LEVELS

GRACE = 2 * SECOND
"""Microseconds from a deletion to the job, so that one job handles many deletions."""

COLUMNS = """c.pk, c.id, c.content, obr.id, obd.id, s.id, c.level, c.source_ids, c.times_derived, c.said_at,
    c.created_at, c.details, c.valid_from, c.valid_until, c.deleted_at, c.ended_as, c.successor"""
_JOINED = f"""
    JOIN workspaces w ON w.pk = c.workspace
    JOIN peers obr ON obr.pk = c.observer AND obr.kind <> 'deleted'
    JOIN peers obd ON obd.pk = c.observed AND obd.kind <> 'deleted'
    LEFT JOIN sessions s ON s.pk = c.session
    WHERE w.id = ? AND w.deleted_at IS NULL AND {CURRENT.sql} AND s.deleted_at IS NULL"""
FROM = f"FROM conclusions c {_JOINED}"
# In this order: otherwise all rows of the workspace may be scanned for these few.
FROM_ROWS = f"FROM {unnest('bigint', 'wanted')} {ORDERED_JOIN} conclusions c ON c.pk = wanted.value {_JOINED}"
FROM_IDS = f"FROM {unnest('text', 'wanted')} {ORDERED_JOIN} conclusions c ON c.id = wanted.value {_JOINED}"
"""As FROM, restricted to an array of row numbers or ids, which is the first parameter."""
FROM_KEPT, FROM_KEPT_IDS = (
    each.replace(CURRENT.sql, conclusion_times.seen(with_ended=True).sql) for each in (FROM, FROM_IDS)
)
"""As FROM and FROM_IDS, with conclusions that have ended."""
_TO_CHANGE = for_update("c, obr")
LAST_SAID_FIRST = "c.said_at DESC, c.created_at DESC, c.pk DESC"
OF_PAIR_BY_TIME = "c.observer + 0 = ? AND c.observed = ?"
"""Uses the same expression as the index `conclusions_said`."""

_CURRENT_OF_FEW = SqlClause(f"{without_index('c.deleted_at')} IS NULL")
"""As CURRENT, where a filter finds few rows: its partial indexes would be scanned instead."""


def seeing(source: str, seen: SqlClause) -> str:
    """FROM, FROM_ROWS or FROM_IDS with this condition in place of `CURRENT`; its parameters follow the workspace."""
    if seen == CURRENT:
        return source
    # Other conditions cannot use the partial indexes; the observers of the workspace can be looked up.
    return source.replace(CURRENT.sql, f"{seen.sql} AND obr.workspace = w.pk")


def _record(row: rows.Row) -> Conclusion:
    pk, id, content, observer, observed, session, level, sources, times, said_at, created_at, details, *ended = row
    valid_from, valid_until, ended_at, ended_as, successor = ended
    if level not in LEVELS:
        raise ValueError("no such level")
    return Conclusion(
        pk=pk,
        id=id,
        content=content,
        observer_id=observer,
        observed_id=observed,
        session_id=session,
        level=level,
        source_ids=None if sources is None else rows.texts_from(sources),
        times_derived=times,
        said_at=valid(said_at),
        created_at=valid(created_at),
        details=rows.from_text(details),
        valid_from=valid_from,
        valid_until=valid_until,
        ended_at=ended_at,
        ended_as=ended_as,
        successor=successor,
    )


_OWN = ("level", "source_ids", "times_derived", "said_at", "created_at", "details")
_ENDED = ("valid_from", "valid_until", "deleted_at", "ended_as", "successor")
record = rows.reader(
    [
        *("", "conclusions.id", "conclusions.content", "peers.id", "peers.id", "sessions.id?"),
        *(f"conclusions.{name}" for name in (*_OWN, *_ENDED)),
    ],
    _record,
)


sources_of = rows.reader(["conclusions.source_ids"], lambda row: rows.texts_from(row[0]))
"""Parse a row whose only column is `source_ids`."""


def add(db: Transaction, workspace_id: str, batch: Sequence[NewConclusion], now: int) -> list[Conclusion]:
    """Store the batch as explicit conclusions, all or none, and return the stored records.

    Raises NotFound for missing peers or sessions, Unprocessable for a conclusion about a scope.
    """
    named = {peer for new in batch for peer in (new.observer_id, new.observed_id)}
    known = {peer_id: _peer(db, workspace_id, peer_id) for peer_id in sorted(named)}
    scopes = sorted({new.observed_id for new in batch if identifiers.is_scope_peer(new.observed_id)})
    if scopes:
        raise Unprocessable(f"Peer name(s) {scopes} are scopes. No conclusion is ever formed about a scope.")
    sessions_by_id = {
        id: sessions.get(db, workspace_id, id).pk for id in {new.session_id for new in batch} if id is not None
    }
    (workspace,) = db.execute(
        "SELECT pk FROM workspaces WHERE id = ? AND deleted_at IS NULL", (workspace_id,)
    ).fetchone()
    for pk in sorted({known[new.observer_id].pk for new in batch}):
        db.lock("peers", pk)
    stored = []
    for new in batch:
        observer, observed = known[new.observer_id], known[new.observed_id]
        session = None if new.session_id is None else sessions_by_id[new.session_id]
        target, id = Target(workspace, (observer.pk, observed.pk), session), new_id(now)
        start, end = new.valid_from, new.valid_until
        said_at = now if new.said_at is None else new.said_at
        row = ConclusionRow(id, new.content, said_at, new.details, valid_from=start, valid_until=end, topics=new.topics)
        pk = insert(db, target, row, now)
        names = (new.observer_id, new.observed_id, new.session_id)
        stored.append(
            Conclusion(pk, id, new.content, *names, "explicit", None, 1, said_at, now, new.details, start, end)
        )
    embeddings.enqueue(db, now)
    return stored


class Target(NamedTuple):
    """Where conclusions are stored: rows of the workspace, of observer and observed, and of the session."""

    workspace: int
    pair: tuple[int, int]
    session: int | None


class ConclusionRow(NamedTuple):
    """The columns of a conclusion that is not stored yet, besides those of its `Target`. Times in microseconds.

    `message_ids` and `topics` are stored as `conclusion_links` describes.
    """

    id: str
    content: str
    said_at: int
    details: Json | None = None
    level: Level = "explicit"
    source_ids: Sequence[str] | None = None
    times_derived: int = 1
    valid_from: int | None = None
    valid_until: int | None = None
    message_ids: Sequence[str] = ()
    topics: frozenset[str] = frozenset()


_INTO = """conclusions (workspace, observer, observed, session, created_at, id, content, said_at, details, level,
    source_ids, times_derived, valid_from, valid_until, same)"""


def insert(db: Transaction, target: Target, new: ConclusionRow, now: int) -> int:
    """Store and index one conclusion, and return its row."""
    marks = ", ".join("?" * 15)
    pk = insert_row(db, f"INSERT INTO {_INTO} VALUES ({marks})", _values(target, new, now))
    fulltext.add_conclusion(db, pk)
    _link(db, target, [new])
    return pk


def insert_all(db: Transaction, target: Target, batch: Sequence[ConclusionRow], now: int) -> None:
    """Store and index conclusions, in this order."""
    if not batch:
        return
    (last,) = db.execute("SELECT max(pk) FROM conclusions").fetchone()
    rows.insert_all(db, _INTO, [_values(target, new, now) for new in batch])
    fulltext.add_conclusions(db, last or 0)
    _link(db, target, batch)


def _link(db: Transaction, target: Target, batch: Sequence[ConclusionRow]) -> None:
    conclusion_links.link(db, [(message, new.id) for new in batch for message in new.message_ids])
    conclusion_links.set_topics(db, target.pair, [(new.id, new.topics) for new in batch if new.topics])


def _values(target: Target, new: ConclusionRow, now: int) -> rows.Row:
    workspace, pair, session = target
    id, content, said_at, details, level, source_ids, times_derived, *holds = new[:9]
    sources = None if source_ids is None else orjson.dumps([*source_ids]).decode()
    text = rows.to_text(details or {})
    hashed = content_hash(content)
    return (workspace, *pair, session, now, id, content, said_at, text, level, sources, times_derived, *holds, hashed)


def hide(db: Transaction, pks: Collection[int], now: int) -> list[int]:
    """Soft-delete conclusions: they are hidden at once, and a job removes their rows later.

    What they ended is revived; returns the rows of these.
    """
    if not pks:
        return []
    ids = db.execute(f"SELECT id FROM conclusions WHERE pk {in_array('bigint')}", (array([*pks]),)).fetchall()
    revived = conclusion_revival.revive(db, [id for (id,) in ids])
    conclusion_revival.discount(db, pks)
    hidden = "UPDATE conclusions SET deleted_at = ?, ended_as = NULL, successor = NULL WHERE pk = ?"
    db.executemany(hidden, [(now, pk) for pk in pks])
    enqueue_purge(db, now)
    return revived


def enqueue_purge(db: Transaction, now: int) -> None:
    """Enqueue the removal of deleted conclusions, if there are any, for `GRACE` after the first deletion."""
    (first,) = db.execute(
        "SELECT min(deleted_at) FROM conclusions WHERE deleted_at IS NOT NULL AND ended_as IS NULL"
    ).fetchone()
    if first is not None:
        (first,) = rows.mended(["conclusions.deleted_at"], (first,))
        queue.add(db, NewJob(JobKind.PURGE_CONCLUSIONS, {}, key=JobKind.PURGE_CONCLUSIONS, due_at=first + GRACE), now)


def _peer(db: Transaction, workspace_id: str, peer_id: str) -> Peer:
    if found := peers.find(db, workspace_id, peer_id):
        return found
    raise NotFound(f"Peer {peer_id} not found in workspace {workspace_id}")


def page(
    db: Transaction, workspace_id: str, request: PageRequest, moment: Moment, filters: Json | None
) -> Page[Conclusion]:
    """The workspace's conclusions, newest first; `reverse`: oldest first. Raises Unprocessable for a bad filter.

    A filter that names the status finds ended ones too.
    """
    clause = compile_filters(filters, conclusion_times.fields(moment.as_of))
    seen = conclusion_times.seen(moment, with_ended=names_field(filters, "status"))
    if seen == CURRENT and names_field(filters, "message_id"):
        seen = _CURRENT_OF_FEW
    sql, params = ("", ()) if clause is None else (f" AND {clause.sql}", clause.params)
    newest_first = PageRequest(request.page, request.size, not request.reverse)
    given, order = (workspace_id, *seen.params, *params), ("c.created_at", "c.pk")
    found = rows.page(db, rows.Listing(COLUMNS, f"{seeing(FROM, seen)}{sql}", given, order, record), newest_first)
    return Page(conclusion_times.as_known(db, found.items, moment), found.total, request)


def get(
    db: Transaction, workspace_id: str, conclusion_id: str, reach: Reach = EVERYTHING, *, to_change: bool = False
) -> Conclusion:
    """The conclusion, whether it is current or has ended; `to_change` locks it, and its observer. Raises NotFound if it
    is not in this workspace, or out of reach."""
    within = reach.conclusions()
    query = f"SELECT {COLUMNS} {FROM_KEPT} AND c.id = ? AND {within.sql} {_TO_CHANGE if to_change else ''}"
    row = db.execute(query, (workspace_id, conclusion_id, *within.params)).fetchone()
    if row is None:
        raise _missing(workspace_id, conclusion_id)
    return record(row)


def get_of(
    db: Transaction, workspace_id: str, conclusion_id: str, observer_id: str | None, observed_id: str | None
) -> Conclusion:
    """The conclusion, if these are its peers; None for any. Raises NotFound."""
    found = get(db, workspace_id, conclusion_id, to_change=True)
    if observer_id not in (None, found.observer_id) or observed_id not in (None, found.observed_id):
        raise NotFound(f"Document {conclusion_id} is a conclusion of {found.observer_id} about {found.observed_id}")
    return found


def delete(db: Transaction, workspace_id: str, conclusion_id: str, now: int) -> None:
    """Hide the conclusion alone: see `deletion_cascade`. Raises NotFound as `get` does."""
    hide(db, [get(db, workspace_id, conclusion_id).pk], now)


def _missing(workspace_id: str, conclusion_id: str) -> NotFound:
    return NotFound(f"Document {conclusion_id} not found or does not belong to workspace {workspace_id}")


def pair(db: Transaction, workspace_id: str, observer_id: str, observed_id: str) -> tuple[int, int] | None:
    """The rows of observer and observed; None unless both exist."""
    observer, observed = (peers.find(db, workspace_id, id) for id in (observer_id, observed_id))
    return (observer.pk, observed.pk) if observer and observed else None


def oldest(
    db: Transaction, workspace_id: str, pair: tuple[int, int], after: Conclusion | None, limit: int
) -> list[Conclusion]:
    """The pair's conclusions in order of creation, from the first one or after `after`."""
    since = (0, 0) if after is None else (after.created_at, after.pk)
    from_pair = f"FROM conclusions c {use_index('conclusions_pair')} {_JOINED}"
    query = f"""SELECT {COLUMNS} {from_pair} AND c.observer = ? AND c.observed = ? AND (c.created_at, c.pk) > (?, ?)
        ORDER BY c.created_at, c.pk LIMIT ?"""
    return [record(row) for row in db.execute(query, (workspace_id, *pair, *since, limit))]


def said_after(db: Transaction, workspace_id: str, pair: tuple[int, int], time: int, limit: int) -> list[Conclusion]:
    """The pair's newest conclusions whose `said_at` is later than `time`."""
    query = f"""SELECT {COLUMNS} {FROM} AND {OF_PAIR_BY_TIME} AND c.said_at > ?
        ORDER BY {LAST_SAID_FIRST} LIMIT ?"""
    return [record(row) for row in db.execute(query, (workspace_id, *pair, time, limit))]
