"""A question asked of a reasoner: how far it reaches, what it is given beforehand, and the answer as it comes.

What is read for the answer goes through `Memory`, which keeps to the reach. Who may ask what is decided by callers.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from omoide.errors import NotFound
from omoide.inference.tokens import TokenCounter
from omoide.reasoning.configuration import Defaults, Resolved, resolve
from omoide.reasoning.evidence import Evidence
from omoide.reasoning.memory import Memory, Reach
from omoide.reasoning.reasoner import Question, Reasoner, ReasoningLevel
from omoide.records import Json
from omoide.search.finder import VectorFinder
from omoide.store import Connection, Store, cards, observing, peers, sessions


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What a caller asks. `response_format` is one that `structured.check` has admitted."""

    reach: Reach
    query: str
    level: ReasoningLevel = "low"
    response_format: Json | None = None
    semantic_query: str | None = None
    is_streamed: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is still to come."""

    pieces: AsyncGenerator[str, None]
    """Its text, to be read once; none of them where there is no answer. Raises what the reasoner raises."""
    evidence: Evidence
    """What was read for it: all of it once the last piece has come."""


def check_target(store: Store, workspace_id: str, peer_id: str) -> None:
    """Raise NotFound unless there is such a peer to ask about."""
    if store.read(peers.find, workspace_id, peer_id) is None:
        raise NotFound(f"Peer {peer_id} not found in workspace {workspace_id}")


def check_session(store: Store, workspace_id: str, session_id: str) -> None:
    """Raise NotFound unless there is such a session to be pinned to."""
    store.read(sessions.get, workspace_id, session_id)


def ask(
    store: Store, finder: VectorFinder, tokens: TokenCounter, reasoner: Reasoner, defaults: Defaults, inquiry: Inquiry
) -> Answer:
    """The answer, on which no work is done before its first piece is asked for."""
    memory = Memory(store, finder, tokens, inquiry.reach)
    question = store.read(_question, inquiry, defaults)
    return Answer(_pieces(reasoner, question, memory), memory.evidence)


async def _pieces(reasoner: Reasoner, question: Question, memory: Memory) -> AsyncGenerator[str, None]:
    """What the reasoner says, without empty pieces; what is blank waits until something follows it."""
    blank = ""
    said = reasoner.answer(question, memory)
    try:
        async for piece in said:
            blank += piece
            if blank and not blank.isspace():
                yield blank
                blank = ""
    finally:
        if (close := getattr(said, "aclose", None)) is not None:
            await close()


def _question(db: Connection, inquiry: Inquiry, defaults: Defaults) -> Question:
    reach = inquiry.reach
    resolved = _configuration(db, reach, defaults)
    is_about_others = reach.observer_id != reach.observed_id
    return Question(
        inquiry.query,
        reach.observer_id,
        reach.observed_id,
        inquiry.level,
        reach.session_id,
        inquiry.response_format,
        instructions=resolved.dialectic_instructions,
        observer_card=_card(db, reach, resolved, reach.observer_id) if is_about_others else [],
        target_card=_card(db, reach, resolved, reach.observed_id),
        semantic_query=inquiry.semantic_query,
        is_streamed=inquiry.is_streamed,
    )


def _configuration(db: Connection, reach: Reach, defaults: Defaults) -> Resolved:
    return resolve(*observing.configurations_of(db, reach.workspace_id, reach.session_id), None, defaults)


def _card(db: Connection, reach: Reach, resolved: Resolved, about: str | None) -> list[str]:
    """What the observer keeps about somebody. A card mixes sessions, so a reach restricted to sessions has none."""
    if reach.observer_id is None or about is None or reach.sessions is not None or not resolved.peer_card_use:
        return []
    if peers.find(db, reach.workspace_id, reach.observer_id) is None:
        return []
    return cards.get(db, reach.workspace_id, reach.observer_id, about) or []
