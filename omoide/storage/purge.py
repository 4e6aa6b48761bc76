"""Remove the rows of deleted data in batches, so that other writes can run in between.

A row's full-text entry and vector are removed in the same write. Each call checks that its session or workspace is
deleted, because their row numbers are reused.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence

from omoide.storage import conclusion_links, embeddings, fair_share, vector_segments
from omoide.storage.base import Transaction
from omoide.storage.dialect import array, in_array
from omoide.storage.engine import fulltext, secure_delete

ROWS_AT_A_TIME = 50
"""Removing this many messages from the full-text index takes about 40 ms, during which other writes wait."""

CHARACTERS_AT_A_TIME = 25_000
"""This many characters of text take as long. A longer message is removed alone."""

_OF_A_SESSION: Mapping[str, str] = {
    "receipts": "key",
    "stays": "peer",  # before the members, which they refer to
    "members": "peer",
    "visits": "pk",
    "summaries": "kind",
    "backfills": "scope",
    "said_order": "created_at",
}
"""Table → second column of its key, after `session`."""


@secure_delete.overwriting
def session(db: Transaction, pk: int) -> bool:
    """Remove some rows of a deleted session; False once all are removed, including the session itself."""
    if not db.execute("SELECT 1 FROM sessions WHERE pk = ? AND deleted_at IS NOT NULL", (pk,)).fetchone():
        return False
    if _remove_texts(db, "messages", "SELECT pk, length(content) FROM messages WHERE session = ? LIMIT ?", pk):
        return True
    if _remove_texts(db, "conclusions", "SELECT pk, length(content) FROM conclusions WHERE session = ? LIMIT ?", pk):
        return True
    for table, key in _OF_A_SESSION.items():
        chosen = f"SELECT {key} FROM {table} WHERE session = ? LIMIT ?"
        if _remove(db, f"DELETE FROM {table} WHERE session = ? AND {key} IN ({chosen})", (pk, pk, ROWS_AT_A_TIME)):
            return True
    db.execute("DELETE FROM sessions WHERE pk = ?", (pk,))
    return False


@secure_delete.overwriting
def workspace(db: Transaction, pk: int) -> bool:
    """Remove some rows of a deleted workspace; False once all are removed, including the workspace itself."""
    if not db.execute("SELECT 1 FROM workspaces WHERE pk = ? AND deleted_at IS NOT NULL", (pk,)).fetchone():
        return False
    db.execute("DELETE FROM jobs WHERE workspace = ? AND kind <> 'purge_workspace'", (pk,))
    for table in ("done", "model_usage", "budget_pauses"):
        db.execute(f"DELETE FROM {table} WHERE workspace = ?", (pk,))
    vector_segments.remove_workspace(db, pk)
    row = db.execute("SELECT pk FROM sessions WHERE workspace = ? LIMIT 1", (pk,)).fetchone()
    if row:
        # A session may have been created just before its workspace was hidden.
        db.execute("UPDATE sessions SET deleted_at = coalesce(deleted_at, 1) WHERE pk = ?", row)
        session(db, row[0])
        return True
    known = """SELECT c.pk, length(c.content) FROM peers p JOIN conclusions c ON c.observer = p.pk
        WHERE p.workspace = ? LIMIT ?"""
    if _remove_texts(db, "conclusions", known, pk):
        return True
    keepers = "SELECT DISTINCT c.observer FROM peers p JOIN cards c ON c.observer = p.pk WHERE p.workspace = ? LIMIT ?"
    dreamers = keepers.replace("cards c", "dreams c")
    peers = "SELECT pk FROM peers WHERE workspace = ? LIMIT ?"
    for statement in (
        f"DELETE FROM cards WHERE observer IN ({keepers})",
        f"DELETE FROM dreams WHERE observer IN ({dreamers})",
        """DELETE FROM peer_aliases WHERE (workspace, id) IN (
               SELECT workspace, id FROM peer_aliases WHERE workspace = ? LIMIT ?)""",
        f"DELETE FROM peers WHERE pk IN ({peers})",
    ):
        if _remove(db, statement, (pk, ROWS_AT_A_TIME)):
            return True
    db.execute("DELETE FROM webhooks WHERE workspace = ?", (pk,))
    db.execute("DELETE FROM workspaces WHERE pk = ?", (pk,))
    fair_share.forget(db, pk)
    return False


@secure_delete.overwriting
def conclusions(db: Transaction, before: int) -> bool:
    """Remove some of the conclusions that were deleted up to the time `before`; False once all are removed."""
    chosen = """SELECT pk, length(content) FROM conclusions WHERE deleted_at IS NOT NULL AND ended_as IS NULL
        AND deleted_at <= ? LIMIT ?"""
    return _remove_texts(db, "conclusions", chosen, before)


def conclusions_of(db: Transaction, peer: int) -> bool:
    """Remove some of the conclusions by or about a peer; returns whether there were any."""
    by_or_about = [
        f"SELECT pk, length(content) FROM conclusions WHERE {column} = ? LIMIT ?" for column in ("observer", "observed")
    ]
    return any(_remove_texts(db, "conclusions", chosen, peer) for chosen in by_or_about)


def messages(db: Transaction, pks: Sequence[int]) -> None:
    """Remove the rows of messages: see `message_removal` for what else depends on them."""
    _remove_rows(db, "messages", pks)


def deleted_conclusions(db: Transaction, ids: Sequence[str]) -> None:
    """Remove those of the conclusions that are deleted, so that their ids can be reused."""
    found = db.execute(
        f"SELECT pk FROM conclusions WHERE id {in_array('text')} AND deleted_at IS NOT NULL",
        (array(ids),),
    )
    _remove_rows(db, "conclusions", [pk for (pk,) in found])


def _remove(db: Transaction, statement: str, params: Sequence[int]) -> bool:
    return bool(db.execute(statement, params).rowcount)


def _remove_texts(db: Transaction, source: embeddings.Source, chosen: str, owner: int) -> bool:
    """Remove some of the messages or conclusions whose rows and lengths `chosen` selects for the owner; returns whether
    there were any."""
    pks: list[int] = []
    characters = 0
    with contextlib.closing(db.execute(chosen, (owner, ROWS_AT_A_TIME))) as found:
        for pk, length in found:
            characters += length or 0
            if pks and characters > CHARACTERS_AT_A_TIME:
                break
            pks.append(pk)
    _remove_rows(db, source, pks)
    return bool(pks)


def _remove_rows(db: Transaction, source: embeddings.Source, pks: Sequence[int]) -> None:
    if pks:
        _UNINDEXED[source](db, pks)
        _UNLINKED[source](db, pks)
        embeddings.remove(db, source, pks)
        db.executemany(f"DELETE FROM {source} WHERE pk = ?", [(pk,) for pk in pks])


_UNLINKED: Mapping[embeddings.Source, Callable[[Transaction, Sequence[int]], None]] = {
    "messages": conclusion_links.remove_messages,
    "conclusions": conclusion_links.remove_conclusions,
}
_UNINDEXED: Mapping[embeddings.Source, Callable[[Transaction, Sequence[int]], None]] = {
    "messages": fulltext.remove_messages,
    "conclusions": fulltext.remove_conclusions,
}
