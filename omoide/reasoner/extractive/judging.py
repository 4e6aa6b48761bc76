"""Judge with the cross-encoder how well candidate statements answer a question.

The question and the statements are compared without the speakers' names ("What is my dog called?" with "Rex is three"),
because the cross-encoder would rank a speaker's own name above the matter. Who speaks counts separately: a question
about alice is not answered by what bob says of himself, and if that fits clearly best, alice never said it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from omoide.inference.glosses import in_english
from omoide.reasoner.extractive.candidates import CandidateStatement
from omoide.reasoner.extractive.questions import ParsedQuestion
from omoide.reasoner.extractive.relevance import addresses, is_about, is_of_another, length_of
from omoide.reasoner.extractive.terms import base_forms, folded
from omoide.search.rerank import Reranker, turn_text

FIRST = 0.75
"""Weight of the score by words and vectors (`relevance`)."""
LENGTH = 0.75
"""Weight of the length of a message, because short ones seldom tell."""
ASKS = 6.0
"""What a statement loses that ends with a question."""
ABOUT = 1.0
"""What a statement gains that the peer in question said, or that names it."""
MARGIN = 0.5
"""How much better a statement of another peer about itself has to be to show that the peer in question never said such
a thing. What is not about the peer at all, whoever said it, shows so too if the question names the peer, and is better
by"""
MARGIN_OF_TWO, MARGIN_OF_GROUP = 1.0, 3.0
"""this much where two peers talk, or where more do: of many statements the best one fits better by chance."""
LEAST_OF_GROUP, LEAST_FOREIGN_OF_GROUP = -6.0, -2.0
"""Scores that these need in a group."""
NONE = -100.0
SPREAD = 9.0
"""Maximum distance of further statements from the best score."""

PLAIN_WORDS = 10
"""Words up to which a message is plain, like a restated statement. A plain statement that answers a question scores"""
LEAST_PLAIN, LEAST_PLAIN_FIRST = -2.0, 0.0
"""this much with the cross-encoder, or by words and vectors."""
LEAST, LEAST_WORDS, LEAST_LIKENESS = -8.0, 0.4, 0.12
"""A longer message answers questions that it hardly resembles; it has at least one of: this score of the cross-encoder,
share of the question's words, likeness of the vectors."""

LEAST_IN_OTHER_LANGUAGES = -9.0
"""Score of the cross-encoder below which a statement answers nothing, in other languages than English."""

SHORT_QUESTION = 2
"""Content words up to which a question asks plainly for one thing ("How tall is alice?"). Whoever told it said it so
plainly that nothing is known if no statement reaches"""
LEAST_SHORT, LEAST_SHORT_FIRST = -8.0, 0.5
"""this score of the cross-encoder, or this one by words and vectors."""

LEAST_BY_WORDS, LEAST_BY_FOREIGN_WORDS = -1.0, -3.0
"""Scores by words and vectors alone: below this one a statement answers nothing. In other languages than English words
are not compared by their base forms, and so seldom match."""
SPREAD_BY_WORDS, SPREAD_OF_ALL = 1.5, 4.0
"""The distance from the best of these scores, also where all that matches is listed."""


_SELF = re.compile(r"\b(?:I|[Mm]y|[Mm]e|[Mm]yself|the user)\b")
_PROPER = re.compile(r"(?<=[a-z,] )[A-Z][a-zà-ÿ]+")


class Scored(NamedTuple):
    """A candidate with its score by words and vectors, and what is behind that (see `relevance`)."""

    statement: CandidateStatement
    first: float
    words: float
    likeness: float


class Judged(NamedTuple):
    """A statement, and how well it answers the question: from about -12 to 20."""

    statement: CandidateStatement
    score: float


class _Verdict(NamedTuple):
    scored: Scored
    logit: float
    score: float
    is_about: bool
    is_of_another: bool

    @property
    def is_of_others(self) -> bool:
        """Whether another peer tells it, neither about nor to the peer in question."""
        statement = self.scored.statement
        return not self.is_about and not statement.asks and not addresses(statement.text)

    @property
    def may_answer(self) -> bool:
        """Whether it is not only the least bad of what is known."""
        statement, first, words, likeness = self.scored
        if statement.source != "turn" or (not statement.prompt and len(statement.text.split()) <= PLAIN_WORDS):
            return self.logit >= LEAST_PLAIN or first >= LEAST_PLAIN_FIRST
        return self.logit >= LEAST or words >= LEAST_WORDS or likeness >= LEAST_LIKENESS


