"""Extract facts about a peer from its messages without a model: each statement is restated or quoted.

"I live in Lisbon" becomes `alice lives in Lisbon`. A sentence that cannot be restated reliably becomes
`alice said: "…"`, which is always correct. Inferences are left to dreams.
"""

from __future__ import annotations

from dataclasses import replace

from omoide.core.clock import local, to_micros
from omoide.core.records import Message
from omoide.reasoner.extractive.corrections import corrected
from omoide.reasoner.extractive.dates import note_of_dates, with_dates
from omoide.reasoner.extractive.sentences import sentences
from omoide.reasoner.extractive.smalltalk import without_opening
from omoide.reasoner.extractive.statements import states_something
from omoide.reasoner.extractive.supersession import topics_of
from omoide.reasoner.extractive.third_person import SELF, main_clauses, to_third_person
from omoide.reasoner.extractive.validity import validity
from omoide.reasoner.protocol import Batch, Fact

MOST_QUOTED = 500
"""Maximum characters of a quoted sentence; a longer one is truncated with an ellipsis."""


def derive(batch: Batch) -> list[Fact]:
    """Return the distinct statements of the observed peer in the batch, in the order of their last mention.

    Only messages of `batch.observed_id` are used. CPU-bound: call it in a thread.
    """
    found = _Found(batch)
    for message in batch.messages:
        if message.peer_id == batch.observed_id:
            for sentence in sentences(message.content):
                found.add(sentence, message)
    return found.facts()


class _Found:
    """The facts found so far, by their text."""

    def __init__(self, batch: Batch) -> None:
        self._peer_id = batch.observed_id
        self._earlier = [*batch.earlier]
        self._facts: dict[str, Fact] = {}
        self._has_just_stated = False

    def facts(self) -> list[Fact]:
        return list(self._facts.values())

    def add(self, sentence: str, message: Message) -> None:
        """Add the fact that the sentence states or corrects, if any."""
        follows, self._has_just_stated = self._has_just_stated, False
        if fix := corrected(sentence, self._earlier, self._peer_id, follows=follows):
            wrong, content = fix
            self._keep(content, message, (wrong,))
        elif states_something(sentence):
            self._has_just_stated = True
            for content in fact_contents(sentence, self._peer_id, message.created_at, message.utc_offset):
                self._keep(content, message)

    def _keep(self, content: str, message: Message, corrects: tuple[str, ...] = ()) -> None:
        self._earlier.append(content)
        key = content.casefold().rstrip(' .!"')
        known = self._facts.pop(key, None)
        if known:
            self._facts[key] = _again(known, message)
            return
        fact = as_fact(content, self._peer_id, message.created_at, message.utc_offset)
        self._facts[key] = replace(fact, message_ids=(message.id,), corrects=corrects)


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
    about = to_third_person(without_opening(sentence.replace("’", "'")))
    if about is not None:
        return [each.replace(SELF, peer_id) for each in main_clauses(with_dates(about, moment))]
    quoted = sentence if len(sentence) <= MOST_QUOTED else _cut(sentence)
    return [f'{peer_id} said: "{quoted}"{note_of_dates(quoted, moment)}']


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
