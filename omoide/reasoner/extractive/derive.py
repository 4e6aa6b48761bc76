"""Extract facts about a peer from its messages without a model: each statement is restated or quoted.

"I live in Lisbon" becomes `alice lives in Lisbon`. A sentence that cannot be restated reliably becomes
`alice said: "…"`, which is always correct. `possible_facts` finds the statements, `selection_model` drops those that
will not matter in a month. Inferences are left to dreams.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from omoide.core.clock import local, to_micros
from omoide.core.records import Fact, Message
from omoide.inference.embedders import EmbeddingFailed
from omoide.inference.glosses import in_english
from omoide.reasoner.extractive.assistants import is_assistant_id, talks_like_an_assistant
from omoide.reasoner.extractive.card_slots import card_ended_of, card_slots_of
from omoide.reasoner.extractive.claims import claims_of
from omoide.reasoner.extractive.corrections import corrected
from omoide.reasoner.extractive.cues import cues
from omoide.reasoner.extractive.dates import note_of_dates, with_dates
from omoide.reasoner.extractive.leaning import Lean, announces, leaning
from omoide.reasoner.extractive.possible_facts import PossibleFact, Sentence, candidates_of, turns
from omoide.reasoner.extractive.selection_model import SelectionModel
from omoide.reasoner.extractive.shapes.read import is_end
from omoide.reasoner.extractive.smalltalk import without_closing, without_opening
from omoide.reasoner.extractive.statements import SentenceKind
from omoide.reasoner.extractive.supersession import topics_of
from omoide.reasoner.extractive.third_person import SELF, main_clauses, to_third_person
from omoide.reasoner.extractive.validity import validity
from omoide.reasoner.extractive.word_lists import word_lists
from omoide.reasoner.extractive.worth import weigh
from omoide.reasoner.protocol import Batch

MOST_QUOTED = 500
"""Maximum characters of a quoted sentence; a longer one is truncated with an ellipsis."""

DOUBT_ABROAD = 0.75
"""How far below 0 the score of a statement in another language may be, which is read word by word in English."""
FEWEST_CLAUSE_WORDS = 4
"""Words after the peer's id with which a clause is a fact of its own."""

_DATED = re.compile(r"\([^()]*\d{4}")
_LISTS = word_lists("selection")
_ELLIPTICAL = re.compile(
    rf"(?:.*\b)?{SELF} (?:(?:really|also|would|will|do|does|did|not|just|still|always) )*"
    rf"{_LISTS.any_of('needing_more')}"
    rf"(?: to| so| too| not| that)?|.* {_LISTS.any_of('never_last')}"
)
"""A restated sentence whose end is left to the sentence before it: "loves to", "thinks"."""
_ELLIPTICAL_QUOTE = re.compile(
    rf"(?:i|i'd|i'll|we|we'd|we'll|you|they) (?:(?:really|also|would|just|still|always|totally|so) )*"
    rf"{_LISTS.any_of('needing_more')}(?: to| so| too| not| that)?|.* {_LISTS.any_of('never_last')}",
    re.IGNORECASE,
)
_DEFINITION = re.compile(
    rf"(?!{_LISTS.any_of('no_subjects')}\b)[A-Z][a-z]+(?:'s| is| has) (?:an? |\d+\b)"
    rf"(?!(?:\w+ )?{_LISTS.any_of('praise')}\b)[\w' -]{{2,40}}[.!]*$"
)
"""What somebody or an animal is or has: "Rex is a beagle"."""


@dataclass(frozen=True, slots=True)
class Fix:
    """A statement that corrects an earlier one."""

    wrong: str
    content: str
    message: Message


