"""Answer a question by quoting the best matching statements, with speaker and date.

A question for a slot is answered by the newest statement that fills it. Any other question is answered by the most
relevant statements; if none is relevant enough, the answer is that nothing is known. `gathering` retrieves the
candidates, `relevance` scores them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from omoide.core.offload import offload
from omoide.inference.embedders import Embedder, EmbeddingFailed, Vectors
from omoide.reasoner.extractive import relevance, slot_answers, structured_answers
from omoide.reasoner.extractive.candidates import CandidateStatement, statements
from omoide.reasoner.extractive.questions import ParsedQuestion
from omoide.reasoner.extractive.quotation import earlier, is_quotation, nothing_known, quoted
from omoide.reasoner.extractive.retrieval import BREADTHS, RetrievedContext, retrieve
from omoide.reasoner.extractive.slot_answers import AnswerStatement
from omoide.reasoner.extractive.slot_kinds import ALLERGY, DIET, DISLIKES
from omoide.reasoner.extractive.terms import base_forms, bases
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Question

MOST, MOST_LISTED, MOST_ENUMERATED = 3, 5, 25
"""Maximum statements per answer: by default, for a list question, and for a list question at the highest level."""
MARGIN, MARGIN_ENUMERATED = 1.5, 4.0
"""Maximum distance from the best score for further statements. The best score has to exceed the threshold."""
SAME = 0.8
"""Minimum share of common words at which two statements of one peer and day are duplicates."""
FEWEST = 2
"""Minimum number of words for this comparison."""
ALIKE = 0.5
"""Minimum share of common words at which the newer statement, possibly an update, precedes the older one."""
AGAINST = frozenset({DISLIKES, ALLERGY, DIET})
"""Slots that may answer a question about dislikes."""


@dataclass(frozen=True, slots=True)
class Case:
    """A question and its candidate statements."""

    question: Question
    asked: ParsedQuestion
    candidates: list[CandidateStatement]

    @classmethod
    def of(cls, question: Question, gathered: RetrievedContext) -> Case:
        candidates = statements(question, gathered.asked, gathered.conclusions, gathered.snippets, gathered.past)
        return cls(question, gathered.asked, candidates)

    @property
    def most(self) -> int:
        if not self.asked.is_list:
            return MOST
        return MOST_ENUMERATED if self.question.level == "max" and not self.asked.is_overview else MOST_LISTED


async def answer(question: Question, memory: MemoryView, embedder: Embedder) -> AsyncIterator[str]:
    """Yield the answer sentence by sentence; with a response format, one JSON text, or nothing if it cannot be filled.

    All reads go through `memory`. Without vectors, while the embedder fails, statements are ranked by words.
    """
    gathered = await retrieve(question, memory)
    chosen = await _chosen(question, gathered, embedder)
    if question.response_format is not None:
        if text := await structured_answers.fill(question, gathered, memory, embedder, " ".join(chosen) or None):
            yield text
        return
    remaining, lead = BREADTHS[question.level].tokens, ""
    for sentence in chosen or [nothing_known(gathered.asked.about)]:
        piece = lead + sentence
        cost = memory.tokens.count(piece)
        if cost > remaining:
            if not lead:
                yield memory.tokens.trim(piece, remaining)
            return
        yield piece
        remaining, lead = remaining - cost, " "


def sentences(case: Case, vectors: Vectors | None) -> list[str]:
    """Return the sentences of the answer, the direct one first; empty if nothing is known.

    `vectors` embed `relevance.texts_compared`: shape (1 + candidates, dimensions).
    """
    return list(islice(_told(case, vectors), max(MOST_LISTED, case.most)))


async def _chosen(question: Question, gathered: RetrievedContext, embedder: Embedder) -> list[str]:
    """Return the sentences of the answer, ranked by words only while the embedder fails.

    With a local embedder everything runs in one call, so the caller waits for a thread only once.
    """

    def begin() -> tuple[Case, list[str]]:
        case = Case.of(question, gathered)
        return case, [] if case.asked.is_overview else relevance.texts_compared(case.asked, case.candidates)

    if (embed := embedder.embed_now) is not None:

        def choose() -> list[str]:
            case, texts = begin()
            return sentences(case, embed(texts) if texts else None)

        return await offload(choose)
    case, texts = await offload(begin)
    try:
        vectors = await embedder.embed(texts) if texts else None
    except EmbeddingFailed:
        vectors = None
    return await offload(sentences, case, vectors)


def _told(case: Case, vectors: Vectors | None) -> Iterator[str]:
    if case.asked.is_overview:
        yield from (quoted(each) for each in _distinct(_overview(case), case.most))
        return
    used: list[CandidateStatement] = []
    if case.asked.kinds or case.asked.is_against:
        filled = slot_answers.read(case.candidates, case.asked.about)
        clauses = slot_answers.answers(case.asked, filled, case.candidates)
        selected = [each for clause in clauses for each in clause][: max(case.most, MOST_LISTED)]
        yield from (_sentence(each) for each in selected)
        if case.asked.is_all_slots and all(clauses):
            return
        # Statements that fill slots answer other questions.
        used = [each.statement for each in filled if case.asked.kinds or each.slot.kind not in AGAINST]
    for each in ranked(case, vectors, used):
        yield earlier(each) if each.is_past else quoted(each, with_prompt=_leans(case.asked, each))


def _sentence(entry: AnswerStatement) -> str:
    return earlier(entry.statement) if entry.is_past else quoted(entry.statement, with_prompt=entry.is_reply)


def _overview(case: Case) -> list[CandidateStatement]:
    """Return the current statements about the peers in question, restated ones before quotations."""
    about = case.asked.about
    old = {id(each) for each in slot_answers.outdated(slot_answers.read(case.candidates, about))}
    current = [
        each
        for each in case.candidates
        if not each.asks and id(each) not in old and (not about or each.peer_id in about)
    ]
    return sorted(current, key=lambda each: (each.source == "card", is_quotation(each)))


def ranked(case: Case, vectors: Vectors | None, but: Sequence[CandidateStatement] = ()) -> list[CandidateStatement]:
    """Return the most relevant statements, best first, but an update before the statement that it updates; for a
    question about the past, superseded ones first.

    Empty if the best score is below the threshold.
    """
    likeness = None if vectors is None or not vectors[0].any() else vectors[1:] @ vectors[0]
    scores = relevance.scores(case.asked, case.candidates, likeness)
    left_out = {id(each) for each in but} | {
        id(each) for each in case.candidates if relevance.is_of_another(case.asked, each, base_forms(each.text))
    }
    order = sorted(
        (at for at, each in enumerate(case.candidates) if id(each) not in left_out),
        key=lambda at: (scores[at], case.candidates[at].said_at, case.candidates[at].serial),
        reverse=True,
    )
    if not order or scores[order[0]] <= 0:
        return []
    least = scores[order[0]] - (MARGIN_ENUMERATED if case.most > MOST_LISTED else MARGIN)
    close = [at for at in order if scores[at] >= least]
    chosen = _updates_first(_distinct((case.candidates[at] for at in close), case.most))
    return chosen if case.asked.asks_all_times else sorted(chosen, key=lambda each: not each.is_past)


def _distinct(candidates: Iterable[CandidateStatement], most: int) -> list[CandidateStatement]:
    """Return the first `most` statements that are not duplicates of earlier ones."""
    kept: list[tuple[CandidateStatement, frozenset[str]]] = []
    for each in candidates:
        forms = base_forms(each.text)
        if len(kept) < most and not any(_says_same(each, forms, other, known) for other, known in kept):
            kept.append((each, forms))
    return [each for each, _ in kept]


def _says_same(a: CandidateStatement, forms: frozenset[str], b: CandidateStatement, known: frozenset[str]) -> bool:
    if a.peer_id != b.peer_id:
        return False
    fewest = min(len(forms - {a.peer_id}), len(known - {a.peer_id}))
    if fewest < FEWEST:
        return a.text == b.text
    return a.said_on == b.said_on and len((forms & known) - {a.peer_id}) >= SAME * fewest


def _updates_first(chosen: list[CandidateStatement]) -> list[CandidateStatement]:
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


def _leans(asked: ParsedQuestion, statement: CandidateStatement) -> bool:
    """Whether the reply matches words of the question only through the preceding question."""
    term_forms = [bases(term) for term in asked.terms]
    own, before = base_forms(statement.text), base_forms(statement.prompt)
    return any(not before.isdisjoint(term) and own.isdisjoint(term) for term in term_forms)
