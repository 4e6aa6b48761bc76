"""Recall: conclusions and messages for a query, in one text within a budget of tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from omoide.core import clock
from omoide.core.offload import offload
from omoide.core.records import Conclusion, Message
from omoide.inference.tokens import TokenCounter
from omoide.search import conclusions as conclusion_index
from omoide.search import messages as message_index
from omoide.services.container import Services
from omoide.storage.conclusion_search import ConclusionSearch
from omoide.storage.message_scope import MessageSearch

T = TypeVar("T", Conclusion, Message)

MOST = 50
"""Maximum number of conclusions, and of messages."""
KNOWN, SAID = "## Known", "## Said"
SHARE = 2 / 3
"""Of the budget that conclusions may take."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """What was found and fits, best first."""

    text: str
    token_count: int
    conclusions: list[Conclusion]
    messages: list[Message]


async def recall(
    services: Services, workspace_id: str, query: str, peer_id: str | None, session_id: str | None, budget: int
) -> Recalled:
    """Search conclusions and messages, and keep what fits. Raises Unprocessable as the searches do."""
    sessions = None if session_id is None else (session_id,)
    known = ConclusionSearch(workspace_id, query, MOST, observed_id=peer_id, sessions=sessions)
    said = MessageSearch(workspace_id, query, MOST, session_id=session_id, member=peer_id)
    conclusions = await conclusion_index.search(services.store, services.finder, known)
    messages = await message_index.search(services.store, services.finder, said)
    return await offload(_fitted, _distinct(conclusions), messages, budget, services.tokens)


def _distinct(conclusions: Iterable[Conclusion]) -> list[Conclusion]:
    """One conclusion for each statement about a peer, whoever holds it."""
    return [*{(known.observed_id, known.content): known for known in reversed([*conclusions])}.values()][::-1]


def _fitted(
    conclusions: Sequence[Conclusion], messages: Sequence[Message], budget: int, tokens: TokenCounter
) -> Recalled:
    room = int(budget * SHARE) if messages else budget
    known, stated = _section(KNOWN, conclusions, _known_line, room, tokens)
    said, spoken = _section(SAID, messages, _said_line, budget - tokens.count(known), tokens)
    text = f"{known}\n{said}".strip("\n")
    return Recalled(text, tokens.count(text), stated, spoken)


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


def _said_line(said: Message, content: str) -> str:
    day = clock.day(said.created_at, said.utc_offset)
    return f"- {day} {said.peer_id} in {said.session_id}: {content} [message {said.id}]\n"