def derive(batch: Batch, model: SelectionModel | None = None, assistants: Sequence[str] = ()) -> list[Fact]:
    """Return the distinct statements of the observed peer in the batch, in the order of their last mention.

    Only messages of `batch.observed_id` are used, and questions that they answer. An assistant's give none: its id
    has one of the words in `assistants`, or it talks like one. CPU-bound: call it in a thread.
    """
    own = [message.content for message in batch.messages if message.peer_id == batch.observed_id]
    if is_assistant_id(batch.observed_id, assistants) or talks_like_an_assistant(own):
        return []
    read = [*_read(batch)]
    chosen = _chosen(
        [each for each in read if isinstance(each, PossibleFact)], batch.observed_id, model or SelectionModel()
    )
    facts = _Facts(batch.observed_id)
    for item in _in_groups(read, chosen):
        facts.add(item)
    return facts.facts()


def _read(batch: Batch) -> Iterator[PossibleFact | Fix]:
    """Yield what the messages state or correct, in order."""
    peer_id, earlier = batch.observed_id, [*batch.earlier]
    has_just_stated = False
    for sentence, other in turns(batch.messages, peer_id):
        follows, has_just_stated = has_just_stated, False
        if fix := corrected(sentence.text, earlier, peer_id, follows=follows):
            wrong, content = fix
            earlier.append(content)
            yield Fix(wrong, content, sentence.message)
            continue
        for candidate in candidates_of(sentence, other):
            candidate.contents = contents_of(candidate, peer_id)
            if not candidate.context:
                has_just_stated = True
                earlier += candidate.contents
            yield candidate


def contents_of(candidate: PossibleFact, peer_id: str) -> list[str]:
    """What the candidate says by itself: restated if it needs no context, else quoted."""
    message = candidate.sentence.message
    if candidate.context or candidate.question:
        return [_quotation([*candidate.context, candidate.sentence], candidate.question, peer_id)]
    return fact_contents(candidate.statement, peer_id, message.created_at, message.utc_offset)


def _quotation(said: Sequence[Sentence], question: str, peer_id: str) -> str:
    text = said[0].text
    for before, each in pairwise(said):
        text += f"{' ' if each.follows is before else ' … '}{each.text}"
    last = said[-1].message
    note = note_of_dates(text, local(last.created_at, last.utc_offset))
    if question:
        asked = f'in reply to "{question.replace("(", "").replace(")", "")}"'
        note = f"{note[:-1]}; {asked})" if note else f" ({asked})"
    return f'{peer_id} said: "{text}"{note}'


def _chosen(found: Sequence[PossibleFact], peer_id: str, model: SelectionModel) -> set[PossibleFact]:
    """The candidates that are worth keeping."""
    unsure = []
    for each in found:
        if each.is_certain is None:
            each.is_certain = verdict(each, peer_id)
        if each.is_certain is None:
            unsure.append(each)
    scores = _scores(unsure, peer_id, model)
    kept = [each for each, score in zip(unsure, scores, strict=True) if score > -DOUBT_ABROAD * each.is_foreign]
    chosen = {each for each in found if each.is_certain} | {*kept}
    for each, following in pairwise(found):
        if announces(each.sentence.plain) and following.sentence.follows is each.sentence and not following.context:
            each.contents = [_quotation([each.sentence, following.sentence], each.question, peer_id)]
            (chosen.add if following in chosen else chosen.discard)(each)
    return chosen


def _scores(unsure: Sequence[PossibleFact], peer_id: str, model: SelectionModel) -> list[float]:
    texts = [judged_text(each, peer_id) for each in unsure]
    shapes = [judged_cues(each, peer_id) for each in unsure]
    try:
        return model.scores(texts, shapes)
    except EmbeddingFailed:
        return SelectionModel().scores(texts, shapes)


def verdict(candidate: PossibleFact, peer_id: str) -> bool | None:
    """What rules say about it; None if they do not decide."""
    if candidate.context or candidate.question:
        return None
    whole = [each.replace(peer_id, SELF).rstrip(" .!") for each in candidate.contents]
    plain = candidate.sentence.plain.rstrip(" .!")
    if all(map(_ELLIPTICAL.fullmatch, whole)) or _ELLIPTICAL_QUOTE.fullmatch(plain):
        return False
    if _DEFINITION.match(candidate.sentence.plain) or _tells_when(candidate, peer_id):
        return True
    if any(card_slots_of(each, peer_id) or _ends_something(each, peer_id) for each in candidate.contents):
        return True
    return None


