"""End conclusions that are no longer current, and revive them when what ended them is deleted.

An ended conclusion is hidden like a deleted one (`deleted_at`), but its row is kept: as history, for questions about
earlier times, and to be revived.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from omoide.core.records import Ending
from omoide.storage import rows
from omoide.storage.base import Transaction
from omoide.storage.dialect import ORDERED_JOIN, array, in_array, unnest

Pair = tuple[int, int]


class Ended(NamedTuple):
    """The end of a conclusion (its row). `successor` is the id of what took its place; times in microseconds."""

    pk: int
    ending: Ending
    successor: str | None
    valid_until: int | None = None


def end(db: Transaction, endings: Iterable[Ended], now: int) -> None:
    """End current conclusions. Those that have ended already keep their first end."""
    db.executemany(
        """UPDATE conclusions SET deleted_at = ?, ended_as = ?, successor = ?,
               valid_until = coalesce(valid_until, ?) WHERE pk = ? AND deleted_at IS NULL""",
        [(now, each.ending, each.successor, each.valid_until, each.pk) for each in endings],
    )


def begin(db: Transaction, pk: int, valid_from: int) -> None:
    """Set when a conclusion began to hold, unless that is known, or it had ceased to hold by then."""
    db.execute(
        """UPDATE conclusions SET valid_from = ? WHERE pk = ? AND valid_from IS NULL
           AND (valid_until IS NULL OR valid_until > ?)""",
        (valid_from, pk, valid_from),
    )


def denied(db: Transaction, pair: Pair, digests: Sequence[int]) -> dict[int, int]:
    """Content hash → when it was learned that a conclusion of the pair with this text was never true."""
    found = db.execute(
        f"""SELECT c.same, max(c.deleted_at) FROM {unnest("bigint", "wanted")} {ORDERED_JOIN} conclusions c
               ON c.observer = ? AND c.observed = ? AND c.same = wanted.value AND c.ended_as IS NOT NULL
           WHERE c.ended_as = 'invalid' GROUP BY c.same""",
        (array(digests), *pair),
    )
    return {digest: rows.mended(["conclusions.deleted_at"], (at,))[0] for digest, at in found}


def successors_from(db: Transaction, session: int) -> list[str]:
    """The ids of conclusions from the session that took the place of others from elsewhere."""
    found = db.execute(
        """SELECT DISTINCT s.id FROM conclusions s JOIN conclusions c ON c.successor = s.id
           WHERE s.session = ? AND c.session IS DISTINCT FROM s.session""",
        (session,),
    )
    return [id for (id,) in found]


def revive(db: Transaction, ids: Collection[str]) -> list[int]:
    """Revive the conclusions that these ended, which are being deleted; returns the rows that are current again.

    A conclusion whose successor had been superseded itself stays superseded, by the successor's own.
    """
    if not ids:
        return []
    db.execute(
        f"""UPDATE conclusions SET
               successor = (SELECT s.successor FROM conclusions s WHERE s.id = conclusions.successor)
           WHERE ended_as = 'superseded' AND successor {in_array("text")} AND EXISTS (
               SELECT 1 FROM conclusions s WHERE s.id = conclusions.successor
               AND s.ended_as = 'superseded' AND s.successor IS NOT NULL)""",
        (array([*ids]),),
    )
    found = db.execute(
        f"""SELECT c.pk, c.valid_until = coalesce(s.valid_from, s.said_at) FROM conclusions c
           JOIN conclusions s ON s.id = c.successor
           WHERE c.successor {in_array("text")} AND c.ended_as IS NOT NULL""",
        (array([*ids]),),
    ).fetchall()
    db.executemany(
        "UPDATE conclusions SET deleted_at = NULL, ended_as = NULL, successor = NULL WHERE pk = ?",
        [(pk,) for pk, _ in found],
    )
    db.executemany("UPDATE conclusions SET valid_until = NULL WHERE pk = ?", [(pk,) for pk, closed in found if closed])
    return [pk for pk, _ in found]
