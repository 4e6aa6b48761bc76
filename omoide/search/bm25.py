"""Rank rows by words: candidates contain the query's rare words, and are scored by all of its words.

BM25 with term frequencies of 0 or 1, because short texts hardly repeat words: S. Robertson, H. Zaragoza, "The
Probabilistic Relevance Framework: BM25 and Beyond", 2009. SQLite's own ranking reads, for every query, every occurrence
of each word in the whole database. Here common words are looked up only in the rows that contain a rare one, so the
cost is bounded whatever the size of the database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import TYPE_CHECKING, TypeAlias

from omoide.core.lazy_import import lazy_import
from omoide.storage import Transaction
from omoide.storage.engine import fulltext

with lazy_import("numpy"):
    import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

RANKED = 1_500
"""Maximum number of rows ranked; each takes about 1 µs per word."""

SAMPLED = 20_000
"""Newest rows of the index, of all workspaces, from which word frequencies are estimated."""

ENOUGH = 100
"""With this many candidates, which fill the largest page, common words are not looked up on their own."""

MOST_COMMON = 8
"""Maximum number of common words that only refine the scores of the candidates."""

PAIRED = 4
"""Maximum number of common words that are combined with a common word that has to be looked up."""

MEASURED = 300
"""Number of top rows for which text length is taken into account."""

K1, B = 1.6, 0.6
"""The constants of BM25: term saturation and length normalization. Like the weights of `fusion`, they lie on a plateau
of the recall benchmark."""

Numbers: TypeAlias = "npt.NDArray[np.int64]"
Scores: TypeAlias = "npt.NDArray[np.float64]"


def best(db: Transaction, place: fulltext.IndexScope, query_words: Sequence[str]) -> list[int]:
    """Up to `RANKED` rows of `place` that contain any of the words, best first, then newest.

    If few rows contain a rare word, the newest rows with the rarest common word are included, and the newest with that
    word and another. Deleted rows may be included.
    """
    shares = fulltext.shares(db, place.index, query_words, SAMPLED)
    rare, common, holding = _rare(db, place, shares)
    if not rare:
        return []
    leading = [holding[word] for word in rare]
    often = rare[-1] if len(leading[-1]) > RANKED else None
    for number, word in enumerate(common[:MOST_COMMON]):
        if word not in holding:
            holding[word] = _numbers(fulltext.holding(db, place, rare, RANKED, required=[word]))
        if often is not None and number < PAIRED:
            leading.append(holding[word])
    pks = np.unique(np.concatenate(leading))
    if often is not None and len(rare) == 1:
        holding[often] = pks
    elif often is not None:
        # A candidate without a rare word was found through `often`, so it contains `often`. For candidates with a rare
        # word, the newest rows of the common words are not sufficient, so they are looked up again.
        seldom = rare[:-1]
        holding[often] = np.union1d(holding[often], np.setdiff1d(pks, np.concatenate(leading[: len(seldom)])))
        for word in (often, *common[:MOST_COMMON]):
            both = _numbers(fulltext.holding(db, place, seldom, RANKED, required=[word]))
            holding[word] = np.union1d(holding[word], both)
    scores = np.zeros(len(pks))
    for word, rows in holding.items():
        places = np.minimum(np.searchsorted(pks, rows), len(pks) - 1)
        scores[places[pks[places] == rows]] += _rarity(shares[word])
    return _by_score(db, place, pks, scores)


def _rare(
    db: Transaction, place: fulltext.IndexScope, shares: Mapping[str, float]
) -> tuple[list[str], list[str], dict[str, Numbers]]:
    """Split the words into rare and common ones, and return the rows that contain the rare ones.

    The rows of the rare words are together at most `RANKED`. If those are fewer than `ENOUGH`, the last rare word is a
    common one, with only its newest rows. The rows of one common word are included if all of them are known.
    """
    chosen: list[str] = []
    holding: dict[str, Numbers] = {}
    room = RANKED
    ascending = sorted(shares, key=lambda word: shares[word])
    for number, word in enumerate(ascending):
        if room <= 0:
            return chosen, ascending[number:], holding
        rows = _numbers(fulltext.holding(db, place, [word], RANKED + 1))
        if len(rows) > room and RANKED - room >= ENOUGH:
            if len(rows) <= RANKED:
                holding[word] = rows
            return chosen, ascending[number:], holding
        if len(rows):
            holding[word] = rows
            chosen.append(word)
            room -= len(rows)
    return chosen, [], holding


def _by_score(db: Transaction, place: fulltext.IndexScope, pks: Numbers, scores: Scores) -> list[int]:
    total, length = fulltext.totals(db, place.index)
    order = np.lexsort((-pks, -scores))
    first, rest = order[:MEASURED], order[MEASURED:]
    measured = _measured(db, place, pks[first], scores[first], length / max(1, total))
    return [*measured.tolist(), *pks[rest].tolist()][:RANKED]


def _numbers(pks: Sequence[int]) -> Numbers:
    return np.array(pks, np.int64)


def _rarity(share: float) -> float:
    """Inverse document frequency of a word with this share of all rows; never negative, as in Lucene."""
    return -log(share)


def _measured(db: Transaction, place: fulltext.IndexScope, pks: Numbers, scores: Scores, mean: float) -> Numbers:
    """Reorder the rows with BM25's length normalization, which favours short texts."""
    lengths = fulltext.lengths(db, place.index, pks.tolist())
    relative = np.array([lengths.get(pk, mean) for pk in pks.tolist()]) / max(1.0, mean)
    weighed = scores * (K1 + 1) / (1 + K1 * (1 - B + B * relative))
    return pks[np.lexsort((-pks, -weighed))]
