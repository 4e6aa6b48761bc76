"""Choose the statements of an answer among those that were scored. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Sequence

from omoide.reasoner.extractive.candidates import CandidateStatement
from omoide.reasoner.extractive.judging import Judged
from omoide.reasoner.extractive.questions import ParsedQuestion
from omoide.reasoner.extractive.quotation import is_quotation
from omoide.reasoner.extractive.terms import base_forms
from omoide.reasoner.extractive.trimming import excerpt

MOST_WORDS, MOST_WORDS_LISTED = 100, 160
"""Words of an answer, without those that tell what a message replies to. The best statement gets them first."""
LEAST_GAIN, LEAST_GAIN_LISTED = 0.00135, 0.0007
"""Minimum probability per word that a further statement answers what those before it do not: after a sure answer few
are told, after an unsure one more. With these half of the answers have 60 words or fewer."""
LISTED_WORDS = 16
"""Words for each of many statements of a list."""
FRAME = 6
"""Words around a quotation: who said it and when."""
CLOSE = 4.0
"""Distance from the best score up to which the newest statement may have the current value."""
SHORT = 8
"""Words of a message that says no more than its conclusion."""
SAME = 0.8
"""Minimum share of common words at which two statements of one peer and day are duplicates."""
FEWEST = 2
"""Minimum number of words for this comparison."""
ALIKE = 0.5
"""Minimum share of common words at which the newer statement, possibly an update, precedes the older one."""

_CURRENT = re.compile(
    r"\b(?:now|nowadays|currently|current|at present|present|these days|today|latest|newest|most recent|best|record)\b",
    re.IGNORECASE,
)


def select(asked: ParsedQuestion, judged: Sequence[Judged], most: int) -> list[CandidateStatement]:
    """Return up to `most` statements, best first, but an update before the statement that it updates; for a question
    about the past, superseded ones first. Empty if none was judged to answer the question."""
    best = distinct((each.statement for each in _newest_first(asked, judged)), 2 * most)
    odds = {id(each.statement): each.score for each in judged}
    chosen = _updates_first(_worth_their_words(asked, best, [odds[id(each)] for each in best], most))
    return chosen if asked.asks_all_times else sorted(chosen, key=lambda each: not each.is_past)


def _newest_first(asked: ParsedQuestion, judged: Sequence[Judged]) -> list[Judged]:
    """Return the newest of the best statements first if the question asks for the current value or a record."""
    if not judged or asked.asks_past or not _CURRENT.search(asked.text):
        return [*judged]
    close = [each for each in judged if each.score >= judged[0].score - CLOSE]
    return [*sorted(close, key=lambda each: -each.statement.said_at), *judged[len(close) :]]


def told_otherwise(candidates: Collection[CandidateStatement]) -> set[int]:
    """Return the identities of conclusions whose message is a candidate itself, which is quoted instead; but of a short
    message that a conclusion restates, the message."""
    turns: dict[str, list[CandidateStatement]] = {}
    for each in candidates:
        if each.message_id is not None:
            turns.setdefault(each.message_id, []).append(each)
    left_out: set[int] = set()
    for each in candidates:
        behind = [turn for source in each.sources for turn in turns.get(source, ())] if each.source == "said" else []
        if behind and all(map(_is_short, behind)) and not is_quotation(each):
            left_out.update(map(id, behind))
        elif behind:
            left_out.add(id(each))
    return left_out


def _is_short(turn: CandidateStatement) -> bool:
    return not turn.prompt and len(turn.text.split()) <= SHORT


def distinct(candidates: Iterable[CandidateStatement], most: int) -> list[CandidateStatement]:
    """Return the first `most` statements that are not duplicates of earlier ones."""
    kept: list[tuple[CandidateStatement, frozenset[str]]] = []
    for each in candidates:
        forms = base_forms(each.text)
        if len(kept) < most and not any(_says_same(each, forms, other, known) for other, known in kept):
            kept.append((each, forms))
    return [each for each, _ in kept]


def _worth_their_words(
    asked: ParsedQuestion, statements: Sequence[CandidateStatement], odds: Sequence[float], most: int
) -> list[CandidateStatement]:
    """Return the statements, messages cut, that are likely enough to answer for their words, but at least one. `odds`
    are the log odds that each does."""
    room = max(MOST_WORDS_LISTED if asked.is_list else MOST_WORDS, LISTED_WORDS * most)
    least = LEAST_GAIN_LISTED if asked.is_list else LEAST_GAIN
    unanswered = 1.0
    kept: list[CandidateStatement] = []
    for each, odd in zip(statements, odds, strict=True):
        chance = 1 / (1 + math.exp(-odd))
        cut = excerpt(each, asked.terms)
        words = len(cut.text.split()) + FRAME
        if kept and (words > room or unanswered * chance < least * words):
            continue
        kept.append(cut)
        room, unanswered = room - words, unanswered * (1 - chance)
        if len(kept) == most:
            break
    return kept


def _says_same(a: CandidateStatement, forms: frozenset[str], b: CandidateStatement, known: frozenset[str]) -> bool:
    if a.peer_id != b.peer_id:
        return False
    fewest = min(len(forms - {a.peer_id}), len(known - {a.peer_id}))
    if fewest < FEWEST:
        return a.text == b.text
    is_same_day = a.said_on == b.said_on or "card" in (a.source, b.source)
    return is_same_day and len((forms & known) - {a.peer_id}) >= SAME * fewest


def _updates_first(chosen: Sequence[CandidateStatement]) -> list[CandidateStatement]:
    ordered: list[CandidateStatement] = []
    for each in chosen:
        forms = base_forms(each.text)
        older = (
            at
            for at, other in enumerate(ordered)
            if other.said_at < each.said_at and other.peer_id == each.peer_id and _alike(forms, base_forms(other.text))
        )
        ordered.insert(next(older, len(ordered)), each)
    return ordered


def _alike(a: frozenset[str], b: frozenset[str]) -> bool:
    return len(a & b) >= ALIKE * max(1, len(a | b))
