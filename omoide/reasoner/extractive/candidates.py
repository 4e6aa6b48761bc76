"""Build candidate statements from conclusions, messages and card lines; each can be quoted on its own. Pure.

A long message is split into passages. A message that only asks is not a candidate; it is attached to its reply, which
may be unclear without it. `relevance` scores statements, `wording` quotes them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from omoide.core.clock import FIRST, day
from omoide.core.records import Conclusion, Message
from omoide.inference.glosses import in_english
from omoide.reasoner.evidence import Snippet
from omoide.reasoner.extractive.card import slots_of_line
from omoide.reasoner.extractive.questions import ParsedQuestion
from omoide.reasoner.extractive.sentences import sentences
from omoide.reasoner.extractive.slots import Slot, ended_of, slots_of
from omoide.reasoner.extractive.smalltalk import is_smalltalk, without_opening
from omoide.reasoner.extractive.terms import bases, folded
from omoide.reasoner.extractive.third_person import SELF, to_third_person
from omoide.reasoner.protocol import Question

Source = Literal["said", "concluded", "turn", "card"]

PASSAGE = 400
"""Characters per passage; longer messages are split between sentences."""
PASSAGES = 4
"""Maximum passages per message: those that contain most of the question's words."""
EXCERPT = 8_000
"""Characters of a message that are split into passages."""
NEVER = FIRST
"""`said_at` of card lines, whose date is unknown."""

MOST_UNKNOWN = 12
"""Words up to which a sentence with one of `_UNKNOWN` says nothing else."""

_UNKNOWN = ("no information", "don't know", "do not know", "no idea", "not sure", "i have nothing on")
"""Phrases of assistants' replies without information."""


@dataclass(frozen=True, slots=True)
class CandidateStatement:
    text: str
    peer_id: str
    """The speaker, or the peer that the statement is about."""
    said_at: int
    source: Source
    serial: int
    """Order among statements of the same time."""
    place: int | None
    """Rank in the search results, from 0; None if it is not a match itself."""
    prompt: str = ""
    """The preceding message of another peer, if it contains a question."""
    asks: bool = False
    """Whether it ends with a question."""
    message_id: str | None = None
    conclusion_id: str | None = None
    is_past: bool = False
    """Whether it has been superseded."""
    valid_from: int | None = None
    valid_until: int | None = None
    """When it held, as far as that is known, in microseconds."""
    utc_offset: int | None = None
    """Minutes east of UTC where it was said."""
    sources: frozenset[str] = frozenset()
    """The ids of the newest messages behind a conclusion."""

    @property
    def said_on(self) -> str:
        """The day on which it was said, in the speaker's zone."""
        return day(self.said_at, self.utc_offset)

    def filled(self) -> list[Slot]:
        """Return the slots that the statement certainly fills."""
        if self.source == "card":
            return slots_of_line(self.text, self.peer_id)
        return [slot for text in self.told() for slot in slots_of(text, self.peer_id)]

    def emptied(self) -> list[Slot]:
        """Return the slots that no longer hold according to the statement."""
        return [slot for text in self.told() for slot in ended_of(text, self.peer_id)]

    def told(self) -> list[str]:
        """Return the sentences that can be restated in the third person."""
        if self.source != "turn":
            return [self.text]
        restatements = (to_third_person(without_opening(each.replace("’", "'"))) for each in sentences(self.text))
        return [each.replace(SELF, self.peer_id) for each in restatements if each]


def statements(
    question: Question,
    asked: ParsedQuestion,
    conclusions: Sequence[Conclusion],
    snippets: Sequence[Snippet],
    past: Sequence[Conclusion] = (),
) -> list[CandidateStatement]:
    """Return all distinct candidates in the order of retrieval, conclusions first. `past` are superseded ones."""
    return [
        *_concluded(conclusions),
        *(replace(each, is_past=True) for each in _concluded(past)),
        *_turns(asked, snippets),
        *_on_card(question.target_card, question.target_id),
        *_on_card(question.observer_card, question.observer_id if question.observer_id != question.target_id else None),
    ]


