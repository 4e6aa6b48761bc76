"""The bundles that a caller puts into a prompt: what is known about a peer, and what a session comes down to."""

from __future__ import annotations

from dataclasses import dataclass

from omoide.inference.tokens import TokenCounter
from omoide.reasoning.context import choose_messages, choose_summary
from omoide.reasoning.recall import Recall, recall
from omoide.reasoning.representation import render
from omoide.records import Message, Summary
from omoide.search.conclusions import Finder
from omoide.store import Connection, Store, cards, messages, summaries

MAX_CONTEXT_TOKENS = 100_000
"""The budget of a session's context where none is given; the document admits no more."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about somebody. The card is None where there is none or where it may not be shown."""

    representation: str
    card: list[str] | None


@dataclass(frozen=True, slots=True)
class SessionContext:
    messages: list[Message]
    summary: Summary | None
    known: Known | None


async def known_about(store: Store, finder: Finder, wanted: Recall) -> Known:
    """Representation and card. A card mixes sessions, so a read restricted to sessions has none.

    Raises NotFound without such an observer, unless the read is restricted.
    """
    card = None
    if wanted.sessions is None:
        card = store.read(cards.get, wanted.workspace_id, wanted.observer_id, wanted.observed_id)
    return Known(render(await recall(store, finder, wanted)), card)


async def session_context(
    store: Store,
    finder: Finder,
    tokens: TokenCounter,
    workspace_id: str,
    session_id: str,
    *,
    budget: int,
    with_summary: bool,
    wanted: Recall | None,
) -> SessionContext:
    """What fits into `budget` tokens: what is known about the target first, then a summary, then messages.

    Raises NotFound as `known_about` does. A session that does not exist has no messages.
    """
    known = None
    if wanted is not None:
        known = await known_about(store, finder, wanted)
        budget -= tokens.count(known.representation) + sum(tokens.count(line) for line in known.card or ())
    if budget <= 0:
        return SessionContext([], None, known)
    summary, chosen = await store.read_aside(_said, workspace_id, session_id, budget, tokens, with_summary=with_summary)
    return SessionContext(chosen, summary, known)


def _said(
    db: Connection, workspace_id: str, session_id: str, budget: int, tokens: TokenCounter, *, with_summary: bool
) -> tuple[Summary | None, list[Message]]:
    """A summary, and the newest messages after it, within the budget."""
    summary = choose_summary(summaries.of_session(db, workspace_id, session_id), budget) if with_summary else None
    left = budget - (summary.token_count if summary else 0)
    walk = messages.newest_first(db, workspace_id, session_id, summary.seq if summary else 1)
    return summary, choose_messages(walk, left, trim=tokens.trim, count=tokens.count)
