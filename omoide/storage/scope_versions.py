"""End the copies that a scope holds of ended conclusions, as far as the scope knows what ended them.

A conclusion may have ended because of a session that is not in the scope; then its copy there is current.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from omoide.core.clock import derived_id
from omoide.core.records import Ending
from omoide.storage import conclusion_endings
from omoide.storage.base import Transaction
from omoide.storage.conclusion_endings import Ended
from omoide.storage.dialect import ORDERED_JOIN, array, unnest

MOST_VERSIONS = 100
"""Maximum number of successors that are followed."""


def end_copies(db: Transaction, scope: int, uid: str, origins: Sequence[str], now: int) -> None:
    """End the copies of these conclusions (ids), and those of the conclusions that these ended.

    `uid` is that of the scope's peer, from which the ids of copies are derived.
    """
    found = db.execute(
        f"""SELECT DISTINCT o.id, o.ended_as, o.successor, o.valid_until
            FROM {unnest("text", "wanted")} {ORDERED_JOIN} conclusions o
            ON o.id = wanted.value OR (o.successor IS NOT NULL AND o.successor = wanted.value)
            WHERE o.ended_as IS NOT NULL ORDER BY o.id""",
        (array(origins),),
    ).fetchall()
    endings: list[Ended] = []
    for origin, ending, successor, valid_until in found:
        copy = _current(db, derived_id(origin, uid))
        if copy is None:
            continue
        if successor is None:
            endings.append(Ended(copy, ending, None, valid_until))
        for reached_as, over in _successors(db, ending, successor):
            if (known := _counterpart(db, scope, uid, over)) is not None:
                endings.append(Ended(copy, reached_as, known, valid_until if reached_as == "superseded" else None))
                break
    conclusion_endings.end(db, endings, now)


def _successors(db: Transaction, ending: Ending, successor: str | None) -> Iterator[tuple[Ending, str]]:
    """How the original ended and by what, then by what ended that, and so on."""
    for _ in range(MOST_VERSIONS):
        if successor is None:
            return
        yield ending, successor
        row = db.execute("SELECT ended_as, successor FROM conclusions WHERE id = ?", (successor,)).fetchone()
        following, successor = row or (None, None)
        if following is None:
            return
        ending = following if ending == "merged" else ending if following == "merged" else "superseded"


def _current(db: Transaction, id: str) -> int | None:
    row = db.execute("SELECT pk FROM conclusions WHERE id = ? AND deleted_at IS NULL", (id,)).fetchone()
    return row[0] if row else None


def _counterpart(db: Transaction, scope: int, uid: str, origin: str) -> str | None:
    """The scope's conclusion that corresponds to another observer's: its copy, or the same text of the session."""
    row = db.execute(
        """SELECT c.id FROM conclusions c WHERE c.id = ? AND (c.deleted_at IS NULL OR c.ended_as IS NOT NULL)
           UNION ALL
           SELECT c.id FROM conclusions o JOIN conclusions c ON c.observer = ? AND c.observed = o.observed
               AND c.same = o.same AND c.session = o.session
           WHERE o.id = ? AND (c.deleted_at IS NULL OR c.ended_as IS NOT NULL) LIMIT 1""",
        (derived_id(origin, uid), scope, origin),
    ).fetchone()
    return row[0] if row else None
