"""Store changed metadata and configurations of workspaces, peers and sessions."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from omoide.core.records import Json, Peer, Session, Workspace
from omoide.storage.base import Transaction
from omoide.storage.engine import secure_delete
from omoide.storage.large_values import text_of

Owner = TypeVar("Owner", Workspace, Peer, Session)


def store(db: Transaction, table: str, old: Owner, values: tuple[Json, Json], now: int) -> Owner:
    """Store the metadata and the configuration in the row of a record, and return the new record.

    Writes nothing if both are unchanged.
    """
    metadata, configuration = values
    if (metadata, configuration) == (old.metadata, old.configuration):
        return old
    db.execute(
        f"UPDATE {table} SET metadata = ?, configuration = ? WHERE pk = ?",
        (text_of(db, metadata), text_of(db, configuration), old.pk),
    )
    secure_delete.enqueue(db, now)
    return replace(old, metadata=metadata, configuration=configuration)
