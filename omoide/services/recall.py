"""Recall: conclusions and messages for a query, in one text within a budget of tokens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

from omoide.core import clock
from omoide.core.lazy_import import lazy_import
from omoide.core.offload import offload
from omoide.core.records import Conclusion, Message
from omoide.inference.tokens import TokenCounter
from omoide.search import conclusions as conclusion_index
from omoide.search import messages as message_index
from omoide.search.query import Query
from omoide.services.container import Services
from omoide.storage import Transaction, conclusion_sources, message_changes, message_search
from omoide.storage.conclusion_reach import EVERYTHING, Reach
from omoide.storage.conclusion_search import ConclusionSearch
from omoide.storage.message_changes import MessageChange
from omoide.storage.message_scope import MessageScope, MessageSearch
from omoide.storage.search_trace import SearchTrace

with lazy_import("omoide.services.relevance_floor"):
    from omoide.services import relevance_floor

T = TypeVar("T", Conclusion, Message)

MOST = 50
"""Maximum number of conclusions, and of messages."""
KNOWN, SAID = "## Known", "## Said"
SHARE = 1 / 3
"""Of the budget that conclusions may take before messages. With two thirds, fewer turns that answer a question fit:
`benchmarks.floor`."""
LINE_TOKENS = 45
"""Of a line about a message, besides its content."""
MOST_NOTE = 60
"""Tokens of what took the place of a statement."""
NOTES = {"corrected": "corrected since", "changed": "changed since"}


@dataclass(frozen=True, slots=True)
class RecallRequest:
    """What to recall. A peer: conclusions about it, and messages that it may know. A session: only what is from it."""

    workspace_id: str
    query: str
    budget: int
    """Tokens."""
    peer_id: str | None = None
    session_id: str | None = None
    reach: Reach = EVERYTHING
    """What the caller's key may read."""
    reader: str | None = None
    """The peer whose visibility limits the key's reads of messages (see `auth.reader`)."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What was found and fits, best first."""

    text: str
    token_count: int
    conclusions: list[Conclusion]
    messages: list[Message]
    changes: list[MessageChange]
    """Of these messages."""


class _Found(NamedTuple):
    """Results with how each was found."""

    conclusions: list[Conclusion]
    of_conclusions: SearchTrace
    messages: list[Message]
    of_messages: SearchTrace
    positions: Mapping[int, tuple[int, int]]
    """Message (its row) → session and position."""


async def recall(services: Services, request: RecallRequest) -> Recalled:
    """Search conclusions and messages, and keep what is relevant and fits. Raises Unprocessable as the searches do."""
    found = await _found(services, request)
    embedder = services.finder.index.embedder
    conclusions, messages = await offload(_relevant, request.query, embedder, found)
    ids = [each.id for each in messages]
    changes = await services.store.read_offloaded(message_changes.of_messages, request.workspace_id, ids, request.reach)
    told = await offload(_fitted, _distinct(conclusions), messages, changes, request.budget, services.tokens)
    shown = await services.store.read_offloaded(
        conclusion_sources.as_readable, request.workspace_id, told.conclusions, request.reach
    )
    return replace(told, conclusions=shown)


async def _found(services: Services, request: RecallRequest) -> _Found:
    reach, query = request.reach, request.query
    session = reach.session or request.session_id
    of_conclusions, of_messages = SearchTrace(), SearchTrace()
    known = ConclusionSearch(
        request.workspace_id,
        query,
        MOST,
        observer_id=reach.peer,
        observed_id=request.peer_id,
        sessions=None if session is None else (session,),
        trace=of_conclusions,
    )
    said = MessageSearch(
        request.workspace_id,
        query,
        MOST,
        session_id=session,
        reader=request.reader,
        member=request.peer_id,
        trace=of_messages,
    )

    def with_positions(
        db: Transaction, within: MessageScope | None, hits: list[Message]
    ) -> tuple[list[Message], Mapping[int, tuple[int, int]]]:
        pks = [of_messages.rows[hit.id] for hit in hits]
        return hits, {} if within is None else message_search.around(db, within, pks)

    # Embed it before, so that the concurrent searches do not both do that.
    await services.finder.query_vector(Query(query).text)
    conclusions, (messages, positions) = await asyncio.gather(
        conclusion_index.search(services.store, services.finder, known),
        message_index.search_then(services.store, services.finder, said, with_positions),
    )
    return _Found(conclusions, of_conclusions, messages, of_messages, positions)


