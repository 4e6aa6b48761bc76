"""The context of a session, of a peer, or of both, as one text within a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from omoide.core import clock
from omoide.core.offload import offload
from omoide.core.records import Message
from omoide.inference.tokens import TokenCounter
from omoide.services.container import Services
from omoide.services.context_builder import SessionContext, SessionContextRequest, session_context
from omoide.services.selection import Selection
from omoide.storage import peers

NO_SESSION = ""
"""The id of no session: it has no messages and no summary."""
MESSAGES = "## Messages\n\n"


@dataclass(frozen=True, slots=True)
class ContextRequest:
    """Whose context is wanted: of a session, of what is known about the observed peer, or of both."""

    workspace_id: str
    budget: int
    """Tokens."""
    session_id: str | None = None
    selection: Selection | None = None


class ContextText(NamedTuple):
    """The context; empty if nothing is known."""

    text: str
    token_count: int


async def memory_context(services: Services, request: ContextRequest) -> ContextText:
    """Return what is known, a summary and the newest messages. About a peer that does not exist nothing is known."""
    selection = request.selection
    if selection is not None:
        observer = await services.store.read(peers.find, request.workspace_id, selection.observer_id)
        selection = None if observer is None else selection
    wanted = SessionContextRequest(
        request.workspace_id, request.session_id or NO_SESSION, request.budget, selection=selection
    )
    found = await session_context(services, wanted)
    about = "" if selection is None else selection.observed_id
    return await offload(_within, about, found, request.budget, services.tokens)


def _within(about: str, found: SessionContext, budget: int, tokens: TokenCounter) -> ContextText:
    sections = [*_sections(about, found)]
    remaining = budget - sum(map(tokens.count, sections)) - len(sections)  # for the blank lines
    if lines := _newest(found.messages, remaining - tokens.count(MESSAGES), tokens):
        sections.append(MESSAGES + "".join(lines))
    text = tokens.trim("\n\n".join(section.strip("\n") for section in sections), budget)
    return ContextText(text, tokens.count(text))


def _sections(about: str, found: SessionContext) -> Iterator[str]:
    known = found.known
    if known is not None and known.card:
        yield "".join([f"## Card of {about}\n\n", *(f"- {line}\n" for line in known.card)])
    if known is not None and known.representation:
        yield known.representation
    if found.summary is not None:
        yield f"## Summary\n\n{found.summary.content}\n"


def _newest(messages: Sequence[Message], room: int, tokens: TokenCounter) -> list[str]:
    """The lines of the newest messages that fit, oldest first."""
    lines: list[str] = []
    for message in reversed(messages):
        line = f"- {clock.day(message.created_at, message.utc_offset)} {message.peer_id}: {message.content.strip()}\n"
        if (cost := tokens.count(line)) > room:
            break
        room -= cost
        lines.append(line)
    return lines[::-1]
