"""Schedule dreams and store their results. New conclusions since the last dream are counted in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from omoide.core.clock import new_id
from omoide.core.errors import NotFound, Unprocessable
from omoide.core.identifiers import is_scope_peer
from omoide.core.job_payloads import DreamPayload, JobKind
from omoide.core.records import Derived, Merge, Replacement
from omoide.storage import (
    conclusion_endings,
    conclusion_links,
    conclusion_upsert,
    conclusions,
    dream_jobs,
    embeddings,
    peers,
    queue,
    rows,
    sessions,
)
from omoide.storage.base import Transaction
from omoide.storage.conclusion_endings import Ended
from omoide.storage.conclusions import ConclusionRow, Target
from omoide.storage.content_hash import content_hash
from omoide.storage.dialect import array, greatest, in_array, json_or_null, without_index
from omoide.storage.dream_jobs import OMNI, Pair

# Looks up the few ids instead of scanning all conclusions of the pair.
_OF_PAIR = f"""{without_index("observer")} = ? AND {without_index("observed")} = ?
    AND deleted_at IS NULL AND id {in_array("text")}
    AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.pk = conclusions.session AND s.deleted_at IS NOT NULL)"""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a dream of a pair is started automatically. Times are in microseconds."""

    threshold: int
    """Number of new explicit conclusions since the last dream."""
    idle: int
    """Time without new conclusions."""
    between: int
    """Minimum interval since the last dream."""


def learned(db: Transaction, workspace: int, pair: Pair, count: int, now: int, schedule: Schedule | None) -> None:
    """Count new explicit conclusions of the pair, and enqueue a dream at the threshold; none without a schedule.

    Call it after any reasoning, even if nothing new was learned, because it defers a waiting dream.
    """
    since, last_at = db.execute(
        """INSERT INTO dreams (observer, observed, explicit_since) VALUES (?, ?, ?)
           ON CONFLICT (observer, observed) DO UPDATE
           SET explicit_since = dreams.explicit_since + excluded.explicit_since
           RETURNING explicit_since, last_at""",
        (*pair, count),
    ).fetchone()
    since, last_at = rows.mended(["dreams.explicit_since", "dreams.last_at"], (since, last_at))
    if schedule is None or since < schedule.threshold:
        return
    # If the clock was ahead at the last dream, `last_at` lies in the future and must not delay the next one.
    due_at = max(now + schedule.idle, min(last_at or 0, now) + schedule.between)
    if queue.is_queued(db, JobKind.DREAM, dream_jobs.key(OMNI, pair)):
        queue.reschedule(db, JobKind.DREAM, dream_jobs.key(OMNI, pair), due_at)
    elif dream_jobs.owner(db, pair) == pair:  # a merge adds the count to that of the other peer
        dream_jobs.add(db, workspace, pair, dream_jobs.automatic(db, pair, OMNI), now, due_at)


def request(db: Transaction, workspace_id: str, dream: DreamPayload, now: int) -> None:
    """Enqueue a dream for a caller. Raises NotFound for a missing peer or session, Unprocessable for a scope."""
    if is_scope_peer(dream.observed):
        raise Unprocessable(f"Peer name(s) ['{dream.observed}'] are scopes. There are no dreams about a scope.")
    for peer_id in (dream.observer, dream.observed):
        if peers.find(db, workspace_id, peer_id) is None:
            raise NotFound(f"Peer {peer_id} not found in workspace {workspace_id}")
    if dream.session is not None:
        sessions.get(db, workspace_id, dream.session)
    pair = conclusions.pair(db, workspace_id, dream.observer, dream.observed)
    assert pair is not None
    (workspace,) = db.execute("SELECT workspace FROM peers WHERE pk = ?", (pair[0],)).fetchone()
    dream_jobs.enqueue(db, workspace, pair, dream, now)


def since(db: Transaction, pair: Pair) -> int:
    """Number of new explicit conclusions since the last dream."""
    row = db.execute("SELECT explicit_since FROM dreams WHERE observer = ? AND observed = ?", pair).fetchone()
    return rows.mended(["dreams.explicit_since"], row)[0] if row else 0


