"""Answer a question by quoting the best matching statements, with speaker and date.

A question for a slot is answered by the newest statement that fills it. Any other question is answered by the most
relevant statements; if none answers it, the answer is that nothing is known. `retrieval` reads the candidates,
`relevance` and `judging` score them, `selection` chooses.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from omoide.core import clock
from omoide.core.offload import offload
from omoide.inference.embedders import Embedder, EmbeddingFailed, Vectors
from omoide.inference.glosses import in_english
from omoide.reasoner.extractive import relevance, slot_answers, structured_answers
from omoide.reasoner.extractive.candidates import CandidateStatement, statements
from omoide.reasoner.extractive.frames import Frames, frames_of, language_of
from omoide.reasoner.extractive.judging import Scored, by_words, judge
from omoide.reasoner.extractive.leads import lead
from omoide.reasoner.extractive.questions import ParsedQuestion
from omoide.reasoner.extractive.quotation import ENGLISH, earlier, is_quotation, quoted
from omoide.reasoner.extractive.retrieval import BREADTHS, RetrievedContext, retrieve
from omoide.reasoner.extractive.selection import distinct, select, told_otherwise
from omoide.reasoner.extractive.slot_answers import AnswerStatement
from omoide.reasoner.extractive.slot_kinds import ALLERGY, DIET, DISLIKES
from omoide.reasoner.extractive.terms import base_forms, bases
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Question
from omoide.search.rerank import Reranker

NO_RERANKER = Reranker(None)

MOST, MOST_LISTED, MOST_ENUMERATED = 3, 5, 25
"""Maximum statements per answer: by default, for a list question, and for a list question at the highest level."""
MOST_LEANING = 20
"""Words of a reply that may make little sense without its question."""
AGAINST = frozenset({DISLIKES, ALLERGY, DIET})
"""Slots that may answer a question about dislikes."""


@dataclass(frozen=True, slots=True)
class Case:
    """A question and its candidate statements."""

    question: Question
    asked: ParsedQuestion
    candidates: list[CandidateStatement]
    reranker: Reranker = NO_RERANKER

    @classmethod
    def of(cls, question: Question, gathered: RetrievedContext, reranker: Reranker = NO_RERANKER) -> Case:
        candidates = statements(question, gathered.asked, gathered.conclusions, gathered.snippets, gathered.past)
        return cls(question, gathered.asked, candidates, reranker)

    @property
    def frames(self) -> Frames:
        return frames_of(language_of(self.question.query))

    @property
    def most(self) -> int:
        if not self.asked.is_list:
            return MOST
        return MOST_ENUMERATED if self.question.level == "max" and not self.asked.is_overview else MOST_LISTED


async def answer(
    question: Question, memory: MemoryView, embedder: Embedder, reranker: Reranker = NO_RERANKER
) -> AsyncIterator[str]:
    """Yield the answer sentence by sentence; with a response format, one JSON text, or nothing if it cannot be filled.

    All reads go through `memory`. Without vectors, while the embedder fails, statements are ranked by words.
    """
    gathered = await retrieve(question, memory)
    chosen = await _chosen(question, gathered, embedder, reranker)
    if question.response_format is not None:
        if text := await structured_answers.fill(question, gathered, memory, embedder, " ".join(chosen) or None):
            yield text
        return
    remaining, lead = BREADTHS[question.level].tokens, ""
    nothing = frames_of(language_of(question.query)).nothing_known(gathered.asked.about)
    for sentence in chosen or [nothing]:
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
    told = list(islice(_told(case, vectors), max(MOST_LISTED, case.most)))
    texts = [text for _, text in told]
    if case.frames is not ENGLISH or case.asked.is_overview or not told:
        return texts
    moment = case.question.moment
    direct = lead(case.asked, told[0][0], moment.valid_at or moment.as_of or clock.now())
    return [direct, *texts] if direct else texts


async def _chosen(question: Question, gathered: RetrievedContext, embedder: Embedder, reranker: Reranker) -> list[str]:
    """Return the sentences of the answer, ranked by words only while the embedder fails.

    With a local embedder everything runs in one call, so the caller waits for a thread only once.
    """

    def begin() -> tuple[Case, list[str]]:
        case = Case.of(question, gathered, reranker)
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


def _told(case: Case, vectors: Vectors | None) -> Iterator[tuple[CandidateStatement, str]]:
    """Yield the statements of the answer with their texts."""
    if case.asked.is_overview:
        yield from ((each, quoted(each, case.frames)) for each in distinct(_overview(case), case.most))
        return
    used: list[CandidateStatement] = []
    if case.asked.kinds or case.asked.is_against:
        filled = slot_answers.read(case.candidates, case.asked.about)
        clauses = slot_answers.answers(case.asked, filled, case.candidates)
        selected = [each for clause in clauses for each in clause][: max(case.most, MOST_LISTED)]
        yield from ((each.statement, _sentence(each, case.frames)) for each in selected)
        if case.asked.is_all_slots and all(clauses):
            return
        # Statements that fill slots answer other questions.
        used = [each.statement for each in filled if case.asked.kinds or each.slot.kind not in AGAINST]
    for each in ranked(case, vectors, used):
        with_prompt = _leans(case.asked, each)
        yield each, earlier(each, case.frames) if each.is_past else quoted(each, case.frames, with_prompt=with_prompt)


def _sentence(entry: AnswerStatement, frames: Frames) -> str:
    if entry.is_past:
        return earlier(entry.statement, frames)
    return quoted(entry.statement, frames, with_prompt=entry.is_reply)


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
    """Return the statements that answer the question, best first, but an update before the statement that it updates;
    for a question about the past, superseded ones first. Empty if nothing that is known answers it.

    Only the best by words and vectors are judged by the cross-encoder, as many as the level allows.
    """
    left_out = {id(each) for each in but} | told_otherwise(case.candidates)
    scored = [each for each in _scored(case, vectors) if id(each.statement) not in left_out]
    scored.sort(key=lambda each: (each.first, each.statement.said_at, each.statement.serial), reverse=True)
    is_english = case.frames.language == "en"
    pairs = BREADTHS[case.question.level].pairs
    judged = None
    if pairs:
        is_group = len({each.peer_id for each in case.candidates if each.source == "turn"} - {*case.asked.about}) > 1
        judged = judge(case.asked, scored[:pairs], case.reranker, is_group=is_group, is_english=is_english)
    if judged is None:
        judged = by_words(case.asked, scored, lists_all=case.most > MOST_LISTED, is_english=is_english)
    return select(case.asked, judged, case.most)


def _scored(case: Case, vectors: Vectors | None) -> list[Scored]:
    likeness = None if vectors is None or not vectors[0].any() else vectors[1:] @ vectors[0]
    signs = relevance.signs(case.asked, case.candidates, likeness)
    first = relevance.weighed(signs, with_vectors=likeness is not None)
    return [
        Scored(statement, score, row[relevance.WORDS], row[relevance.LIKENESS])
        for statement, score, row in zip(case.candidates, first.tolist(), signs.tolist(), strict=True)
    ]


def _leans(asked: ParsedQuestion, statement: CandidateStatement) -> bool:
    """Whether the reply is short, and matches words of the question only through the preceding question."""
    if len(statement.text.split()) > MOST_LEANING:
        return False
    term_forms = [bases(term) for term in asked.terms]
    own, before = (base_forms(in_english(text)) for text in (statement.text, statement.prompt))
    return any(not before.isdisjoint(term) and own.isdisjoint(term) for term in term_forms)
