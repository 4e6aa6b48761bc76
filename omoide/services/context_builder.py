"""Build the contexts that callers put into prompts: a peer's representation and card, a session's context."""

from __future__ import annotations

from dataclasses import dataclass

from omoide.core.offload import offload
from omoide.core.records import Message, Summary
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.representation import render
from omoide.reasoner.token_budget import choose_messages, choose_summary
from omoide.search.conclusions import Finder
from omoide.services.selection import Selection, select_conclusions
from omoide.storage import Connection, Store, cards, messages, response_size, summaries

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


async def peer_context(store: Store, finder: Finder, wanted: Selection) -> PeerContext:
    """Return representation and card. Cards mix sessions, so a read restricted to sessions returns none.

    Raises NotFound if the observer does not exist, unless the read is restricted.
    """
    card = None
    if wanted.sessions is None:
        card = store.read(cards.get, wanted.workspace_id, wanted.observer_id, wanted.observed_id)
    return PeerContext(render(await select_conclusions(store, finder, wanted)), card)


async def session_context(
    store: Store,
    finder: Finder,
    tokens: TokenCounter,
    workspace_id: str,
    session_id: str,
    *,
    budget: int,
    most_bytes: int,
    with_summary: bool,
    wanted: Selection | None,
) -> SessionContext:
    """Fill `budget` tokens: representation and card of the target first, then a summary, then messages.

    Messages are limited to `most_bytes` of the response as well. A session that does not exist has none.

    Raises NotFound as `peer_context` does.
    """
    known = None
    if wanted is not None:
        known = await peer_context(store, finder, wanted)
        budget -= await _tokens_of(tokens, known)
    if budget <= 0:
        return SessionContext([], None, known)
    summary, chosen = await store.read_aside(
        _said, workspace_id, session_id, budget, tokens, most_bytes, with_summary=with_summary
    )
    return SessionContext(chosen, summary, known)


def _said(
    db: Connection,
    workspace_id: str,
    session_id: str,
    budget: int,
    tokens: TokenCounter,
    most_bytes: int,
    *,
    with_summary: bool,
) -> tuple[Summary | None, list[Message]]:
    """Return a summary and the newest messages after it, within `budget` tokens and `most_bytes` of the response."""
    summary = choose_summary(summaries.of_session(db, workspace_id, session_id), budget) if with_summary else None
    remaining = budget - (summary.token_count if summary else 0)
    walk = messages.newest_first(db, workspace_id, session_id, summary.seq if summary else 1)
    walk = response_size.within(walk, most_bytes)
    return summary, choose_messages(walk, remaining, trim=tokens.trim, count=tokens.count)


async def _tokens_of(tokens: TokenCounter, known: PeerContext) -> int:
    texts = [known.representation, *(known.card or ())]
    if tokens.is_loaded and sum(map(len, texts)) <= COUNT_ON_LOOP_CHARACTERS:
        return sum(map(tokens.count, texts))
    return await offload(sum, map(tokens.count, texts))
