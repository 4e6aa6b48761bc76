"""Score how likely a statement answers a question: a linear model of a few features. Pure arithmetic.

The rounded weights are from a logistic regression on the questions of `benchmarks/recall` and thirty more that their
conversations do not answer; at the threshold, 26 of the thirty get no answer. A statement with a score above zero is
quoted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from omoide.inference.glosses import in_english
from omoide.reasoner.extractive.candidates import CandidateStatement
from omoide.reasoner.extractive.questions import ParsedQuestion, Wanted
from omoide.reasoner.extractive.terms import base_forms, bases, words
from omoide.reasoner.extractive.word_lists import word_lists

# Shape (statements, signs) and (statements,).
Signs = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float64]


class RelevanceWeights(NamedTuple):
    """Weight of each feature; `bias` is the threshold. Same order as the columns of `signs`."""

    bias: float
    words: float
    likeness: float
    place: float
    found: float
    asks: float
    about: float
    addressed: float
    fit: float
    length: float


WEIGHTS = RelevanceWeights(-6.0, 2.5, 3.5, 1.1, 0.4, -2.6, 1.0, 0.3, 1.2, 0.4)
WEIGHTS_WITHOUT_VECTORS = RelevanceWeights(-6.3, 3.1, 0.0, 1.7, 0.6, -2.6, 1.0, 0.3, 1.2, 0.4)

WORDS, LIKENESS = RelevanceWeights._fields.index("words"), RelevanceWeights._fields.index("likeness")
"""Columns of `signs`."""

PROMPT = 0.8
"""Weight of a word of the question preceding a reply, relative to a word of the reply."""
LIGHT = 0.5
"""Weight of a word that occurs with nearly any subject."""
LIGHT_WORDS = word_lists("terms").words("light")
MOST_WORDS, WORDS_OF_A_CONCLUSION = 30, 14
"""Cap on the length of messages, because short ones seldom answer; fixed length assumed for conclusions."""

_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|ninety|hundred|thousand|million|dozen|half|once|twice|first|second|third|fourth|fifth|\w+teenth"
    r"|twentieth|never|none|no)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\d|\b(?:january|february|march|april|may|june|july|august|september|october|november|december|(?:mon|tues|wednes"
    r"|thurs|fri|satur|sun)days?|weekends?|tomorrow|yesterday|today|tonight|weeks?|months?|years?|spring|summer|autumn"
    r"|winter|easter|christmas|mornings?|evenings?|nights?|until|till|since|ago|o'clock|half past|first|second|third"
    r"|\w+teenth|twentieth|fourth|fifth|sixth|seventh|eighth|ninth|tenth)\b",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"\b(?:in|at|on|to|from|near|by|behind|under|up|over|inside|outside)\b \w|(?<=\w )[^\W\d_a-z][^\W\d_]+"
)
_FITTING: Mapping[Wanted, re.Pattern[str]] = {"number": _NUMBER, "time": _TIME, "place": _PLACE}
_OWN = re.compile(r"\b(?:i|i'\w+|me|my|mine|myself)\b", re.IGNORECASE)
_ADDRESSED = re.compile(r"\byou(?:r|rs|'\w+)?\b", re.IGNORECASE)


def texts_compared(asked: ParsedQuestion, candidates: Sequence[CandidateStatement]) -> list[str]:
    """Return the texts to embed: the question, then each statement, without names of peers."""
    return [" ".join(asked.terms), *(_nameless(in_english(f"{each.prompt} {each.text}"), asked) for each in candidates)]


def scores(
    asked: ParsedQuestion,
    candidates: Sequence[CandidateStatement],
    likeness: Sequence[float] | npt.NDArray[np.float32] | None,
) -> Scores:
    """Return the score of each statement; above zero it is quotable. `likeness`: cosine similarity to the question."""
    return weighed(signs(asked, candidates, likeness), with_vectors=likeness is not None)


def weighed(table: Signs, *, with_vectors: bool) -> Scores:
    """Return the score of each row of `signs`."""
    result: Scores = table @ np.array(WEIGHTS if with_vectors else WEIGHTS_WITHOUT_VECTORS)
    return result


def signs(
    asked: ParsedQuestion,
    candidates: Sequence[CandidateStatement],
    likeness: Sequence[float] | npt.NDArray[np.float32] | None,
) -> Signs:
    """Return the feature matrix: one row per statement, one column per weight."""
    word_forms = [base_forms(in_english(each.text)) for each in candidates]
    near = np.zeros(len(candidates)) if likeness is None else np.maximum(0.0, np.asarray(likeness, dtype=np.float64))
    rows = [
        (
            1.0,
            held,
            0.0,
            0.0 if each.place is None else 1 / (1 + each.place),
            float(each.place is not None),
            float(each.asks),
            (about := _about(asked, each, forms)),
            float(not about and each.source == "turn" and addresses(each.text)),
            _fit(asked.wants, in_english(each.text)),
            length_of(each),
        )
        for each, forms, held in zip(candidates, word_forms, _held(asked, candidates, word_forms), strict=True)
    ]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(RelevanceWeights._fields))
    table[:, LIKENESS] = near
    return table


def _held(
    asked: ParsedQuestion, candidates: Sequence[CandidateStatement], word_forms: Sequence[frozenset[str]]
) -> list[float]:
    """Return the weighted share of the question's words in each statement, times the square root of their number."""
    terms = [bases(term) for term in asked.terms]
    before = [base_forms(in_english(each.prompt)) for each in candidates]
    rarity = [
        _rarity(sum(not forms.isdisjoint(term) for forms in word_forms), len(word_forms)) * _weight(term)
        for term in terms
    ]
    whole = sum(rarity) or 1.0
    held = [
        sum(
            weight
            * (0.0 if forms.isdisjoint(term) and prompt.isdisjoint(term) else PROMPT if forms.isdisjoint(term) else 1)
            for term, weight in zip(terms, rarity, strict=True)
        )
        for forms, prompt in zip(word_forms, before, strict=True)
    ]
    return [each / whole * math.sqrt(len(terms)) for each in held]


