"""Peer cards: short lists of lines that an observer keeps about a peer.

Lines that were set through the API are `given`; the reasoner never removes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from omoide.core import identifiers
from omoide.core.errors import NotFound, Unprocessable
from omoide.core.json_limits import strip_nul
from omoide.core.records import Change
from omoide.storage import peers, rows
from omoide.storage.base import Transaction
from omoide.storage.engine import secure_delete


@dataclass(frozen=True, slots=True)
class CardSnapshot:
    """A card and those of its lines that were given; both empty if there is no card."""

    lines: tuple[str, ...] = ()
    given: tuple[str, ...] = ()


class CardChanged(Exception):
    """The card was written after it was read. Read it again."""


def get(db: Transaction, workspace_id: str, observer_id: str, observed_id: str) -> list[str] | None:
    """The card, or None. Raises NotFound if the observer does not exist."""
    observer = peers.find(db, workspace_id, observer_id)
    if observer is None:
        raise NotFound(f"Peer {observer_id} not found in workspace {workspace_id}")
    row = db.execute(
        "SELECT lines FROM cards WHERE observer = ? AND observed = ?", (observer.pk, observed_id)
    ).fetchone()
    return _lines(row) if row else None


_lines = rows.reader(["cards.lines"], lambda row: rows.texts_from(row[0]))
_kept = rows.reader(
    ["cards.lines", "cards.given"],
    lambda row: CardSnapshot(tuple(rows.texts_from(row[0])), tuple(rows.texts_from(row[1]))),
)


def put(
    db: Transaction, workspace_id: str, observer_id: str, observed_id: str, lines: Sequence[str], now: int
) -> list[str]:
    """Replace the card and return the stored lines; the observer is created if missing.

    Raises Unprocessable for a card about a scope, and for a peer that cannot be created.
    """
    if identifiers.is_scope_peer(observed_id):
        raise Unprocessable(f"Peer name(s) ['{observed_id}'] are scopes. No card is ever kept about a scope.")
    observer, _ = peers.get_or_create(db, workspace_id, observer_id, Change(), now)
    given: list[str] = strip_nul([*lines])
    db.lock("peers", observer.pk)
    _replace(db, observer.pk, observed_id, kept(db, observer.pk, observed_id), given, now)
    return given


def kept(db: Transaction, observer: int, observed_id: str) -> CardSnapshot:
    """The card that an observer (its row) keeps."""
    row = db.execute("SELECT lines, given FROM cards WHERE observer = ? AND observed = ?", (observer, observed_id))
    found = row.fetchone()
    return _kept(found) if found else CardSnapshot()


def revise(
    db: Transaction, observer: int, observed_id: str, read: CardSnapshot, lines: Sequence[str], now: int
) -> None:
    """Replace the lines of a card if it has not changed since it was read. Raises CardChanged otherwise.

    Learned lines that are dropped here are not erased from free space at once: no caller deleted them, and deleting
    their source erases them too.
    """
    db.lock("peers", observer)
    if kept(db, observer, observed_id) != read:
        raise CardChanged(f"the card about {observed_id} has changed")
    if tuple(lines) != read.lines:
        _put(db, observer, observed_id, lines, read.given, now)


def keep_given(db: Transaction, observer: int, observed_id: str, now: int) -> bool:
    """Remove the lines that were not given; returns whether there were any."""
    db.lock("peers", observer)
    held = kept(db, observer, observed_id)
    if held.lines == held.given:
        return False
    _replace(db, observer, observed_id, held, held.given, now)
    return True


def _replace(
    db: Transaction, observer: int, observed_id: str, held: CardSnapshot, given: Sequence[str], now: int
) -> None:
    """Store the given lines only, and enqueue the erasure of those they replace."""
    _put(db, observer, observed_id, given, given, now)
    if not {*held.lines, *held.given} <= {*given}:
        secure_delete.enqueue(db, now)


def _put(
    db: Transaction, observer: int, observed_id: str, lines: Sequence[str], given: Sequence[str], now: int
) -> None:
    db.execute(
        """INSERT INTO cards (observer, observed, lines, given, updated_at) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (observer, observed) DO UPDATE
           SET lines = excluded.lines, given = excluded.given, updated_at = excluded.updated_at""",
        (observer, observed_id, orjson.dumps([*lines]).decode(), orjson.dumps([*given]).decode(), now),
    )
