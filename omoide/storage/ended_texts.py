"""The texts of conclusions that have ended and that no current conclusion of the pair has: their card lines go."""

from __future__ import annotations

from collections.abc import Collection

from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.conclusion_endings import Ended, Pair
from omoide.storage.dialect import ORDERED_JOIN, array, unnest

_CURRENT = """SELECT 1 FROM conclusions c
    WHERE c.observer = ? AND c.observed = ? AND c.same = e.same AND c.deleted_at IS NULL"""


def gone(db: Transaction, pair: Pair, endings: Collection[Ended]) -> frozenset[str]:
    """The texts of superseded and invalid conclusions of the pair that no current one has."""
    pks = array([each.pk for each in endings if each.ending != "merged"])
    found = db.execute(
        f"""SELECT e.content FROM {unnest("bigint", "wanted")} {ORDERED_JOIN} conclusions e ON e.pk = wanted.value
           WHERE e.deleted_at IS NOT NULL AND NOT EXISTS ({_CURRENT})""",
        (pks, *pair),
    )
    return frozenset(as_text(content) for (content,) in found)


def newest_gone(db: Transaction, pair: Pair, limit: int) -> list[str]:
    """The texts of the pair's superseded and invalid conclusions that no current one has, the last ended first."""
    found = db.execute(
        f"""SELECT e.content FROM conclusions e LEFT JOIN sessions s ON s.pk = e.session
           WHERE e.observer = ? AND e.observed = ? AND e.ended_as IS NOT NULL AND e.ended_as <> 'merged'
           AND s.deleted_at IS NULL AND NOT EXISTS ({_CURRENT}) ORDER BY e.deleted_at DESC, e.pk DESC LIMIT ?""",
        (*pair, *pair, limit),
    )
    return [*dict.fromkeys(as_text(content) for (content,) in found)]