def _rarity(count: int, of: int) -> float:
    """Return the inverse document frequency among the candidates. A count of 0 is treated as 1."""
    return math.log(1 + (of + 0.5) / (max(count, 1) + 0.5))


def _weight(term: frozenset[str]) -> float:
    return 1.0 if term.isdisjoint(LIGHT_WORDS) else LIGHT


def _about(asked: ParsedQuestion, statement: CandidateStatement, forms: frozenset[str]) -> float:
    """Return 1 if the statement is by, about or names a peer that the question is about, else 0."""
    if not asked.about or statement.peer_id in asked.about:
        return 1.0
    return float(not asked.about_names.isdisjoint(forms))


def addresses(text: str) -> bool:
    """Whether a message speaks to its reader."""
    return _ADDRESSED.search(in_english(text)) is not None


def is_of_another(asked: ParsedQuestion, statement: CandidateStatement, forms: frozenset[str]) -> bool:
    """Whether it is a message in which another peer speaks only of itself."""
    if statement.source != "turn" or _about(asked, statement, forms):
        return False
    text = in_english(statement.text).replace("’", "'")
    return _OWN.search(text) is not None and _ADDRESSED.search(text) is None


def _fit(kind: Wanted, text: str) -> float:
    """Score whether the text contains the expected kind of answer."""
    pattern = _FITTING.get(kind)
    if pattern is None:
        return 0.0
    return 0.5 if pattern.search(text) else -1.0


def length_of(statement: CandidateStatement) -> float:
    """Return the logarithm of the number of words, up to a cap."""
    if statement.source != "turn":
        return math.log1p(WORDS_OF_A_CONCLUSION)
    return math.log1p(min(MOST_WORDS, len(statement.text.split())))


def _nameless(text: str, asked: ParsedQuestion) -> str:
    return " ".join(word for word in words(text) if word not in asked.names)
