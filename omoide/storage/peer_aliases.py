"""Ids of peers that were merged into others: an alias stands for the other peer, until it is freed.

A freed id is remembered without a peer, because keys of the former peer must not open a new one of the same name.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from omoide.core.records import MessageBatch, NewMessage
from omoide.storage import rows
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.dialect import array, in_array


def of(db: Transaction, workspace: int, peer_id: str) -> int | None:
    """The row of the peer that the id is an alias of; None for any other id."""
    row = db.execute("SELECT peer FROM peer_aliases WHERE workspace = ? AND id = ?", (workspace, peer_id)).fetchone()
    return row[0] if row else None


def exist(db: Transaction) -> bool:
    """Whether the database has any alias."""
    return db.execute("SELECT 1 FROM peer_aliases LIMIT 1").fetchone() is not None


def resolved(db: Transaction, workspace_id: str, peer_ids: Collection[str]) -> dict[str, str]:
    """Alias → id of its peer, for those of the ids that are aliases."""
    if not peer_ids or not exist(db):
        return {}
    found = db.execute(
        f"""SELECT a.id, p.id FROM workspaces w JOIN peer_aliases a ON a.workspace = w.pk
           JOIN peers p ON p.pk = a.peer WHERE w.id = ? AND w.deleted_at IS NULL AND a.id {in_array("text")}""",
        (workspace_id, array([*peer_ids])),
    )
    return {as_text(alias): as_text(peer_id) for alias, peer_id in found}


def of_peers(db: Transaction, batch: MessageBatch) -> Sequence[NewMessage]:
    """The messages of the batch, by the peers that aliases stand for."""
    new = batch.messages
    if not (aliases := resolved(db, batch.workspace_id, {message.peer_id for message in new})):
        return new
    return [message._replace(peer_id=aliases.get(message.peer_id, message.peer_id)) for message in new]


def merging(db: Transaction, workspace_id: str, peer_id: str) -> list[str]:
    """The ids of peers that are being merged into this one."""
    if not exist(db):
        return []
    found = db.execute(
        """SELECT o.id FROM workspaces w JOIN peers p ON p.workspace = w.pk JOIN peer_aliases a ON a.peer = p.pk
           JOIN peers o ON o.workspace = a.workspace AND o.id = a.id AND o.kind = 'merged'
           WHERE w.id = ? AND w.deleted_at IS NULL AND p.id = ?""",
        (workspace_id, peer_id),
    )
    return [as_text(id) for (id,) in found]


def is_retired(db: Transaction, workspace_id: str, peer_id: str, issued_at: int) -> bool:
    """Whether a key of the peer, issued at `issued_at`, is refused, because the peer was merged since."""
    row = db.execute(
        """SELECT a.peer, a.merged_at FROM workspaces w JOIN peer_aliases a ON a.workspace = w.pk
           WHERE w.id = ? AND w.deleted_at IS NULL AND a.id = ?""",
        (workspace_id, peer_id),
    ).fetchone()
    return row is not None and (row[0] is not None or issued_at <= _merged_at(row[1:])[0])


def _merged_at(row: rows.Row) -> rows.Row:
    return rows.mended(["peer_aliases.merged_at"], row)


def add(db: Transaction, workspace: int, alias: tuple[int, str], peer: int, now: int, *, is_kept: bool) -> None:
    """Make the id of a peer (row and id) an alias of another (its row), and those of the first as well."""
    db.execute("UPDATE peer_aliases SET peer = ? WHERE peer = ?", (peer, alias[0]))
    db.execute(
        """INSERT INTO peer_aliases (workspace, id, peer, is_kept, merged_at) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (workspace, id) DO UPDATE
           SET peer = excluded.peer, is_kept = excluded.is_kept, merged_at = excluded.merged_at""",
        (workspace, alias[1], peer, int(is_kept), now),
    )


def finish(db: Transaction, workspace: int, alias: str, now: int) -> None:
    """Free the id, unless it is to be kept: the peer that had it is gone."""
    db.execute(
        "UPDATE peer_aliases SET peer = NULL, merged_at = ? WHERE workspace = ? AND id = ? AND is_kept = 0",
        (now, workspace, alias),
    )


def forget(db: Transaction, peer: int) -> None:
    """Forget the aliases of a peer (its row) that is about to be removed. Their older keys stay refused."""
    db.execute("UPDATE peer_aliases SET peer = NULL WHERE peer = ?", (peer,))