def judge(
    asked: ParsedQuestion,
    candidates: Sequence[Scored],
    reranker: Reranker,
    *,
    is_group: bool = False,
    is_english: bool = True,
) -> list[Judged] | None:
    """Return the candidates that answer the question, best first: none if nothing known does.

    None if there is no cross-encoder that can judge. In other languages it knows little but names and shared words.
    """
    names = _names(asked) if is_english else None
    texts = [_text(each.statement, names) for each in candidates]
    logits = reranker.score(_first_person(asked.text, names), texts)
    if logits is None:
        return None
    verdicts = [_verdict(asked, each, logit) for each, logit in zip(candidates, logits.tolist(), strict=True)]
    if is_english and len(asked.terms) <= SHORT_QUESTION and not _reaches(verdicts):
        return []
    least = None if is_english else LEAST_IN_OTHER_LANGUAGES
    if (_was_said_in_group if is_group else _was_said_by_other)(asked, verdicts):
        return []
    judged = [
        Judged(each.scored.statement, each.score + ABOUT * each.is_about)
        for each in verdicts
        if not each.is_of_another and (each.may_answer if least is None else each.logit >= least)
    ]
    judged.sort(key=lambda each: (each.score, each.statement.said_at, each.statement.serial), reverse=True)
    return _near_best(judged, SPREAD)


def by_words(
    asked: ParsedQuestion, scored: Sequence[Scored], *, lists_all: bool = False, is_english: bool = True
) -> list[Judged]:
    """Return the statements that answer the question according to their scores by words and vectors; none if nothing
    known does. `scored` are best first."""
    own = [
        Judged(each.statement, each.first)
        for each in scored
        if not is_of_another(asked, each.statement, base_forms(in_english(each.statement.text)))
    ]
    if not own or own[0].score <= (LEAST_BY_WORDS if is_english else LEAST_BY_FOREIGN_WORDS):
        return []
    return _near_best(own, SPREAD_OF_ALL if lists_all else SPREAD_BY_WORDS)


def _verdict(asked: ParsedQuestion, scored: Scored, logit: float) -> _Verdict:
    statement = scored.statement
    score = logit + FIRST * scored.first + LENGTH * length_of(statement) - ASKS * statement.asks
    of_another = is_of_another(asked, statement, base_forms(in_english(statement.text)))
    return _Verdict(scored, logit, score, is_about(asked, statement), of_another)


def _was_said_by_other(asked: ParsedQuestion, verdicts: Sequence[_Verdict]) -> bool:
    """Whether what answers the question best is not about the peer in question, where two peers talk."""
    best, own, foreign, others = _bests(verdicts)
    return foreign > best + MARGIN or (_is_named(asked) and others > own + MARGIN_OF_TWO)


def _was_said_in_group(asked: ParsedQuestion, verdicts: Sequence[_Verdict]) -> bool:
    """The same where more peers talk, who also tell of matters that they share."""
    best, own, foreign, others = _bests(verdicts)
    if foreign > max(LEAST_FOREIGN_OF_GROUP, best + MARGIN):
        return True
    is_only_about = _is_named(asked) and not _names_others(asked)
    return is_only_about and others > max(LEAST_OF_GROUP, own + MARGIN_OF_GROUP)


def _bests(verdicts: Sequence[_Verdict]) -> tuple[float, float, float, float]:
    """Return the best scores: of what may be quoted, of what is about the peer, and of others about themselves, or not
    about the peer."""
    return (
        _best(each.score for each in verdicts if not each.is_of_another),
        _best(each.score for each in verdicts if each.is_about),
        _best(each.score for each in verdicts if each.is_of_another),
        _best(each.score for each in verdicts if each.is_of_others),
    )


def _is_named(asked: ParsedQuestion) -> bool:
    """Whether the question names the peer, or the peer asks about itself."""
    names = _names(asked)
    return names is not None and (names.search(folded(asked.text)) or _SELF.search(asked.text)) is not None


def _names_others(asked: ParsedQuestion) -> bool:
    """Whether the question seems to name someone or something besides the peer."""
    return any(folded(match[0]) not in asked.about_names for match in _PROPER.finditer(asked.text))


def _reaches(verdicts: Sequence[_Verdict]) -> bool:
    """Whether a statement answers a short question."""
    return any(
        each.logit >= LEAST_SHORT or each.scored.first >= LEAST_SHORT_FIRST
        for each in verdicts
        if not each.is_of_another and not each.scored.statement.asks
    )


def _near_best(judged: Sequence[Judged], spread: float) -> list[Judged]:
    return [each for each in judged if each.score >= judged[0].score - spread]


def _best(scores: Iterable[float]) -> float:
    return max(scores, default=NONE)


def _names(asked: ParsedQuestion) -> re.Pattern[str] | None:
    """Return a pattern for the names of the peers in question."""
    names = sorted({*asked.about, *asked.about_names}, key=len, reverse=True)
    if not names:
        return None
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?P<own>['’]s|(?<=s)['’])?(?!\w)", re.IGNORECASE)


def _first_person(text: str, names: re.Pattern[str] | None) -> str:
    """Return the text with "I" and "my" for the names."""
    if names is None:
        return text
    plain = text if names.search(text) else folded(text)
    return names.sub(lambda match: "my" if match["own"] else "I", plain)


def _text(statement: CandidateStatement, names: re.Pattern[str] | None) -> str:
    if statement.source != "turn":
        return _first_person(statement.text, names)
    if names is None:
        return turn_text(statement.peer_id, statement.text, statement.prompt)
    return f"{statement.prompt} {statement.text}" if statement.prompt else statement.text
