"""Peer cards: short lists of lines that an observer keeps about somebody."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from omoide import names
from omoide.errors import NotFound, Unprocessable
from omoide.metadata import without_nul
from omoide.records import Change
from omoide.store import peers
from omoide.store.database import Connection


def get(db: Connection, workspace_id: str, observer_id: str, observed_id: str) -> list[str] | None:
    """The card; None if there is none. Raises NotFound without such an observer."""
    observer = peers.find(db, workspace_id, observer_id)
    if observer is None:
        raise NotFound(f"Peer {observer_id} not found in workspace {workspace_id}")
    row = db.execute(
        "SELECT lines FROM cards WHERE observer = ? AND observed = ?", (observer.pk, observed_id)
    ).fetchone()
    return orjson.loads(row[0]) if row else None


def put(
    db: Connection, workspace_id: str, observer_id: str, observed_id: str, lines: Sequence[str], now: int
) -> list[str]:
    """Replace the card and return it as stored; the observer is created if missing.

    Raises Unprocessable where the card would be about a scope, or for a peer that cannot be created.
    """
    if names.is_scope_peer(observed_id):
        raise Unprocessable(f"Peer name(s) ['{observed_id}'] are scopes. No card is ever kept about a scope.")
    observer, _ = peers.get_or_create(db, workspace_id, observer_id, Change(), now)
    kept: list[str] = without_nul([*lines])
    db.execute(
        """INSERT INTO cards (observer, observed, lines, updated_at) VALUES (?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET lines = excluded.lines, updated_at = excluded.updated_at""",
        (observer.pk, observed_id, orjson.dumps(kept).decode(), now),
    )
    return kept
