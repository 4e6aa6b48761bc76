"""Retrieve the records that may answer a question; the level determines how many.

Every level searches conclusions and messages. Higher levels also search messages for the question's rarest words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from omoide.core.identifiers import is_scope_peer
from omoide.core.records import Conclusion, Message
from omoide.reasoner.equivalence import words
from omoide.reasoner.evidence import Likeness, Snippet
from omoide.reasoner.extractive.first_person import in_first_person, names
from omoide.reasoner.extractive.questions import ParsedQuestion, parse_question
from omoide.reasoner.extractive.sentences import sentences
from omoide.reasoner.extractive.smalltalk import without_opening
from omoide.reasoner.extractive.terms import bases, folded
from omoide.reasoner.extractive.third_person import SELF, main_clauses, to_third_person
from omoide.reasoner.memory_view import GREP_MOST, MEMORY_MOST, POOL_MOST, RECENT_MOST, MemoryView
from omoide.reasoner.protocol import Question, ReasoningLevel


@dataclass(frozen=True, slots=True)
class Breadth:
    """Retrieval and output limits of a level."""

    conclusions: int
    messages: int
    pairs: int
    """Texts that the cross-encoder compares with the question; none at 0."""
    rephrased: int
    """Rephrased forms of the question that are searched for as well."""
    rarest: int
    """Number of rare words of the question that are searched for individually."""
    hits: int
    """Messages per rare word."""
    fields: int
    """Properties of a response format that are searched for individually."""
    tokens: int
    """Maximum tokens of the answer; from the public description of the API."""


BREADTHS: dict[ReasoningLevel, Breadth] = {
    "minimal": Breadth(10, 10, 0, 0, 0, 0, 4, 250),
    "low": Breadth(25, 40, 20, 0, 0, 0, 8, 8192),
    "medium": Breadth(25, 60, 40, 0, 1, 10, 16, 8192),
    "high": Breadth(MEMORY_MOST, 80, 60, 1, 2, 20, 24, 8192),
    "max": Breadth(MEMORY_MOST, POOL_MOST, 100, 4, 4, GREP_MOST, 40, 8192),
}
Key = tuple[str, ...]

MOST_DERIVED = 10
SHORTEST_GREP = 4
"""Minimum letters of an ASCII word that is searched for as a substring."""
_PARTS = re.compile(r"[?;](?=.)|,? and (?=(?:what|where|who|when|which|how)\b)")
_DATES = re.compile(r" \([^()]*\d{4}[^()]*\)")


@dataclass(frozen=True, slots=True)
class RetrievedContext:
    asked: ParsedQuestion
    conclusions: list[Conclusion]
    snippets: list[Snippet]
    """Without sentences that are no longer true."""
    past: Sequence[Conclusion] = ()
    """Superseded conclusions, for a question about the past."""
    likeness: Likeness = field(default_factory=Likeness)
    """Of the question and what was read."""


async def retrieve(question: Question, memory: MemoryView) -> RetrievedContext:
    """Retrieve records for the question, best first, and parse the question with the names of the peers in them."""
    breadth = BREADTHS[question.level]
    conclusions = await memory.search_memory(question.semantic_query or question.query, breadth.conclusions)
    snippets = await memory.search_pool(question.query, breadth.messages)
    snippets += await _sources(memory, conclusions)
    asked = parse_question(
        question.query, _peers(question, conclusions, snippets), question.observer_id, question.target_id
    )
    if asked.is_overview:
        return await _overview(RetrievedContext(asked, conclusions, snippets), memory, breadth)
    for form in rephrased(question.query, asked)[: breadth.rephrased]:
        snippets += await memory.search_pool(form, breadth.messages // 2)
    for word in _rarest(asked, conclusions, snippets, breadth.rarest):
        snippets += await memory.grep_messages(word, breadth.hits)
    past = await memory.search_superseded(question.query, breadth.conclusions) if asked.asks_past else []
    likeness = await memory.likeness(in_first_person(asked.text, names(asked)))
    return RetrievedContext(asked, conclusions, await without_ended(snippets, memory, conclusions), past, likeness)


async def _sources(memory: MemoryView, conclusions: Sequence[Conclusion]) -> list[Snippet]:
    """Return the messages behind the conclusions, as far as they may be read and were not found by themselves."""
    read = memory.evidence.messages
    ids = [
        each.message_ids[-1] for each in conclusions if each.message_ids and read.keys().isdisjoint(each.message_ids)
    ]
    return await memory.get_observation_context(list(dict.fromkeys(ids))) if ids else []


async def without_ended(
    snippets: Sequence[Snippet], memory: MemoryView, conclusions: Sequence[Conclusion]
) -> list[Snippet]:
    """Return the snippets without the sentences of statements that have ended, except those of `conclusions`.

    A sentence with several statements is left out if one of them has ended; the others are conclusions of their own.
    """
    ids = list(dict.fromkeys(message.id for snippet in snippets for message in snippet.messages))
    statements = await memory.get_message_statements(ids) if ids else []
    told = {_key(each.content) for each in conclusions}
    told |= {_key(each.content) for each in statements if each.ending is None}
    ended: dict[str, set[Key]] = {}
    for each in statements:
        if each.ending in ("superseded", "invalid") and (key := _key(each.content)) not in told:
            ended.setdefault(each.message_id, set()).add(key)
    if not ended:
        return [*snippets]
    return [
        replace(snippet, messages=[_without(each, ended.get(each.id, set())) for each in snippet.messages])
        for snippet in snippets
    ]


def _without(message: Message, ended: set[Key]) -> Message:
    if not ended:
        return message
    kept = [each for each in sentences(message.content) if ended.isdisjoint(_restated(each, message.peer_id))]
    return message._replace(content=" ".join(kept))


def _restated(sentence: str, peer_id: str) -> list[Key]:
    """Return the keys of the conclusions that `derive` makes of a sentence."""
    about = to_third_person(without_opening(sentence.replace("’", "'")))
    if about is None:
        return [_key(f'{peer_id} said: "{sentence}"')]
    return [_key(each.replace(SELF, peer_id)) for each in main_clauses(about)]


def _key(content: str) -> Key:
    """Return what two forms of a statement have in common that differ in the dates in brackets."""
    return words(_DATES.sub("", content))


async def _overview(gathered: RetrievedContext, memory: MemoryView, breadth: Breadth) -> RetrievedContext:
    """Retrieve conclusions as for a representation: the most derived, then the newest; messages if there are none."""
    recent = await memory.get_recent_observations(RECENT_MOST)
    derived = [each for each in await memory.get_most_derived_observations(MOST_DERIVED) if each.times_derived > 1]
    about = gathered.asked.about
    conclusions = list(
        {each.id: each for each in (*derived, *recent) if not about or each.observed_id in about}.values()
    )
    if conclusions:
        return replace(gathered, conclusions=conclusions, snippets=[])
    newest = await memory.get_messages_by_date_range(None, None, breadth.messages)
    found = [Snippet(each.session_id, [each], [each.id]) for each in newest]
    return replace(gathered, snippets=await without_ended(found, memory, ()))


def _peers(question: Question, conclusions: Iterable[Conclusion], snippets: Iterable[Snippet]) -> list[str]:
    """Return the peer ids that the question may name."""
    named = [question.target_id, question.observer_id]
    named += [each.observed_id for each in conclusions]
    named += [message.peer_id for snippet in snippets for message in snippet.messages]
    return list(dict.fromkeys(each for each in named if each and not is_scope_peer(each)))


def rephrased(query: str, asked: ParsedQuestion) -> list[str]:
    """Return other forms of a question: its content words, its parts, and how a peer would say it of itself."""
    said = " ".join(["I", *asked.terms]) if asked.terms else ""
    forms = [" ".join(asked.terms), *(_PARTS.split(query) if _PARTS.search(query) else []), said]
    plain = folded(query).strip(" ?.!")
    return [form for form in dict.fromkeys(map(str.strip, forms)) if form and folded(form) != plain]


def _rarest(
    asked: ParsedQuestion, conclusions: Iterable[Conclusion], snippets: Iterable[Snippet], count: int
) -> list[str]:
    """Return stems to search messages for: the subject of a list question, then those with the fewest matches."""
    if not count:
        return []
    texts = [folded(each.content) for each in conclusions]
    texts += [folded(message.content) for snippet in snippets for message in snippet.messages]
    stems = list(dict.fromkeys(min(bases(term), key=len) for term in asked.terms))
    stems = [stem for stem in stems if len(stem) >= SHORTEST_GREP or not stem.isascii()]
    met = {stem: sum(stem in text for text in texts) for stem in stems}
    rarest = sorted(stems, key=lambda stem: met[stem])
    listed = stems[:1] if asked.is_list else []
    return list(dict.fromkeys([*listed, *rarest]))[:count]
