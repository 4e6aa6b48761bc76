"""Store conclusions of another server as they are, once: ids tell which are here already, also among deleted ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, get_args

from omoide.core.records import Json, Level
from omoide.storage import conclusion_endings, conclusions, embeddings, peers, sessions, topic_fill, workspaces
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.conclusions import ConclusionRow, Target
from omoide.storage.content_hash import content_hash
from omoide.storage.dialect import array, in_array

LEVELS: frozenset[str] = frozenset(get_args(Level))


class ImportedConclusion(NamedTuple):
    """A conclusion with its id here, and its id there (`source_key`). Times in microseconds."""

    id: str
    source_key: str
    content: str
    observer_id: str
    observed_id: str
    session_id: str | None
    level: Level
    times_derived: int
    said_at: int
    created_at: int
    valid_from: int | None = None
    valid_until: int | None = None
    source_ids: Sequence[str] | None = None
    message_ids: Sequence[str] = ()


def known(db: Transaction, ids: Collection[str]) -> frozenset[str]:
    """Which of these ids are of stored conclusions, deleted ones included until they are purged."""
    found = db.execute(f"SELECT id FROM conclusions WHERE id {in_array('text')}", (array([*ids]),))
    return frozenset(as_text(id) for (id,) in found)


def add(db: Transaction, workspace_id: str, batch: Sequence[ImportedConclusion], source: str, now: int) -> int:
    """Store those of the batch that are not stored and were not corrected here as never true; returns their number.

    Missing peers are created. A conclusion of a session that does not exist here belongs to none.
    """
    workspace = workspaces.existing(db, workspace_id)
    stored = known(db, [each.id for each in batch])
    new = [each for each in batch if each.id not in stored]
    peer_rows = peers.ensure(db, workspace, {id for each in new for id in (each.observer_id, each.observed_id)}, now)
    session_rows = _sessions(db, workspace_id, new)
    count = 0
    for each in new:
        pair = peer_rows[each.observer_id], peer_rows[each.observed_id]
        digest = content_hash(each.content)
        if conclusion_endings.denied(db, pair, [digest]).get(digest, each.said_at - 1) >= each.said_at:
            continue
        session = session_rows.get(each.session_id or "")
        conclusions.insert(db, Target(workspace, pair, session), _row(each, source), each.created_at)
        count += 1
    if count:
        embeddings.enqueue(db, now)
    return count


def _sessions(db: Transaction, workspace_id: str, batch: Sequence[ImportedConclusion]) -> Mapping[str, int]:
    ids = {each.session_id for each in batch if each.session_id is not None}
    found = {id: sessions.find(db, workspace_id, id) for id in ids}
    return {id: session.pk for id, session in found.items() if session is not None}


def _row(imported: ImportedConclusion, source: str) -> ConclusionRow:
    details: Json = {"source": source, "source_key": imported.source_key}
    if imported.message_ids:
        details |= {"message_ids": [*imported.message_ids]}
    return ConclusionRow(
        imported.id,
        imported.content,
        imported.said_at,
        details,
        imported.level,
        imported.source_ids if imported.level != "explicit" else None,
        imported.times_derived,
        imported.valid_from,
        imported.valid_until,
        imported.message_ids,
    )


def complete(db: Transaction, workspace_id: str, now: int) -> None:
    """Enqueue the job that finds the topics of the conclusions stored, so that newer ones can supersede them."""
    topic_fill.enqueue(db, workspaces.existing(db, workspace_id), now)
