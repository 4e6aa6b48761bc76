"""Ask a reasoner: collect the cards and configuration for a question, and stream the answer.

Reads for the answer go through `MemoryView`, which enforces the reach. Callers check authorization.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from omoide.core import clock
from omoide.core.config_resolution import Defaults, ResolvedConfig, resolve
from omoide.core.errors import NotFound
from omoide.core.records import NOW, Json
from omoide.reasoner.evidence import Evidence
from omoide.reasoner.memory_view import MemoryScope, MemoryView
from omoide.reasoner.protocol import Question, Reasoner, ReasoningLevel
from omoide.services import spending
from omoide.services.container import Services
from omoide.storage import Store, Transaction, budgets, cards, observer_queries, peers, sessions, workspaces
from omoide.storage.conclusion_reach import Reach


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A caller's question. `structured.check` has accepted the `response_format`."""

    reach: MemoryScope
    query: str
    level: ReasoningLevel = "low"
    response_format: Json | None = None
    semantic_query: str | None = None
    is_streamed: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in progress."""

    pieces: AsyncGenerator[str, None]
    """The text, can be iterated once; yields nothing if there is no answer. Raises the reasoner's exceptions."""
    evidence: Evidence
    """The records read for the answer; complete after the last piece. For a peer's key they name only messages that it
    may read."""


async def check_target(store: Store, workspace_id: str, peer_id: str) -> None:
    """Raise NotFound if the peer that the question is about does not exist."""
    if await store.read(peers.find, workspace_id, peer_id) is None:
        raise NotFound(f"Peer {peer_id} not found in workspace {workspace_id}")


async def check_session(store: Store, workspace_id: str, session_id: str) -> None:
    """Raise NotFound if the session that the question is pinned to does not exist."""
    await store.read(sessions.get, workspace_id, session_id)


async def ask(services: Services, inquiry: Inquiry) -> Answer:
    """Return a lazy answer: the reasoner starts when the first piece is requested."""
    memory = MemoryView(services.store, services.finder, services.tokens, inquiry.reach, services.reranker)
    question = await services.store.read(_question, inquiry, services.policy.defaults)
    has_budget = await services.store.read(_has_budget, inquiry.reach.workspace_id)
    reasoner = services.reasoner if has_budget else services.embedded
    return Answer(_pieces(services, reasoner, question, memory), memory.evidence)


def _has_budget(db: Transaction, workspace_id: str) -> bool:
    """Whether a model may be asked. Without, the embedded reasoner answers, which spends nothing."""
    workspace = workspaces.pk_of(db, workspace_id)
    return workspace is None or budgets.paused_until(db, workspace, clock.now()) is None


async def _pieces(
    services: Services, reasoner: Reasoner, question: Question, memory: MemoryView
) -> AsyncGenerator[str, None]:
    """Yield the reasoner's text without empty pieces; white space is held back until text follows it."""
    try:
        async with aclosing(_text(reasoner, question, memory)) as pieces:
            async for piece in pieces:
                yield piece
    finally:
        await spending.settle(services)
    reach, evidence = memory.reach, memory.evidence
    if reach.reader is not None and (named := evidence.message_ids() - evidence.messages.keys()):
        of_key = Reach(peer=reach.reader)
        readable = await services.store.read_offloaded(of_key.readable, reach.workspace_id, named)
        evidence.name_only(readable | evidence.messages.keys())


async def _text(reasoner: Reasoner, question: Question, memory: MemoryView) -> AsyncGenerator[str, None]:
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


def _question(db: Transaction, inquiry: Inquiry, defaults: Defaults) -> Question:
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
        moment=reach.moment,
    )


def _configuration(db: Transaction, reach: MemoryScope, defaults: Defaults) -> ResolvedConfig:
    return resolve(*observer_queries.configurations_of(db, reach.workspace_id, reach.session_id), None, defaults)


def _card(db: Transaction, reach: MemoryScope, resolved: ResolvedConfig, about: str | None) -> list[str]:
    """Return the observer's card about a peer.

    Cards mix sessions and tell what holds now: empty if the reach is restricted to sessions or about another time.
    """
    if reach.moment != NOW:
        return []
    if reach.observer_id is None or about is None or reach.sessions is not None or not resolved.peer_card_use:
        return []
    if peers.find(db, reach.workspace_id, reach.observer_id) is None:
        return []
    return cards.get(db, reach.workspace_id, reach.observer_id, about) or []
