"""Answer a question by quoting the best matching statements, with speaker and date.

A question for a slot is answered by the newest statement that fills it. Any other question is answered by the most
relevant statements; if none answers it, the answer is that nothing is known. `retrieval` reads the candidates,
`relevance` and `judging` score them, `selection` chooses.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from omoide.core import clock
from omoide.core.offload import offload
from omoide.inference.embedders import Embedder
from omoide.inference.glosses import in_english
from omoide.reasoner.evidence import Likeness, Snippet
from omoide.reasoner.extractive import slot_answers, structured_answers
from omoide.reasoner.extractive.candidates import CandidateStatement, statements
from omoide.reasoner.extractive.frames import Frames, frames_of, language_of
from omoide.reasoner.extractive.judging import judge
from omoide.reasoner.extractive.leads import lead
from omoide.reasoner.extractive.questions import ParsedQuestion
from omoide.reasoner.extractive.quotation import ENGLISH, earlier, is_quotation, quoted
from omoide.reasoner.extractive.retrieval import BREADTHS, RetrievedContext, retrieve
from omoide.reasoner.extractive.selection import distinct, select, told_otherwise
from omoide.reasoner.extractive.slot_answers import AnswerStatement
from omoide.reasoner.extractive.slot_kinds import ALLERGY, DIET, DISLIKES
from omoide.reasoner.extractive.statement_cues import statement_cues
from omoide.reasoner.extractive.terms import base_forms, bases
from omoide.reasoner.memory_view import MemoryView
from omoide.reasoner.protocol import Question
from omoide.search.rerank import Reranker

NO_RERANKER = Reranker(None)

MOST, MOST_LISTED, MOST_ENUMERATED = 4, 5, 25
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
    snippets: Sequence[Snippet] = ()
    likeness: Likeness = field(default_factory=Likeness)

    @classmethod
    def of(cls, question: Question, gathered: RetrievedContext, reranker: Reranker = NO_RERANKER) -> Case:
        candidates = statements(question, gathered.asked, gathered.conclusions, gathered.snippets, gathered.past)
        return cls(question, gathered.asked, candidates, reranker, gathered.snippets, gathered.likeness)

    @property
    def frames(self) -> Frames:
        return _frames(self.question, self.snippets)

    @property
    def most(self) -> int:
        if not self.asked.is_list:
            return MOST
        return MOST_ENUMERATED if self.question.level == "max" and not self.asked.is_overview else MOST_LISTED


async def answer(
    question: Question, memory: MemoryView, embedder: Embedder, reranker: Reranker = NO_RERANKER
) -> AsyncIterator[str]:
    """Yield the answer sentence by sentence; with a response format, one JSON text, or nothing if it cannot be filled.

    All reads go through `memory`. Without vectors, while the embedder fails, statements are ranked by words. `embedder`
    compares statements with the properties of a response format.
    """
    gathered = await retrieve(question, memory)
    chosen = await offload(lambda: told(Case.of(question, gathered, reranker)))
    if question.response_format is not None:
        whole = " ".join(sentence for _, sentence in chosen)
        if text := await structured_answers.fill(question, gathered, memory, embedder, whole or None):
            yield text
        return
    remaining, lead = BREADTHS[question.level].tokens, ""
    nothing = _frames(question, gathered.snippets).nothing_known(gathered.asked.about)
    for statement, sentence in chosen or [(None, nothing)]:
        piece = lead + sentence
        cost = memory.tokens.count(piece)
        if statement is not None and (cost <= remaining or not lead):
            memory.evidence.quote(statement.message_id or statement.conclusion_id, statement.text)
        if cost > remaining:
            if not lead:
                yield memory.tokens.trim(piece, remaining)
            return
        yield piece
        remaining, lead = remaining - cost, " "


def _frames(question: Question, snippets: Sequence[Snippet]) -> Frames:
    return frames_of(language_of(question.query, (each.content for snippet in snippets for each in snippet.messages)))


def told(case: Case) -> list[tuple[CandidateStatement | None, str]]:
    """Return the sentences of the answer, each with the statement that it quotes; the direct one, which quotes none,
    first. Empty if nothing is known."""
    quotations = list(islice(_told(case), max(MOST_LISTED, case.most)))
    if case.frames is not ENGLISH or case.asked.is_overview or not quotations:
        return [*quotations]
    moment = case.question.moment
    direct = lead(case.asked, quotations[0][0], moment.valid_at or moment.as_of or clock.now())
    return [(None, direct), *quotations] if direct else [*quotations]


def _told(case: Case) -> Iterator[tuple[CandidateStatement, str]]:
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
    for each in ranked(case, used):
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


def ranked(case: Case, but: Sequence[CandidateStatement] = ()) -> list[CandidateStatement]:
    """Return the statements that answer the question, best first, but an update before the statement that it updates;
    for a question about the past, superseded ones first. Empty if nothing that is known answers it.

    Only the best by words and vectors are read by the cross-encoder, as many as the level allows.
    """
    left_out = {id(each) for each in but} | told_otherwise(case.candidates)
    judged = judge(
        case.asked,
        statement_cues(case.asked, case.candidates, case.snippets, case.likeness),
        case.reranker,
        BREADTHS[case.question.level].pairs,
        left_out=left_out,
    )
    return select(case.asked, judged, case.most)


def _leans(asked: ParsedQuestion, statement: CandidateStatement) -> bool:
    """Whether the reply is short, and matches words of the question only through the preceding question."""
    if len(statement.text.split()) > MOST_LEANING:
        return False
    term_forms = [bases(term) for term in asked.terms]
    own, before = (base_forms(in_english(text)) for text in (statement.text, statement.prompt))
    return any(not before.isdisjoint(term) and own.isdisjoint(term) for term in term_forms)
