"""The bundles that a caller puts into a prompt: what is known about a peer, and what a session comes down to."""

from __future__ import annotations

from dataclasses import dataclass

from omoide.aside import aside
from omoide.inference.tokens import TokenCounter
from omoide.reasoning.context import choose_messages, choose_summary
from omoide.reasoning.recall import Recall, recall
from omoide.reasoning.representation import render
from omoide.records import Message, Summary
from omoide.search.conclusions import Finder
from omoide.store import Connection, Store, answer_size, cards, messages, summaries

MAX_CONTEXT_TOKENS = 100_000
"""The budget of a session's context where none is given; the document admits no more."""

COUNT_ON_LOOP_CHARACTERS = 20_000
"""What is known in fewer characters than this is counted on the event loop: some milliseconds."""


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
    most_bytes: int,
    with_summary: bool,
    wanted: Recall | None,
) -> SessionContext:
    """What fits into `budget` tokens: what is known about the target first, then a summary, then messages.

    The messages end early where they would take more than `most_bytes` of an answer.

    Raises NotFound as `known_about` does. A session that does not exist has no messages.
    """
    known = None
    if wanted is not None:
        known = await known_about(store, finder, wanted)
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
    """A summary, and the newest messages after it, within the budget and `most_bytes` of an answer."""
    summary = choose_summary(summaries.of_session(db, workspace_id, session_id), budget) if with_summary else None
    left = budget - (summary.token_count if summary else 0)
    walk = messages.newest_first(db, workspace_id, session_id, summary.seq if summary else 1)
    walk = answer_size.within(walk, most_bytes)
    return summary, choose_messages(walk, left, trim=tokens.trim, count=tokens.count)


async def _tokens_of(tokens: TokenCounter, known: Known) -> int:
    texts = [known.representation, *(known.card or ())]
    if tokens.is_loaded and sum(map(len, texts)) <= COUNT_ON_LOOP_CHARACTERS:
        return sum(map(tokens.count, texts))
    return await aside(sum, map(tokens.count, texts))