def _relevant(query: str, embedder: str, found: _Found) -> tuple[list[Conclusion], list[Message]]:
    """The conclusions and messages that have to do with the query."""

    def result(text: str, peer_id: str, id: str, trace: SearchTrace) -> relevance_floor.Result:
        row = trace.rows[id]
        is_exact = any(row in trace.found.get(reason, ()) for reason in ("verbatim", "exact"))
        _, distance = trace.meaning.get(row, (None, None))
        position = found.positions.get(row) if trace is found.of_messages else None
        return relevance_floor.Result(text, peer_id, distance, row in trace.words, is_exact, position)

    results = [result(each.content, each.observed_id, each.id, found.of_conclusions) for each in found.conclusions]
    results += [result(each.content, each.peer_id, each.id, found.of_messages) for each in found.messages]
    kept = iter(relevance_floor.are_relevant(query, embedder, results))
    conclusions = [each for each in found.conclusions if next(kept)]
    return conclusions, [each for each in found.messages if next(kept)]


def _distinct(conclusions: Iterable[Conclusion]) -> list[Conclusion]:
    """One conclusion for each statement about a peer, whoever holds it."""
    return [*{(known.observed_id, known.content): known for known in reversed([*conclusions])}.values()][::-1]


def _fitted(
    conclusions: Sequence[Conclusion],
    messages: Sequence[Message],
    changes: Sequence[MessageChange],
    budget: int,
    tokens: TokenCounter,
) -> Recalled:
    notes: dict[str, str] = {}
    for change in changes:
        became = "" if change.content is None else f": {tokens.trim(change.content, MOST_NOTE)}"
        note = f" ({NOTES[change.kind]}, {clock.day(change.at)}{became})"
        notes[change.message_id] = notes.get(change.message_id, "") + note

    def said_line(said: Message, content: str) -> str:
        return _said_line(said, content, notes.get(said.id, ""))

    spoken_cost = sum(min(each.token_count, budget // 2) + LINE_TOKENS for each in messages)
    room = max(int(budget * SHARE), budget - spoken_cost)
    known, stated = _section(KNOWN, conclusions, _known_line, room, tokens)
    quoted = [each.content for each in stated]
    others = [each for each in messages if not any(each.content.strip() in content for content in quoted)]
    spoken_text, spoken = _section(SAID, others, said_line, budget - tokens.count(known), tokens)
    text = f"{known}\n{spoken_text}".strip("\n")
    ids = {each.id for each in spoken}
    return Recalled(text, tokens.count(text), stated, spoken, [each for each in changes if each.message_id in ids])


def _section(
    heading: str, items: Sequence[T], line_of: Callable[[T, str], str], room: int, tokens: TokenCounter
) -> tuple[str, list[T]]:
    """The lines that fit, below the heading, and their items. One that alone takes half of the room is truncated."""
    lines, kept = [f"{heading}\n"], []
    left = room - tokens.count(lines[0]) - 1  # for the blank line
    for item in items:
        line = line_of(item, tokens.trim(item.content, room // 2))
        if (cost := tokens.count(line)) <= left:
            left -= cost
            lines.append(line)
            kept.append(item)
    return ("".join(lines), kept) if kept else ("", [])


def _known_line(known: Conclusion, content: str) -> str:
    return f"- {clock.day(known.said_at, known.utc_offset)} {content} [conclusion {known.id}]\n"


def _said_line(said: Message, content: str, note: str) -> str:
    day = clock.day(said.created_at, said.utc_offset)
    return f"- {day} {said.peer_id} in {said.session_id}: {content}{note} [message {said.id}]\n"