def _ends_something(content: str, peer_id: str) -> bool:
    """Whether it tells that something known no longer holds, so that leaving it out would leave that standing."""
    if is_end([slot.kind for slot in card_ended_of(content, peer_id)], content):
        return True
    return any(claim.ends for claims in claims_of(content, peer_id) for claim in claims)


def _tells_when(candidate: PossibleFact, peer_id: str) -> bool:
    """Whether it is a deed of the speaker with its date."""
    return any(_DATED.search(each) and not each.startswith(f"{peer_id} said: ") for each in candidate.contents)


def judged_text(candidate: PossibleFact, peer_id: str) -> str:
    """The text whose vector tells the candidate's worth: its own sentence, with the question that it answers."""
    if candidate.context:
        return f'{peer_id} said: "{candidate.statement}"'
    return candidate.contents[0]


def judged_cues(candidate: PossibleFact, peer_id: str) -> tuple[float, ...]:
    """The surface cues of a candidate's worth."""
    contents = candidate.contents
    place = (
        bool(candidate.question),
        candidate.sentence.kind is SentenceKind.FRAGMENT,
        bool(candidate.context),
        not contents[0].startswith(f"{peer_id} said: "),
        any(claims for each in contents for claims in claims_of(each, peer_id)),
        any(map(_DATED.search, contents)),
    )
    statement, content = candidate.statement, contents[-1]
    if candidate.is_foreign:
        statement, content = in_english(statement), in_english(content)
    return cues(without_opening(statement.replace("’", "'")), place, weigh(content, peer_id).worth)


@dataclass(frozen=True, slots=True)
class FactGroup:
    """Sentences that are quoted together, or one candidate."""

    candidates: Sequence[PossibleFact]


def _in_groups(read: Sequence[PossibleFact | Fix], chosen: set[PossibleFact]) -> Iterator[Fix | FactGroup]:
    """Yield the chosen candidates with those that continue them, and the corrections, in order."""
    group: list[PossibleFact] = []
    for each in read:
        if isinstance(each, Fix):
            if group:
                yield FactGroup(group)
                group = []
            yield each
        elif each in chosen:
            if group and not _continues(each, group[-1]):
                yield FactGroup(group)
                group = []
            group.append(each)
    if group:
        yield FactGroup(group)


def _continues(candidate: PossibleFact, before: PossibleFact) -> bool:
    """Whether the sentence that the earlier candidate ends with is in the context of this one."""
    return before.sentence in candidate.context and not before.is_foreign


class _Facts:
    """The facts found so far, by their text."""

    def __init__(self, peer_id: str) -> None:
        self._peer_id = peer_id
        self._facts: dict[str, Fact] = {}

    def facts(self) -> list[Fact]:
        return list(self._facts.values())

    def add(self, item: Fix | FactGroup) -> None:
        if isinstance(item, Fix):
            self._keep(item.content, [item.message], (item.wrong,))
            return
        *_, last = item.candidates
        for each in item.candidates:
            if not each.context and (each is last or _stands_alone(each, self._peer_id)):
                for content in each.contents:
                    self._keep(content, [each.sentence.message], question_id=each.question_id)
        if last.context:
            self._keep_joined(item.candidates)

    def _keep_joined(self, candidates: Sequence[PossibleFact]) -> None:
        """Quote the sentences from the first that is needed through the last."""
        first, last = candidates[0], candidates[-1]
        said = [last.sentence]
        start = (first.context or (first.sentence,))[0]
        while said[0] is not start and (before := said[0].follows or said[0].earlier):
            said.insert(0, before)
        text = _quotation(said, first.question, self._peer_id)
        if len(text) > MOST_QUOTED:
            text, said = last.contents[0], [*last.context, last.sentence]
        messages = {each.message.id: each.message for each in said}
        self._keep(text, [*messages.values()], question_id=first.question_id)

    def _keep(
        self, content: str, messages: Sequence[Message], corrects: tuple[str, ...] = (), question_id: str = ""
    ) -> None:
        key = content.casefold().rstrip(' .!"')
        message = messages[-1]
        known = self._facts.pop(key, None)
        if known:
            self._facts[key] = _again(known, message)
            return
        fact = as_fact(content, self._peer_id, message.created_at, message.utc_offset)
        ids = (*([question_id] if question_id else []), *(each.id for each in messages))
        self._facts[key] = replace(fact, message_ids=ids, corrects=corrects)


