"""Copy a session's conclusions into a scope, and remove the conclusions of a session that left it.

The explicit conclusions that each peer holds about itself are copied, with their messages and topics. The id of a copy
is derived from the original's id, so copying is idempotent. A copy of an ended conclusion is ended only if the scope
knows what ended it (`scope_versions`). With a session, everything derived from its conclusions is removed as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from omoide.core.clock import derived_id
from omoide.storage import conclusion_links, conclusions, embeddings, purge, rows, scope_versions
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.conclusions import ConclusionRow, Target
from omoide.storage.dialect import greatest, json_or_null

_ORIGIN = f"{json_or_null('details')} ->> 'origin'"
KEPT = "(deleted_at IS NULL OR ended_as IS NOT NULL)"
"""Whether a conclusion is current or ended, and not deleted."""
ROWS_AT_A_TIME = 500
"""Conclusions copied or hidden per write, so that other writes can run in between."""


def copy_some(db: Transaction, scope: int, session: int, after: int, now: int) -> int | None:
    """Copy the next conclusions after the row `after`; returns the last row read, or None when done.

    The call that returns None also marks the backfill as completed. Does nothing once the session has left the scope.
    """
    db.lock("sessions", session)
    db.lock("peers", scope)
    if not _is_in(db, scope, session):
        return None
    stored = db.execute(
        f"""SELECT pk, id, workspace, observed, content, times_derived, said_at, created_at, valid_from, valid_until,
               details FROM conclusions
           WHERE session = ? AND pk > ? AND observer = observed AND level = 'explicit' AND {KEPT}
           ORDER BY pk LIMIT ?""",
        (session, after, ROWS_AT_A_TIME),
    )
    found = [rows.mended(_COPIED, row) for row in stored]
    if not found:
        _complete(db, scope, session, now)
        return None
    (uid,) = db.execute("SELECT uid FROM peers WHERE pk = ?", (scope,)).fetchone()
    known = _known(db, scope, session)
    copied = {derived_id(str(row[1]), uid): row for row in found if (row[3], _folded(row[4])) not in known}
    # Deleted copies are removed, not unhidden: semantic search has already dropped their row numbers.
    purge.deleted_conclusions(db, [*copied])
    for copy, row in copied.items():
        _copy(db, copy, scope, session, row)
    scope_versions.end_copies(db, scope, uid, [str(row[1]) for row in found], now)
    embeddings.enqueue(db, now)
    return int(found[-1][0])


_COPIED = ["", "conclusions.id", "", "", "conclusions.content", "conclusions.times_derived"]
_COPIED += ["conclusions.said_at", "conclusions.created_at", "conclusions.valid_from", "conclusions.valid_until"]
_COPIED += ["conclusions.details"]


def _known(db: Transaction, scope: int, session: int) -> set[tuple[int, str]]:
    """Conclusions that the scope drew from the session itself, as (observed peer, text)."""
    seen = db.execute(
        f"""SELECT observed, content FROM conclusions WHERE session = ? AND observer = ? AND level = 'explicit'
           AND {KEPT} AND {_ORIGIN} IS NULL""",
        (session, scope),
    )
    return {(observed, _folded(as_text(content))) for observed, content in seen}


def _folded(content: str) -> str:
    return content.strip().lower()


def _copy(db: Transaction, copy: str, scope: int, session: int, row: Sequence[Any]) -> None:
    pk, origin, workspace, observed, content, times_derived, said_at, created_at, *holds, details = row
    there = db.execute(
        f"UPDATE conclusions SET times_derived = {greatest('times_derived', '?')} WHERE id = ?", (times_derived, copy)
    )
    if there.rowcount:
        return
    valid_from, valid_until = holds
    given = {"origin": origin, **{key: ids for key, ids in rows.from_text(details).items() if key == "message_ids"}}
    new = ConclusionRow(
        copy, content, said_at, given, times_derived=times_derived, valid_from=valid_from, valid_until=valid_until
    )
    conclusion_links.copy(
        db, pk, conclusions.insert(db, Target(workspace, (scope, observed), session), new, created_at)
    )


def of(db: Transaction, pk: int) -> list[int]:
    """The rows of a conclusion's copies in scopes, and of what scopes learned with this text from the same session.

    Only for what a peer holds about itself: other observers' conclusions are not copied.
    """
    found = db.execute(
        """SELECT DISTINCT c.pk FROM conclusions o JOIN members m ON m.session = o.session
               JOIN peers p ON p.pk = m.peer AND p.kind = 'scope'
               JOIN conclusions c ON c.observer = m.peer AND c.observed = o.observed AND c.same = o.same
           WHERE o.pk = ? AND o.observer = o.observed AND o.level = 'explicit' AND c.session = o.session
               AND c.level = 'explicit' AND (c.deleted_at IS NULL OR c.ended_as IS NOT NULL) ORDER BY c.pk""",
        (pk,),
    )
    return [copy for (copy,) in found]


def _complete(db: Transaction, scope: int, session: int, now: int) -> None:
    (count,) = db.execute(
        f"""SELECT count(*) FROM conclusions WHERE session = ? AND observer = ? AND deleted_at IS NULL
           AND {_ORIGIN} IS NOT NULL""",
        (session, scope),
    ).fetchone()
    db.execute(
        "UPDATE backfills SET state = 'completed', docs_copied = ?, updated_at = ? WHERE scope = ? AND session = ?",
        (count, now, scope, session),
    )


def copies(db: Transaction, scope: int, session: int) -> list[int]:
    """Rows of live conclusions that were copied for the scope from the session."""
    found = db.execute(
        f"""SELECT pk FROM conclusions WHERE session = ? AND observer = ? AND deleted_at IS NULL
           AND {_ORIGIN} IS NOT NULL""",
        (session, scope),
    )
    return [pk for (pk,) in found]


def touched(db: Transaction, scope: int, session: int) -> list[tuple[int, str]]:
    """Row and id of every peer about whom the scope has or had conclusions from the session."""
    found = db.execute(
        """SELECT DISTINCT p.pk, p.id FROM conclusions c JOIN peers p ON p.pk = c.observed
           WHERE c.session = ? AND c.observer = ? ORDER BY p.pk""",
        (session, scope),
    )
    return [(pk, id) for pk, id in found]


def to_forget(db: Transaction, scope: int, session: int) -> list[int]:
    """Rows of the scope's conclusions, current or ended, that depend on a session that left it; none if it is back."""
    if _is_in(db, scope, session):
        return []
    from_session = db.execute(
        f"SELECT id, pk, {KEPT} FROM conclusions WHERE observer = ? AND session = ?", (scope, session)
    ).fetchall()
    derived = db.execute(
        f"""SELECT id, pk, {KEPT}, source_ids FROM conclusions
           WHERE observer = ? AND level <> 'explicit' AND source_ids IS NOT NULL""",
        (scope,),
    ).fetchall()
    sources = {id: conclusions.sources_of((source_ids,)) for id, _, _, source_ids in derived}
    lost = resting_on({row[0] for row in from_session}, sources)
    kept = {pk for id, pk, is_kept, *_ in (*from_session, *derived) if is_kept and id in lost}
    return sorted(kept)


def forget(db: Transaction, scope: int, session: int, pks: Collection[int], now: int) -> None:
    """Hide these conclusions, unless the session is in the scope again."""
    if not _is_in(db, scope, session):
        conclusions.hide(db, pks, now)


def resting_on(lost: Iterable[str], sources: Mapping[str, Iterable[str]]) -> set[str]:
    """`lost` and every id that cites one of them, directly or transitively; `sources` is id → cited ids. Pure."""
    cited_by: dict[str, list[str]] = {}
    for id, cited in sources.items():
        for source in cited:
            cited_by.setdefault(source, []).append(id)
    reached = set(lost)
    waiting = [*reached]
    while waiting:
        fresh = [id for id in cited_by.get(waiting.pop(), ()) if id not in reached]
        reached.update(fresh)
        waiting += fresh
    return reached


def _is_in(db: Transaction, scope: int, session: int) -> bool:
    query = """SELECT 1 FROM members m JOIN sessions s ON s.pk = m.session
        WHERE m.session = ? AND m.peer = ? AND m.left_at IS NULL AND s.deleted_at IS NULL"""
    return db.execute(query, (session, scope)).fetchone() is not None
