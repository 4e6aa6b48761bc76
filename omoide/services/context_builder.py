"""Build the contexts that callers put into prompts: a peer's representation and card, a session's context."""

from __future__ import annotations

from dataclasses import dataclass

from omoide.core.offload import offload
from omoide.core.records import NOW, Message, Moment, Summary
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.representation import render
from omoide.reasoner.token_budget import choose_messages, choose_summary
from omoide.services.container import Services
from omoide.services.selection import Selection, select_conclusions
from omoide.storage import Transaction, cards, messages, response_size, summaries

MAX_CONTEXT_TOKENS = 100_000
"""Default and maximum token budget of a session context."""

COUNT_ON_LOOP_CHARACTERS = 20_000
"""Shorter texts are counted on the event loop, which takes some milliseconds."""


@dataclass(frozen=True, slots=True)
class PeerContext:
    """Representation and card of a peer. The card is None if there is none or it may not be shown."""

    representation: str
    card: list[str] | None


@dataclass(frozen=True, slots=True)
class SessionContext:
    messages: list[Message]
    summary: Summary | None
    known: PeerContext | None


@dataclass(frozen=True, slots=True)
class SessionContextRequest:
    """Request for the context of a session, of at most `budget` tokens."""

    workspace_id: str
    session_id: str
    budget: int = MAX_CONTEXT_TOKENS
    with_summary: bool = True
    selection: Selection | None = None
    """What to tell about the target; None without a target."""
    moment: Moment = NOW
    """Leave out messages that came after `as_of`, and summaries of them."""


async def peer_context(services: Services, selection: Selection) -> PeerContext:
    """Return representation and card. Cards mix sessions, so a read restricted to sessions returns none.

    Cards tell what holds now, so a read about another time returns none either.

    Raises NotFound if the observer does not exist, unless the read is restricted.
    """
    card = None
    if selection.sessions is None and selection.moment == NOW:
        card = await services.store.read(
            cards.get, selection.workspace_id, selection.observer_id, selection.observed_id
        )
    return PeerContext(render(await select_conclusions(services.store, services.finder, selection)), card)


async def session_context(services: Services, request: SessionContextRequest) -> SessionContext:
    """Fill the budget: representation and card of the target first, then a summary, then messages.

    Messages are limited to the setting `max_answer_bytes` as well. A session that does not exist has none.

    Raises NotFound as `peer_context` does.
    """
    known, remaining = None, request.budget
    if request.selection is not None:
        known = await peer_context(services, request.selection)
        remaining -= await _tokens_of(services.tokens, known)
    if remaining <= 0:
        return SessionContext([], None, known)
    summary, chosen = await services.store.read_offloaded(_history, services, request, remaining)
    return SessionContext(chosen, summary, known)


def _history(
    db: Transaction, services: Services, request: SessionContextRequest, remaining: int
) -> tuple[Summary | None, list[Message]]:
    """Return a summary and the newest messages after it, within the remaining tokens and the size of a response."""
    summary = None
    if request.with_summary:
        kept = summaries.known(summaries.of_session(db, request.workspace_id, request.session_id), request.moment)
        summary = choose_summary(kept, remaining)
    remaining -= summary.token_count if summary else 0
    walk = messages.newest_first(db, request.workspace_id, request.session_id, summary.seq if summary else 1)
    walk = messages.known(walk, request.moment)
    walk = response_size.within(walk, services.settings.max_answer_bytes)
    return summary, choose_messages(walk, remaining, trim=services.tokens.trim, count=services.tokens.count)


async def _tokens_of(tokens: TokenCounter, known: PeerContext) -> int:
    texts = [known.representation, *(known.card or ())]
    if tokens.is_loaded and sum(map(len, texts)) <= COUNT_ON_LOOP_CHARACTERS:
        return sum(map(tokens.count, texts))
    return await offload(sum, map(tokens.count, texts))
