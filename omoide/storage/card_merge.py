"""Unite the cards of two peers: those that they keep, and those that are kept about them."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from omoide.storage import cards
from omoide.storage.base import Transaction
from omoide.storage.cards import CardSnapshot
from omoide.storage.column_validation import as_text
from omoide.storage.dialect import ORDERED_JOIN

Named = tuple[int, str]
"""A peer: its row and its id."""


def of(db: Transaction, workspace: int, peer: int, peer_id: str) -> list[tuple[int, str]]:
    """The cards (observer and id of the observed) that the peer keeps, or that are kept about it."""
    kept = db.execute("SELECT observer, observed FROM cards WHERE observer = ?", (peer,)).fetchall()
    about = db.execute(
        f"""SELECT c.observer, c.observed FROM peers p {ORDERED_JOIN} cards c ON c.observer = p.pk AND c.observed = ?
           WHERE p.workspace = ?""",
        (peer_id, workspace),
    ).fetchall()
    return sorted({(observer, as_text(observed)) for observer, observed in (*kept, *about)})


def move(db: Transaction, workspace: int, old: Named, into: Named, now: int) -> None:
    """Move the cards of `old` and about it to `into`. Where there are two, given lines come first, the target's before
    the other's."""
    for observer, observed in of(db, workspace, *old):
        theirs = cards.kept(db, observer, observed)
        db.execute("DELETE FROM cards WHERE observer = ? AND observed = ?", (observer, observed))
        place = into[0] if observer == old[0] else observer, into[1] if observed == old[1] else observed
        both = united(cards.kept(db, *place), theirs)
        db.execute(
            """INSERT INTO cards (observer, observed, lines, given, updated_at) VALUES (?, ?, ?, ?, ?)
               ON CONFLICT (observer, observed) DO UPDATE
               SET lines = excluded.lines, given = excluded.given, updated_at = excluded.updated_at""",
            (*place, _text(both.lines), _text(both.given), now),
        )


def united(own: CardSnapshot, theirs: CardSnapshot) -> CardSnapshot:
    """One card of two. Pure."""
    given = dict.fromkeys((*own.given, *theirs.given))
    return CardSnapshot((*dict.fromkeys((*given, *own.lines, *theirs.lines)),), (*given,))


def _text(lines: Iterable[str]) -> str:
    return orjson.dumps([*lines]).decode()