def dreamed(db: Transaction, pair: Pair, seen: int, now: int) -> None:
    """Record the end of a dream that processed `seen` new conclusions."""
    db.execute(
        f"""INSERT INTO dreams (observer, observed, last_at) VALUES (?, ?, ?)
           ON CONFLICT (observer, observed) DO UPDATE
           SET last_at = excluded.last_at, explicit_since = {greatest("0", "dreams.explicit_since - ?")}""",
        (*pair, now, seen),
    )


def add_derived(
    db: Transaction, workspace: int, pair: Pair, session: int | None, derived: Sequence[Derived], now: int
) -> list[Derived]:
    """Store derived conclusions, and return those that were refused.

    A conclusion is refused if a source is not a live conclusion of the same pair, or if there are too few (two for a
    contradiction, else one). One with the same text as an existing one is not stored again.
    """
    refused = []
    for new in derived:
        said_at = _newest(db, pair, new.source_ids)
        if said_at is None or len(set(new.source_ids)) < (2 if new.level == "contradiction" else 1):
            refused.append(new)
            continue
        known = db.execute(
            """SELECT 1 FROM conclusions WHERE observer = ? AND observed = ? AND same = ? AND level = ?
               AND deleted_at IS NULL""",
            (*pair, content_hash(new.content), new.level),
        ).fetchone()
        # A caller may have corrected the same text.
        digest = content_hash(new.content)
        denied_at = conclusion_endings.denied(db, pair, [digest]).get(digest)
        if not known and (denied_at is None or denied_at < said_at):
            row = ConclusionRow(new_id(now), new.content, said_at, new.details, new.level, new.source_ids)
            conclusions.insert(db, Target(workspace, pair, session), row, now)
            embeddings.enqueue(db, now)
    return refused


def _newest(db: Transaction, pair: Pair, ids: Sequence[str]) -> int | None:
    """The latest `said_at` of these; None unless all are live conclusions of the pair."""
    count, said_at = db.execute(
        f"SELECT count(*), max(said_at) FROM conclusions WHERE {_OF_PAIR}",
        (*pair, array(ids)),
    ).fetchone()
    return rows.mended(["conclusions.said_at"], (said_at,))[0] if count and count == len(set(ids)) else None


def merge(db: Transaction, pair: Pair, merges: Sequence[Merge], now: int) -> None:
    """Merge conclusions that say the same into one; those that no longer exist are skipped."""
    for each in merges:
        kept = _live(db, pair, [each.kept])
        dropped = _live(db, pair, [id for id in each.dropped if id != each.kept])
        for pk, times in dropped if kept else []:
            db.execute("UPDATE conclusions SET times_derived = times_derived + ? WHERE pk = ?", (times, kept[0][0]))
            conclusion_upsert.replace(db, pair, pk, [each.kept], now)


def replace(db: Transaction, pair: Pair, replacements: Sequence[Replacement], now: int) -> list[Ended]:
    """End explicit conclusions that later ones took the place of, and return what ended.

    Skipped where one of the two is no longer current.
    """
    endings = []
    for each in replacements:
        rows_of = [_live(db, pair, [id], " AND level = 'explicit'") for id in (each.old, each.new)]
        old, new = (conclusion_links.in_row(db, row[0][0]) if row else None for row in rows_of)
        if old and new and old.pk != new.pk and old.said_at <= new.said_at:
            conclusion_endings.begin(db, new.pk, new.said_at)
            endings.append(Ended(old.pk, "superseded", new.id, new.start))
            conclusion_endings.end(db, endings[-1:], now)
    return endings


def outdate(db: Transaction, pair: Pair, ids: Sequence[str], now: int) -> None:
    """Delete derived conclusions that no longer hold. Explicit ones, and corrections by callers, are kept.

    Conclusions that cite a deleted one cite its sources instead.
    """
    for pk, _ in _live(db, pair, ids, f" AND level <> 'explicit' AND {json_or_null('details')} ->> 'corrects' IS NULL"):
        (sources,) = db.execute("SELECT source_ids FROM conclusions WHERE pk = ?", (pk,)).fetchone()
        conclusion_upsert.replace(db, pair, pk, conclusions.sources_of((sources or "[]",)), now)


def _live(db: Transaction, pair: Pair, ids: Sequence[str], restriction: str = "") -> list[tuple[Any, ...]]:
    """Row and `times_derived` of the live conclusions of the pair among these."""
    return db.execute(
        f"SELECT pk, times_derived FROM conclusions WHERE {_OF_PAIR}{restriction}",
        (*pair, array(ids)),
    ).fetchall()
