"""Order texts by how well they answer a query, with the cross-encoder.

A search finds a pool of texts by words and vectors, each of which is compared with the query as a whole. The
cross-encoder reads query and text together, which tells much better whether one answers the other but takes about 10 ms
a pair, so that only a pool can be ordered. A reply is read with the question before it, because it often makes sense
only then ("On the elbow.").

The cross-encoder was trained on English: queries in other scripts are not judged.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from omoide.core import text_cache
from omoide.core.lazy_import import lazy_import
from omoide.core.offload import offload

with lazy_import("numpy"):
    import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

logger = logging.getLogger("omoide.search")

T = TypeVar("T")
# Shape (texts,): logits, from about -11 (unrelated) to 11 (the answer).
Scores: TypeAlias = "npt.NDArray[np.float32]"

MOST_QUESTION = 300
"""Characters of a preceding question, counted from its end."""
MOST_TEXT = 700
"""Characters of a text; longer ones take longer than they gain."""
MOST_KEPT = 8_192
"""Cached scores: some megabytes."""
LEAST_LATIN = 0.5
"""Minimum share of ASCII letters in a query that the cross-encoder can judge."""

Pair = tuple[str, str]


class PairScorer(Protocol):
    """Scores pairs of a query and a text in the caller's thread; implemented by `inference.cross_encoder`."""

    def score(self, query: str, texts: Sequence[str]) -> Scores:
        """One logit per text, in order."""


class Reranker:
    """Scores texts for a query, and caches the scores. Thread-safe; one per process."""

    def __init__(self, cross_encoder: PairScorer | None) -> None:
        """Without a cross-encoder nothing is scored."""
        self._cross_encoder = cross_encoder
        self._kept: dict[Pair, float] = {}
        self._lock = Lock()
        text_cache.register(self)

    def judges(self, query: str) -> bool:
        """Whether queries like this one can be scored."""
        letters = [sign for sign in query if sign.isalpha()]
        is_latin = sum(sign.isascii() for sign in letters) >= LEAST_LATIN * len(letters)
        return self._cross_encoder is not None and bool(letters) and is_latin

    def score(self, query: str, texts: Sequence[str]) -> Scores | None:
        """Return the score of each text, in the caller's thread; None if the query cannot be judged.

        A cross-encoder that fails is not used again.
        """
        if self._cross_encoder is None or not self.judges(query):
            return None
        if not texts:
            return np.zeros(0, np.float32)
        pairs = [(query, text[:MOST_TEXT]) for text in texts]
        known = {pair: score for pair in pairs if (score := self._kept.get(pair)) is not None}
        new = list(dict.fromkeys(pair for pair in pairs if pair not in known))
        if new:
            try:
                scores = self._cross_encoder.score(query, [text for _, text in new])
            except Exception:  # of a library that we do not know: answers get worse, but do not fail
                logger.exception("The cross-encoder failed. Texts are ranked without it until the next start.")
                self._cross_encoder = None
                return None
            known |= self._keep({pair: float(score) for pair, score in zip(new, scores, strict=True)})
        return np.array([known[pair] for pair in pairs], np.float32)

    async def order(
        self, query: str, items: Sequence[T], texts: Sequence[str], priors: Sequence[float] | None = None
    ) -> list[T]:
        """Return the items, those whose texts answer the query best first; in the given order if it cannot be judged.

        `priors` are added to the scores. The order of equal ones is kept.
        """
        return [item for item, _ in await self.ranked(query, items, texts, priors)]

    async def ranked(
        self, query: str, items: Sequence[T], texts: Sequence[str], priors: Sequence[float] | None = None
    ) -> list[tuple[T, float | None]]:
        """As `order`, each item with the score of its text, without its prior; None if the query cannot be judged."""
        scores = await offload(self.score, query, texts) if items else None
        if scores is None:
            return [(item, None) for item in items]
        total = scores if priors is None else scores + np.array(priors, np.float32)
        return [(items[at], float(scores[at])) for at in np.argsort(-total, kind="stable").tolist()]

    def cache_clear(self) -> None:
        """Drop all cached scores."""
        with self._lock:
            self._kept = {}

    def _keep(self, scores: dict[Pair, float]) -> dict[Pair, float]:
        with self._lock:
            self._kept |= scores
            for pair in [*islice(self._kept, max(0, len(self._kept) - MOST_KEPT))]:
                del self._kept[pair]
        return scores


def turn_text(peer_id: str, content: str, question: str = "") -> str:
    """Return the text of a message for the cross-encoder: with its speaker, after the question that it replies to."""
    said = f"{peer_id}: {content}"
    return f"{question[-MOST_QUESTION:]} {said}" if question else said
