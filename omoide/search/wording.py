"""Which rows fit a query by its words: those that hold its rare words, weighed by all of them.

BM25, with a word counted once in a text however often it stands there, as texts of a few words hardly repeat any: S.
Robertson, H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009. SQLite's own ranking reads, for
every query, each place where any of the words stands in the whole database. Here common words are only looked up in the
rows that hold a rare one, so that the cost is bounded however much there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import TYPE_CHECKING, TypeAlias

from omoide.deferred import deferred
from omoide.store import Connection, words
from omoide.store.words import Place

with deferred("numpy"):
    import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

RANKED = 1_500
"""Rows that are ranked, at most; for each word they take about a millionth of a second each."""

SAMPLED = 20_000
"""How common a word is, is estimated from the newest rows of the index, all workspaces together."""

ENOUGH = 100
"""Rows with rare words, from which on a common word is not looked for by itself: the largest page is full of them."""

MOST_COMMON = 8
"""Words that are too common to look for, but tell more of the rows that hold a rare one."""

PAIRED = 4
"""Words with which one that is looked for though it is common is looked for together."""

MEASURED = 300
"""Of so many rows that score best, the length is considered."""

K1, B = 1.6, 0.6
"""The constants of BM25: how much a repeated word tells, and how much the length of a text. Like the weights of
`fusion` they lie where the recall benchmark is flat."""

Numbers: TypeAlias = "npt.NDArray[np.int64]"
Scores: TypeAlias = "npt.NDArray[np.float64]"


def best(db: Connection, place: Place, asked: Sequence[str]) -> list[int]:
    """Up to `RANKED` rows of the place that hold any of the words, best first, then newest.

    Where few rows hold a rare word, the newest that hold the rarest of the common ones are among them, and the newest
    that hold it with others. Rows that were deleted may be among them too.
    """
    shares = words.shares(db, place.index, asked, SAMPLED)
    rare, common, holding = _rare(db, place, shares)
    if not rare:
        return []
    leading = [holding[word] for word in rare]
    often = rare[-1] if len(leading[-1]) > RANKED else None
    for number, word in enumerate(common[:MOST_COMMON]):
        if word not in holding:
            holding[word] = _numbers(words.holding(db, place, rare, RANKED, beside=[word]))
        if often is not None and number < PAIRED:
            leading.append(holding[word])
    pks = np.unique(np.concatenate(leading))
    if often is not None and len(rare) == 1:
        holding[often] = pks
    elif often is not None:
        # What was found through other words, and holds none that is rare, holds this one. Of what holds a rare one, the
        # newest rows of common words need not tell all.
        seldom = rare[:-1]
        holding[often] = np.union1d(holding[often], np.setdiff1d(pks, np.concatenate(leading[: len(seldom)])))
        for word in (often, *common[:MOST_COMMON]):
            beside = _numbers(words.holding(db, place, seldom, RANKED, beside=[word]))
            holding[word] = np.union1d(holding[word], beside)
    scores = np.zeros(len(pks))
    for word, rows in holding.items():
        places = np.minimum(np.searchsorted(pks, rows), len(pks) - 1)
        scores[places[pks[places] == rows]] += _rarity(shares[word])
    return _by_score(db, place, pks, scores)


def _rare(db: Connection, place: Place, shares: Mapping[str, float]) -> tuple[list[str], list[str], dict[str, Numbers]]:
    """The rarest words; the other ones; and the newest rows that hold the rarest, and of another all if they are known.

    The rows of the rarest are together up to `RANKED`. If that leaves fewer than `ENOUGH`, the last of these words is
    one of more rows than that, of which these are the newest.
    """
    chosen: list[str] = []
    holding: dict[str, Numbers] = {}
    room = RANKED
    ascending = sorted(shares, key=lambda word: shares[word])
    for number, word in enumerate(ascending):
        if room <= 0:
            return chosen, ascending[number:], holding
        rows = _numbers(words.holding(db, place, [word], RANKED + 1))
        if len(rows) > room and RANKED - room >= ENOUGH:
            if len(rows) <= RANKED:
                holding[word] = rows
            return chosen, ascending[number:], holding
        if len(rows):
            holding[word] = rows
            chosen.append(word)
            room -= len(rows)
    return chosen, [], holding


def _by_score(db: Connection, place: Place, pks: Numbers, scores: Scores) -> list[int]:
    total, length = words.totals(db, place.index)
    order = np.lexsort((-pks, -scores))
    first, rest = order[:MEASURED], order[MEASURED:]
    measured = _measured(db, place, pks[first], scores[first], length / max(1, total))
    return [*measured.tolist(), *pks[rest].tolist()][:RANKED]


def _numbers(pks: Sequence[int]) -> Numbers:
    return np.array(pks, np.int64)


def _rarity(share: float) -> float:
    """What a word tells that this share of all rows holds: as Lucene has it, so that no word speaks against a row."""
    return -log(share)


def _measured(db: Connection, place: Place, pks: Numbers, scores: Scores, mean: float) -> Numbers:
    """The rows in a new order: a short text that holds a word is more about it than a long one."""
    lengths = words.lengths(db, place.index, pks.tolist())
    relative = np.array([lengths.get(pk, mean) for pk in pks.tolist()]) / max(1.0, mean)
    weighed = scores * (K1 + 1) / (1 + K1 * (1 - B + B * relative))
    return pks[np.lexsort((-pks, -weighed))]
