"""Removing the rows of what was deleted, a limited number at a time, so that other writes get their turn between."""

from __future__ import annotations

from omoide.store.database import Connection

ROWS_AT_A_TIME = 2_000


def session(db: Connection, pk: int) -> bool:
    """Remove some rows of a deleted session; False once none is left, the session itself included."""
    if not _is_deleted(db, "sessions", pk):
        return False
    for table, key in (("messages", "pk"), ("receipts", "key"), ("members", "peer")):
        if _remove(db, table, key, "session", pk):
            return True
    db.execute("DELETE FROM sessions WHERE pk = ? AND deleted_at IS NOT NULL", (pk,))
    return False


def workspace(db: Connection, pk: int) -> bool:
    """Remove some rows of a deleted workspace; False once none is left, the workspace itself included."""
    if not _is_deleted(db, "workspaces", pk):
        return False
    row = db.execute("SELECT pk FROM sessions WHERE workspace = ? LIMIT 1", (pk,)).fetchone()
    if row:
        # Something may have been added to a session in the instant before its workspace was hidden.
        db.execute("UPDATE sessions SET deleted_at = coalesce(deleted_at, 0) WHERE pk = ?", row)
        session(db, row[0])
        return True
    if _remove(db, "peers", "pk", "workspace", pk):
        return True
    db.execute("DELETE FROM workspaces WHERE pk = ? AND deleted_at IS NOT NULL", (pk,))
    return False


def _is_deleted(db: Connection, table: str, pk: int) -> bool:
    """Whether the row still stands for what was deleted: a job done twice may find its number used again."""
    return db.execute(f"SELECT 1 FROM {table} WHERE pk = ? AND deleted_at IS NOT NULL", (pk,)).fetchone() is not None


def _remove(db: Connection, table: str, key: str, owner: str, pk: int) -> bool:
    cursor = db.execute(
        f"DELETE FROM {table} WHERE {owner} = ? AND {key} IN (SELECT {key} FROM {table} WHERE {owner} = ? LIMIT ?)",
        (pk, pk, ROWS_AT_A_TIME),
    )
    return bool(cursor.rowcount)
