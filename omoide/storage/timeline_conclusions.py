"""What an observer learned about a peer, and what of it ended, by time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from omoide.core.records import Conclusion
from omoide.storage import conclusions, rows
from omoide.storage.base import Transaction
from omoide.storage.conclusion_times import seen
from omoide.storage.dialect import array, use_index
from omoide.storage.timeline_messages import MOST_READ, Bound

ChangeKind = Literal["learned", "superseded", "invalid", "merged"]
Pair = tuple[int, int]
"""An observer and an observed peer (rows)."""


_CURRENT = f"""FROM conclusions c {use_index("conclusions_pair")} LEFT JOIN sessions s ON s.pk = c.session
    WHERE c.observer = :observer AND c.observed = :observed AND c.deleted_at IS NULL AND s.deleted_at IS NULL"""
_ENDED = f"""FROM conclusions c {use_index("conclusions_ended")} LEFT JOIN sessions s ON s.pk = c.session
    WHERE c.observer = :observer AND c.observed = :observed AND c.ended_as IS NOT NULL AND s.deleted_at IS NULL"""
_LEARNED = f"""SELECT c.created_at AS at, c.pk AS pk, 'learned' AS kind {_CURRENT}
    AND c.created_at >= :since AND (c.created_at, c.pk) < (:before, :pk)
    ORDER BY c.created_at DESC, c.pk DESC LIMIT :most"""
_LEARNED_BEFORE = f"""SELECT c.created_at AS at, c.pk AS pk, 'learned' AS kind {_ENDED}
    AND c.created_at >= :since AND (c.created_at, c.pk) < (:before, :pk)
    ORDER BY c.created_at DESC, c.pk DESC LIMIT :most"""
"""Those that have ended since."""
_ENDINGS = f"""SELECT c.deleted_at AS at, c.pk AS pk, c.ended_as AS kind {_ENDED}
    AND c.deleted_at >= :since AND (c.deleted_at, c.pk) < (:before, :pk)
    ORDER BY c.deleted_at DESC, c.pk DESC LIMIT :most"""


def life(db: Transaction, pair: Pair) -> tuple[int, int] | None:
    """When the first conclusion of a pair was learned, and when the last was learned or ended; None without any."""
    found = db.execute(
        f"""SELECT min(first), max(last) FROM (
            SELECT min(c.created_at) AS first, max(c.created_at) AS last {_CURRENT}
            UNION ALL SELECT min(c.created_at), max(c.deleted_at) {_ENDED}) known""",
        {"observer": pair[0], "observed": pair[1]},
    ).fetchone()
    if found[0] is None:
        return None
    first, last = rows.mended(["conclusions.created_at", "conclusions.created_at"], found)
    return first, last


def counts(
    db: Transaction, pair: Pair, interval: tuple[int, int], width: int
) -> tuple[Counter[tuple[ChangeKind, int]], bool]:
    """(Kind, number of a part of the interval) → conclusions; parts are `width` microseconds long.

    Also returns whether there are more than are read: then the last are counted.
    """
    since, until = interval
    given = {**_given(pair, since, Bound(until), MOST_READ), "width": width}
    counted: Counter[tuple[ChangeKind, int]] = Counter()
    is_cut = False
    for query in (_LEARNED, _LEARNED_BEFORE, _ENDINGS):
        parts = f"SELECT kind, (at - :since) / :width, count(*) FROM ({query}) known GROUP BY 1, 2"
        found = {(kind, part): count for kind, part, count in db.execute(parts, given)}
        counted.update(found)
        is_cut = is_cut or sum(found.values()) >= MOST_READ
    return counted, is_cut


def learned(db: Transaction, pair: Pair, since: int, before: Bound, limit: int) -> list[tuple[int, int]]:
    """Time and row of the last conclusions that were learned in an interval, newest first, whatever became of them."""
    return _newest(db, (_LEARNED, _LEARNED_BEFORE), _given(pair, since, before, limit))


def endings(db: Transaction, pair: Pair, since: int, before: Bound, limit: int) -> list[tuple[int, int]]:
    """Time and row of the last ends of conclusions in an interval, newest first."""
    return _newest(db, (_ENDINGS,), _given(pair, since, before, limit))


def _newest(db: Transaction, queries: Sequence[str], given: dict[str, int]) -> list[tuple[int, int]]:
    found = [(at, pk) for query in queries for at, pk, _ in db.execute(query, given)]
    return sorted(found, reverse=True)[: given["most"]]


def _given(pair: Pair, since: int, before: Bound, most: int) -> dict[str, int]:
    bound = {"since": since, "before": before.at, "pk": before.pk}
    return {"observer": pair[0], "observed": pair[1], **bound, "most": most}


_KEPT_ROWS = conclusions.seeing(conclusions.FROM_ROWS, seen(with_ended=True))


def read(db: Transaction, workspace_id: str, pks: Sequence[int]) -> dict[int, Conclusion]:
    """Row → conclusion, whatever became of it."""
    query = f"SELECT {conclusions.COLUMNS} {_KEPT_ROWS}"
    found = (conclusions.record(row) for row in db.execute(query, (array(pks), workspace_id)))
    return {each.pk: each for each in found}
