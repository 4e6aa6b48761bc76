"""How likely it is that a statement answers a question: one number from a few signs. Pure arithmetic.

The weights are those of a logistic regression on the questions of `benchmarks/recall` and thirty more that their
conversations do not answer, rounded; the threshold is where 26 of the thirty get no answer. A score above zero means
"rather quote it than say that nothing is known".
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from omoide.reasoning.extractive.candidates import Statement
from omoide.reasoning.extractive.questions import Asked, Wanted
from omoide.reasoning.extractive.terms import base_forms, bases, words

# Shape (statements, signs) and (statements,).
Signs = npt.NDArray[np.float64]
Scores = npt.NDArray[np.float64]


class Weights(NamedTuple):
    """What each sign counts; `bias` is the threshold. Same order as the columns of `signs`."""

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


WEIGHTS = Weights(-6.0, 2.5, 3.5, 1.1, 0.4, -2.6, 1.0, 0.3, 1.2, 0.4)
WEIGHTS_WITHOUT_VECTORS = Weights(-6.3, 3.1, 0.0, 1.7, 0.6, -2.6, 1.0, 0.3, 1.2, 0.4)

PROMPT = 0.8
"""What a word of the question before a reply counts against one of the reply itself."""
LIGHT = 0.5
"""What a word counts that goes with nearly any subject."""
_LIGHT = """
    like love enjoy hate dislike prefer favourite want need use used think feel see come take look work live name call
    day time year week month person people place new old good bad big small first last own right sort type way find give
    put keep start begin try happen ask talk mean help become change current
"""
LIGHT_WORDS = frozenset(_LIGHT.split())
MOST_WORDS, WORDS_OF_A_CONCLUSION = 30, 14
"""Short turns seldom answer. Conclusions are short by nature and count as of one length."""

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


def texts_compared(asked: Asked, candidates: Sequence[Statement]) -> list[str]:
    """The texts whose likeness counts: the question's first, then each statement's, without names of peers."""
    return [" ".join(asked.terms), *(_nameless(f"{each.prompt} {each.text}", asked) for each in candidates)]


def scores(
    asked: Asked, candidates: Sequence[Statement], likeness: Sequence[float] | npt.NDArray[np.float32] | None
) -> Scores:
    """The score of each statement; above zero it may be quoted. `likeness` are cosines to the question, if known."""
    weights = WEIGHTS if likeness is not None else WEIGHTS_WITHOUT_VECTORS
    found: Scores = signs(asked, candidates, likeness) @ np.array(weights)
    return found


def signs(
    asked: Asked, candidates: Sequence[Statement], likeness: Sequence[float] | npt.NDArray[np.float32] | None
) -> Signs:
    """One row for each statement, one column for each weight."""
    told = [base_forms(each.text) for each in candidates]
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
            float(not about and each.source == "turn" and _ADDRESSED.search(each.text) is not None),
            _fit(asked.wants, each.text),
            _length(each),
        )
        for each, forms, held in zip(candidates, told, _held(asked, candidates, told), strict=True)
    ]
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(Weights._fields))
    table[:, Weights._fields.index("likeness")] = near
    return table


def _held(asked: Asked, candidates: Sequence[Statement], told: Sequence[frozenset[str]]) -> list[float]:
    """How much of the question's words each statement holds: rare words count more, and many words more than one."""
    wanted = [bases(term) for term in asked.terms]
    before = [base_forms(each.prompt) for each in candidates]
    rarity = [_rarity(sum(not forms.isdisjoint(term) for forms in told), len(told)) * _weight(term) for term in wanted]
    whole = sum(rarity) or 1.0
    held = [
        sum(
            weight
            * (0.0 if forms.isdisjoint(term) and prompt.isdisjoint(term) else PROMPT if forms.isdisjoint(term) else 1)
            for term, weight in zip(wanted, rarity, strict=True)
        )
        for forms, prompt in zip(told, before, strict=True)
    ]
    return [each / whole * math.sqrt(len(wanted)) for each in held]


def _rarity(count: int, of: int) -> float:
    """Inverse document frequency among the statements at hand. A word that none of them holds is as one in a single."""
    return math.log(1 + (of + 0.5) / (max(count, 1) + 0.5))


def _weight(term: frozenset[str]) -> float:
    return 1.0 if term.isdisjoint(LIGHT_WORDS) else LIGHT


def _about(asked: Asked, statement: Statement, forms: frozenset[str]) -> float:
    """Whether it comes from, or names, one of those that the question is about."""
    if not asked.about or statement.peer_id in asked.about:
        return 1.0
    return float(not asked.about_names.isdisjoint(forms))


def is_of_another(asked: Asked, statement: Statement, forms: frozenset[str]) -> bool:
    """Whether somebody else speaks of nobody but themselves in it."""
    if statement.source != "turn" or _about(asked, statement, forms):
        return False
    text = statement.text.replace("’", "'")
    return _OWN.search(text) is not None and _ADDRESSED.search(text) is None


def _fit(wanted: Wanted, text: str) -> float:
    """Whether it holds the kind of thing that was asked for."""
    pattern = _FITTING.get(wanted)
    if pattern is None:
        return 0.0
    return 0.5 if pattern.search(text) else -1.0


def _length(statement: Statement) -> float:
    if statement.source != "turn":
        return math.log1p(WORDS_OF_A_CONCLUSION)
    return math.log1p(min(MOST_WORDS, len(statement.text.split())))


def _nameless(text: str, asked: Asked) -> str:
    return " ".join(word for word in words(text) if word not in asked.names)
