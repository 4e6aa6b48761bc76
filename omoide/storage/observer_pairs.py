"""Who holds conclusions about whom, in numbers."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from omoide.storage import rows
from omoide.storage.base import Transaction
from omoide.storage.dialect import ORDERED_JOIN, array, holds_casefolded, unnest, use_index

MOST_PAIRS = 250_000
"""Pairs that are read, those with most conclusions first."""


class ObserverPair(NamedTuple):
    """An observer and an observed peer (rows), with the number of current conclusions."""

    observer: int
    observed: int
    conclusions: int


_PAIRS = f"""SELECT counted.observer, counted.observed, counted.conclusions FROM (
        SELECT c.observer, c.observed, count(*) AS conclusions
        FROM peers p {ORDERED_JOIN} conclusions c {use_index("conclusions_pair")} ON c.observer = p.pk
        WHERE p.workspace = :workspace AND p.kind <> 'deleted' AND c.deleted_at IS NULL
        GROUP BY c.observer, c.observed) counted
    JOIN peers obd ON obd.pk = counted.observed AND obd.kind <> 'deleted'
    ORDER BY counted.conclusions DESC, counted.observer, counted.observed LIMIT :most"""
_HIDDEN = """SELECT c.observer, c.observed, count(*) FROM sessions s JOIN conclusions c ON c.session = s.pk
    WHERE s.workspace = :workspace AND s.deleted_at IS NOT NULL AND c.deleted_at IS NULL
    GROUP BY c.observer, c.observed"""
"""Conclusions of sessions that are being removed."""


def read(db: Transaction, workspace: int) -> list[ObserverPair]:
    """The pairs of a workspace (row), those with most conclusions first. Takes more than a millisecond."""
    given = {"workspace": workspace, "most": MOST_PAIRS}
    hidden = {(observer, observed): count for observer, observed, count in db.execute(_HIDDEN, given)}
    found = [ObserverPair(*row) for row in db.execute(_PAIRS, given)]
    if not hidden:
        return found
    left = (each._replace(conclusions=each.conclusions - hidden.get(each[:2], 0)) for each in found)
    return sorted((each for each in left if each.conclusions > 0), key=lambda each: -each.conclusions)


def names(db: Transaction, peers: Collection[int]) -> dict[int, str]:
    """The ids of peers (rows)."""
    found = db.execute(
        f"""SELECT p.pk, p.id FROM {unnest("bigint", "wanted")} {ORDERED_JOIN} peers p ON p.pk = wanted.value""",
        (array(peers),),
    )
    return dict(rows.mended(["", "peers.id"], row) for row in found)


def matching(db: Transaction, workspace: int, text: str) -> set[int]:
    """The peers (rows) of a workspace (row) whose id contains the text, whatever its case."""
    query = f"""SELECT p.pk FROM peers p
        WHERE p.workspace = ? AND p.kind <> 'deleted' AND {holds_casefolded("p.id")}"""
    return {pk for (pk,) in db.execute(query, (workspace, text.casefold()))}
