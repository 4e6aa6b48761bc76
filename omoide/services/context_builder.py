"""Build the contexts that callers put into prompts: a peer's representation and card, a session's context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from omoide.core.config_resolution import resolve
from omoide.core.offload import offload
from omoide.core.records import NOW, Conclusion, Message, Moment, Summary
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.representation import render, within
from omoide.reasoner.token_budget import choose_lines, choose_messages, choose_summary, reserved
from omoide.services.container import Services
from omoide.services.selection import Selection, select_conclusions
from omoide.storage import Transaction, cards, messages, observer_queries, response_size, summaries

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
class ContextCosts:
    """The tokens of each part of a context, as its budget counts them."""

    messages: int
    summary: int
    representation: int
    card: int
    budget: int

    @property
    def total(self) -> int:
        return self.messages + self.summary + self.representation + self.card


@dataclass(frozen=True, slots=True)
class SessionContext:
    messages: list[Message]
    summary: Summary | None
    known: PeerContext | None
    costs: ContextCosts | None = None
    """None: they were not asked for."""


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
    with_costs: bool = False


async def peer_context(services: Services, selection: Selection, budget: int | None = None) -> PeerContext:
    """Return representation and card. Cards mix sessions, so a read restricted to sessions returns none.

    Cards tell what holds now, so a read about another time returns none either. Beyond `budget` tokens both are cut at
    their ends; a card takes at most half of it.

    Raises NotFound if the observer does not exist, unless the read is restricted.
    """
    card = await _card(services, selection)
    conclusions = await select_conclusions(services, selection)
    whole = PeerContext(render(conclusions), card)
    if budget is None or sum(costs := await _costs(services.tokens, whole)) <= budget:
        return whole
    return await offload(_cut, services.tokens, card or (), conclusions, costs[0], budget)


async def session_context(services: Services, request: SessionContextRequest) -> SessionContext:
    """Share the budget among representation and card of the target, a summary, and messages; see `token_budget`.

    Messages are limited to the setting `max_answer_bytes` as well. A session that does not exist has none. Without a
    budget everything is empty.

    Raises NotFound as `peer_context` does.
    """
    context = await _within_budget(services, request)
    if not request.with_costs:
        return context
    summary = context.summary.token_count if context.summary else 0
    spoken = sum(message.token_count for message in context.messages)
    representation, *lines = await _costs(services.tokens, context.known) or (0,)
    return replace(context, costs=ContextCosts(spoken, summary, representation, sum(lines), max(0, request.budget)))


async def _within_budget(services: Services, request: SessionContextRequest) -> SessionContext:
    card, conclusions = None, None
    if request.selection is not None:
        card = await _card(services, request.selection)
        conclusions = await select_conclusions(services, request.selection)
    whole = None if conclusions is None else PeerContext(render(conclusions), card)
    costs = await _costs(services.tokens, whole)
    remaining = request.budget - reserved(sum(costs), max(request.budget, 0))
    if remaining <= 0:
        return SessionContext([], None, whole and PeerContext("", None))
    summary, chosen = await services.store.read_offloaded(_history, services, request, remaining)
    used = (summary.token_count if summary else 0) + sum(message.token_count for message in chosen)
    if whole is None or conclusions is None or sum(costs) <= request.budget - used:
        return SessionContext(chosen, summary, whole)
    known = await offload(_cut, services.tokens, card or (), conclusions, costs[0], request.budget - used)
    return SessionContext(chosen, summary, known)


async def _card(services: Services, selection: Selection) -> list[str] | None:
    if selection.sessions is not None or selection.moment != NOW:
        return None
    pair = (selection.observer_id, selection.observed_id)
    return await services.store.read(cards.get, selection.workspace_id, *pair)


def _cut(
    tokens: TokenCounter, card: Sequence[str], conclusions: Sequence[Conclusion], cost: int, room: int
) -> PeerContext:
    """Return the first lines of the card and the first conclusions that fit into the room; all of these cost `cost`."""
    lines = choose_lines(card, room, cost, count=tokens.count)
    rest = room - sum(map(tokens.count, lines))
    return PeerContext(render(conclusions) if cost <= rest else within(conclusions, rest, tokens.count), lines or None)


def _history(
    db: Transaction, services: Services, request: SessionContextRequest, remaining: int
) -> tuple[Summary | None, list[Message]]:
    """Return a summary and the newest messages after it, within the remaining tokens and the size of a response."""
    summary = None
    if request.with_summary:
        kept = summaries.known(summaries.of_session(db, request.workspace_id, request.session_id), request.moment)
        summary = choose_summary(kept, remaining)
    remaining -= summary.token_count if summary else 0
    since = _since(db, services, request, summary.seq) if summary else 1
    walk = messages.newest_first(db, request.workspace_id, request.session_id, since)
    walk = messages.known(walk, request.moment)
    walk = response_size.within(walk, services.settings.max_answer_bytes)
    return summary, choose_messages(walk, remaining, trim=services.tokens.trim, count=services.tokens.count)


def _since(db: Transaction, services: Services, request: SessionContextRequest, seq: int) -> int:
    """The position of the first message that follows a summary: the last one that it covers, as in the public API.

    One that was made in between, because the session was quiet, counts as if it had been made at its interval, so that
    the end of the conversation is there in full.
    """
    stored = observer_queries.configurations_of(db, request.workspace_id, request.session_id)
    config = resolve(*stored, None, services.policy.defaults)
    short, long = config.messages_per_short_summary, config.messages_per_long_summary
    return max(1, seq if seq % long == 0 else seq - seq % short)


async def _costs(tokens: TokenCounter, known: PeerContext | None) -> Sequence[int]:
    """The tokens of the representation and of each line of the card."""
    if known is None:
        return ()
    texts = [known.representation, *(known.card or ())]
    if tokens.is_loaded and sum(map(len, texts)) <= COUNT_ON_LOOP_CHARACTERS:
        return [*map(tokens.count, texts)]
    return await offload(lambda: [*map(tokens.count, texts)])