def _stands_alone(candidate: PossibleFact, peer_id: str) -> bool:
    """Whether a candidate is a fact of its own, although later sentences are quoted with it."""
    return any(
        not content.startswith(f"{peer_id} said: ")
        or card_slots_of(content, peer_id)
        or any(claims_of(content, peer_id))
        for content in candidate.contents
    )


def as_fact(content: str, peer_id: str, said_at: int, utc_offset: int | None = None) -> Fact:
    """Return a statement about the peer as a fact without messages: with its topics, and when it holds."""
    holds = validity(content, local(said_at, utc_offset))
    start, end = (None if each is None else to_micros(each) for each in (holds.start, holds.end))
    return Fact(content, (), said_at, start, end, topics_of(content, peer_id), utc_offset=utc_offset)


def fact_contents(sentence: str, peer_id: str, said_at: int, utc_offset: int | None = None) -> list[str]:
    """Return the self-contained facts of a statement: restated or quoted, with the peer's id and absolute dates.

    "I'm Ana, I live in Lisbon and I work as a nurse" gives three, so that each can be superseded alone.
    """
    moment = local(said_at, utc_offset)
    about = to_third_person(without_closing(without_opening(sentence.replace("’", "'"))))
    if about is not None:
        whole = with_dates(about, moment)
        clauses = main_clauses(whole)
        stated = [_introduction(each, peer_id) or each.replace(SELF, peer_id) for each in clauses]
        is_split = len(stated) == 1 or all(_stands_apart(*each, peer_id) for each in zip(clauses, stated, strict=True))
        return stated if is_split else [whole.replace(SELF, peer_id)]
    quoted = sentence if len(sentence) <= MOST_QUOTED else _cut(sentence)
    return [f'{peer_id} said: "{quoted}"{note_of_dates(quoted, moment)}']


def _stands_apart(clause: str, content: str, peer_id: str) -> bool:
    """Whether a clause is a fact of its own: "is tired" is too short, and "gives them away" leans on another clause."""
    is_long = len(clause.split()) > FEWEST_CLAUSE_WORDS and leaning(clause.replace(SELF, "I")) <= Lean.LINKED
    return is_long or bool(card_slots_of(content, peer_id))


def _introduction(clause: str, peer_id: str) -> str | None:
    """ "I'm Gary" from gary tells how the name is written."""
    name = clause.removeprefix(f"{SELF} is ").rstrip(" .!")
    return f"{peer_id}'s name is {name}" if name.casefold() == peer_id.casefold() else None


def fact_content(sentence: str, peer_id: str, said_at: int, utc_offset: int | None = None) -> str:
    """As `fact_contents`, for a sentence with one statement; of several, the first."""
    return fact_contents(sentence, peer_id, said_at, utc_offset)[0]


def _cut(sentence: str) -> str:
    end = sentence.rfind(" ", MOST_QUOTED // 2, MOST_QUOTED)
    return sentence[: end if end > 0 else MOST_QUOTED].rstrip() + "…"


def _again(fact: Fact, message: Message) -> Fact:
    ids = fact.message_ids if message.id in fact.message_ids else (*fact.message_ids, message.id)
    if message.created_at < fact.said_at:
        return replace(fact, message_ids=ids)
    return replace(fact, message_ids=ids, said_at=message.created_at, utc_offset=message.utc_offset)