def _concluded(conclusions: Sequence[Conclusion]) -> Iterable[CandidateStatement]:
    """Merge conclusions of equal text about one peer: the newest is kept, with the best rank."""
    newest: dict[tuple[str, str], tuple[int, Conclusion]] = {}
    for rank, each in enumerate(conclusions):
        key = (each.observed_id, folded(each.content).rstrip(" ."))
        first, known = newest.get(key, (rank, each))
        newest[key] = (first, max(known, each, key=lambda one: (one.said_at, one.pk)))
    for rank, each in newest.values():
        source: Source = "said" if each.level == "explicit" else "concluded"
        yield CandidateStatement(
            text=each.content.strip(),
            peer_id=each.observed_id,
            said_at=each.said_at,
            source=source,
            serial=each.pk,
            place=rank,
            valid_from=each.valid_from,
            valid_until=each.valid_until,
            utc_offset=each.utc_offset,
            sources=frozenset(each.message_ids),
            conclusion_id=each.id,
        )


def _turns(asked: ParsedQuestion, snippets: Sequence[Snippet]) -> Iterable[CandidateStatement]:
    ranks = {id: rank for rank, id in enumerate(id for snippet in snippets for id in snippet.found)}
    seen: set[str] = set()
    for snippet in snippets:
        before: Message | None = None
        for serial, message in enumerate(snippet.messages):
            if message.id not in seen:
                seen.add(message.id)
                yield from _passages(asked, message, before, ranks.get(message.id), serial)
            before = message


def _passages(
    asked: ParsedQuestion, message: Message, before: Message | None, rank: int | None, serial: int
) -> Iterable[CandidateStatement]:
    if _repeats(message.content, asked.text) or tells_nothing(message.content):
        return
    prompt = _prompt(before, message)
    for text in _cut(message.content, asked.terms):
        yield CandidateStatement(
            text=text,
            peer_id=message.peer_id,
            said_at=message.created_at,
            source="turn",
            serial=serial,
            place=rank,
            prompt=prompt,
            asks=text.endswith(("?", "？")),
            message_id=message.id,
            utc_offset=message.utc_offset,
        )


def _repeats(content: str, query: str) -> bool:
    """Whether the message repeats the question."""
    return folded(content).strip(" ?.!") == folded(query).strip(" ?.!")


def tells_nothing(content: str) -> bool:
    """Whether a message states nothing: it only asks, is small talk, or says that nothing is known."""
    told = [each for each in sentences(content) if not _is_empty(each.replace("’", "'"))]
    ends_asking = content.rstrip().endswith(("?", "？"))
    return not told or (ends_asking and all(each.rstrip("\"'”’)").endswith(("?", "？")) for each in told))


def _is_empty(sentence: str) -> bool:
    """Whether a sentence is small talk, or only says that nothing is known."""
    if is_smalltalk(sentence):
        return True
    return len(sentence.split()) <= MOST_UNKNOWN and any(phrase in sentence.casefold() for phrase in _UNKNOWN)


def _prompt(before: Message | None, message: Message) -> str:
    """Return the end of the preceding message, if another peer sent it and it contains a question."""
    if before is None or before.peer_id == message.peer_id or "?" not in before.content:
        return ""
    return " ".join(before.content[-PASSAGE:].split())


def last_question(prompt: str) -> str:
    """Return the last question of the text, or the whole text if there is none."""
    asked = [each for each in sentences(prompt) if each.endswith("?")]
    return asked[-1] if asked else prompt


def _cut(content: str, terms: Collection[str]) -> list[str]:
    text = " ".join(content.split())
    if len(text) <= PASSAGE:
        return [text]
    passages: list[str] = []
    for sentence in sentences(content[:EXCERPT]):
        if passages and len(passages[-1]) + len(sentence) < PASSAGE:
            passages[-1] += f" {sentence}"
        else:
            passages.append(sentence)
    stems = [min(bases(term), key=len) for term in terms]
    held = [sum(stem in passage for stem in stems) for passage in map(folded, map(in_english, passages))]
    best = sorted(range(len(passages)), key=lambda at: (-held[at], at))[:PASSAGES]
    return [passages[at] for at in sorted(best)]


def _on_card(lines: Iterable[str], peer_id: str | None) -> Iterable[CandidateStatement]:
    if peer_id is None:
        return
    for serial, line in enumerate(lines):
        if line.strip():
            yield CandidateStatement(line.strip(), peer_id, NEVER, "card", serial, None)
