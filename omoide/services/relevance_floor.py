"""Decide which results of a search are relevant to its query. Pure.

The score of a result is the likeness of its vector to the query's, in deviations above what is usual for the embedder,
plus the share of the query's content words that it holds times the square root of their number. The thresholds are from
636 questions that their conversations answer and the same questions put to other conversations: `benchmarks.floor`
measures them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

from omoide.inference.glosses import in_english
from omoide.reasoner.extractive.questions import parse_question
from omoide.reasoner.extractive.statement_cues import USUAL
from omoide.reasoner.extractive.terms import base_forms, bases

BEST, BEST_UNWORDED, BEST_OF_A_WORD = 2.25, 2.5, 2.0
"""The least score of the best result, below which nothing is relevant: usually; if no result holds more than"""
LEAST_SHARE = 0.2
"""of the query's words; and for a query of one word, which is often the name of what texts are examples of ("pets")."""
FEW, BEST_OF_FEW = 100, 1.0
"""With fewer results, everything was compared, and the best of what is irrelevant is less alike: by a deviation for
each e-fold. The least score is never lower than the second."""
FLOOR = 0.75
"""The least score of any other."""
NEIGHBOUR = 0.6
"""Share of the score of the message before or after it that a message gets: a reply seldom repeats the question."""

ENGLISH = frozenset({"bge-small", "wordllama"})
"""Embedders to which all texts in other scripts look alike."""
LATIN_END = "\u0250"


@dataclass(frozen=True, slots=True)
class Result:
    """A conclusion or message that a search found."""

    text: str
    peer_id: str
    distance: float | None
    """Cosine distance from the query; None: it is not among the nearest."""
    is_worded: bool
    """Whether the full-text index found it."""
    is_exact: bool
    """Whether it contains the query, or an exact part of it."""
    position: tuple[int, int] | None = None
    """Session and position, of a message."""


def are_relevant(query: str, embedder: str, results: Sequence[Result]) -> list[bool]:
    """Whether each result is relevant.

    All are if nothing tells them apart: the query asks for everything that is known, or has only names; or nothing has
    a vector of an embedder whose usual likeness is known. In a script that the embedder does not read, only words tell.
    """
    asked = parse_question(query, {each.peer_id for each in results}, None, None)
    name = embedder.partition(":")[0]
    usual = USUAL.get(name)
    if name in ENGLISH and not _is_latin(query):
        return [each.is_worded or each.is_exact for each in results]
    distances = [each.distance for each in results if each.distance is not None]
    if usual is None or not distances or not asked.terms or asked.is_overview:
        return [True] * len(results)
    (mean, deviation), farthest = usual, max(distances)
    held = _shares([bases(term) for term in asked.terms], results)
    scores = [
        (1 - (farthest if each.distance is None else each.distance) - mean) / deviation + share
        for each, share in zip(results, held, strict=True)
    ]
    if max(scores) < _least(len(asked.terms), max(held), len(results)) and not any(each.is_exact for each in results):
        return [False] * len(results)
    around = _around(results, scores)
    return [
        each.is_exact or max(score, NEIGHBOUR * beside) >= FLOOR
        for each, score, beside in zip(results, scores, around, strict=True)
    ]


def _least(terms: int, held: float, results: int) -> float:
    """The least score of the best of the results, for a query of as many words, of which one holds this share."""
    least = BEST if held >= LEAST_SHARE * sqrt(terms) else BEST_UNWORDED
    if terms == 1:
        least = BEST_OF_A_WORD
    return max(BEST_OF_FEW, least - max(0.0, log(FEW / results)))


def _is_latin(text: str) -> bool:
    """Whether most letters are Latin, without which there is nothing to judge by."""
    letters = [sign for sign in text if sign.isalpha()]
    return sum(sign < LATIN_END for sign in letters) * 2 >= len(letters)


def _shares(terms: Sequence[frozenset[str]], results: Sequence[Result]) -> list[float]:
    """The weighted share of the query's words in each result, times the square root of their number."""
    forms = [base_forms(in_english(each.text)) for each in results]
    weights = [
        log(1 + (len(forms) + 0.5) / (max(1, sum(not each.isdisjoint(term) for each in forms)) + 0.5)) for term in terms
    ]
    scale = sqrt(len(terms)) / sum(weights)
    return [
        scale * sum(weight for weight, term in zip(weights, terms, strict=True) if not each.isdisjoint(term))
        for each in forms
    ]


def _around(results: Sequence[Result], scores: Sequence[float]) -> list[float]:
    """The better score of the two neighbours of each message, as far as they are results."""
    by_position = {each.position: score for each, score in zip(results, scores, strict=True) if each.position}
    return [
        max(
            (
                by_position[place]
                for place in ((each.position[0], each.position[1] - 1), (each.position[0], each.position[1] + 1))
                if place in by_position
            ),
            default=0.0,
        )
        if each.position
        else 0.0
        for each in results
    ]
