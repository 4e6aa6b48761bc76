"""End conclusions that are no longer current.

An ended conclusion is hidden like a deleted one (`deleted_at`), but its row is kept: as history, for questions about
earlier times, and to be revived (`conclusion_revival`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from omoide.core.records import Ending
from omoide.storage import rows
from omoide.storage.base import Transaction
from omoide.storage.dialect import ORDERED_JOIN, array, unnest

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
