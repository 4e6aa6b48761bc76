"""Peer cards: short lists of lines that an observer keeps about a peer.

Lines that were set through the API are `given`. A line of the server that a caller wrote back unchanged remains the
server's. `updated_at` is when a caller last wrote the card, or when it was created.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import orjson

from omoide.core import identifiers
from omoide.core.errors import NotFound, Unprocessable
from omoide.core.json_limits import strip_nul
from omoide.core.records import Change
from omoide.storage import peers, rows
from omoide.storage.base import Transaction
from omoide.storage.engine import secure_delete

_Of = tuple[int, str]
"""Observer (its row) and observed (its id)."""


@dataclass(frozen=True, slots=True)
class CardSnapshot:
    """A card and those of its lines that were given; both empty if there is no card."""

    lines: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    written_at: int | None = None
    """When a caller last wrote it, or when it was created, in microseconds. None: there is no card."""

    @property
    def own(self) -> set[str]:
        """The lines of the server."""
        return {*self.lines} - {*self.given}


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
    ["cards.lines", "cards.given", "cards.updated_at"],
    lambda row: CardSnapshot(tuple(rows.texts_from(row[0])), tuple(rows.texts_from(row[1])), row[2]),
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
    new: list[str] = strip_nul([*lines])
    db.lock("peers", observer.pk)
    held = kept(db, observer.pk, observed_id)
    _replace(db, (observer.pk, observed_id), held, CardSnapshot(tuple(new), _others(new, held.own), now), now)
    return new


def kept(db: Transaction, observer: int, observed_id: str) -> CardSnapshot:
    """The card that an observer (its row) keeps."""
    found = db.execute(
        "SELECT lines, given, updated_at FROM cards WHERE observer = ? AND observed = ?", (observer, observed_id)
    ).fetchone()
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
        given = tuple(line for line in read.given if line in lines)
        written_at = now if read.written_at is None else read.written_at
        _put(db, (observer, observed_id), CardSnapshot(tuple(lines), given, written_at))


def keep_given(db: Transaction, observer: int, observed_id: str, now: int) -> bool:
    """Remove the lines that were not given; returns whether there were any."""
    db.lock("peers", observer)
    held = kept(db, observer, observed_id)
    if held.lines == held.given:
        return False
    _replace(db, (observer, observed_id), held, replace(held, lines=held.given), now)
    return True


def _others(lines: Sequence[str], own: set[str]) -> tuple[str, ...]:
    return tuple(line for line in lines if line not in own)


def _replace(db: Transaction, of: _Of, held: CardSnapshot, new: CardSnapshot, now: int) -> None:
    """Store the card, and enqueue the erasure of the lines that it replaces."""
    _put(db, of, new)
    if not {*held.lines, *held.given} <= {*new.lines}:
        secure_delete.enqueue(db, now)


def _put(db: Transaction, of: _Of, card: CardSnapshot) -> None:
    lines, given = (orjson.dumps(texts).decode() for texts in (card.lines, card.given))
    db.execute(
        """INSERT INTO cards (observer, observed, lines, given, updated_at) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (observer, observed) DO UPDATE
           SET lines = excluded.lines, given = excluded.given, updated_at = excluded.updated_at""",
        (*of, lines, given, card.written_at),
    )
