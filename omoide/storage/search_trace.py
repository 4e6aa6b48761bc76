"""How a search found its results: recorded while it runs, if its caller asks for that. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Reason = Literal["words", "meaning", "exact", "verbatim", "neighbour", "speaker", "reranked", "newest"]


@dataclass(frozen=True, slots=True)
class SearchMatch:
    """How one result was found. Ranks begin with 1; None: it is not in that ranking."""

    rank: int
    reasons: Sequence[Reason]
    words_rank: int | None
    meaning_rank: int | None
    distance: float | None
    """Cosine distance of the query's vector and its own."""
    rerank_score: float | None
    """Score of the cross-encoder, as a logit."""


@dataclass(slots=True)
class SearchTrace:
    """What a search knows of its candidates, by row."""

    words: dict[int, int] = field(default_factory=dict)
    """Row → rank by words."""
    meaning: dict[int, tuple[int, float]] = field(default_factory=dict)
    """Row → rank by meaning, and distance."""
    found: dict[Reason, set[int]] = field(default_factory=dict)
    """Other reason → rows."""
    scores: dict[str, float] = field(default_factory=dict)
    """Id → score of the cross-encoder."""
    rows: dict[str, int] = field(default_factory=dict)
    """Id of a result → its row."""

    def add_words(self, pks: Iterable[int]) -> None:
        self.words = {pk: rank for rank, pk in enumerate(pks, start=1)}

    def add_meaning(self, pks: Iterable[int], distances: Mapping[int, float]) -> None:
        self.meaning = {pk: (rank, distances[pk]) for rank, pk in enumerate(pks, start=1)}

    def add(self, reason: Reason, pks: Iterable[int]) -> None:
        self.found.setdefault(reason, set()).update(pks)

    def match(self, id: str, rank: int) -> SearchMatch:
        """How the result in this place was found."""
        pk = self.rows[id]
        meaning_rank, distance = self.meaning.get(pk, (None, None))
        reasons: list[Reason] = []
        if pk in self.words:
            reasons.append("words")
        if meaning_rank is not None:
            reasons.append("meaning")
        reasons += (reason for reason, pks in sorted(self.found.items()) if pk in pks)
        if id in self.scores:
            reasons.append("reranked")
        return SearchMatch(rank, reasons, self.words.get(pk), meaning_rank, distance, self.scores.get(id))
