"""Reads of a `MemoryView` within one transaction."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from omoide.core.index_text import literal_text
from omoide.core.records import Conclusion, Message, Moment
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.evidence import Evidence, Likeness, Snippet
from omoide.reasoner.excerpts import Hit, excerpts
from omoide.reasoner.token_budget import choose_messages
from omoide.search.semantic import SemanticSearch
from omoide.search.vector_group import Group
from omoide.storage import Store, Transaction, conclusion_search, message_scope, message_search, messages, waiting_units
from omoide.storage.conclusion_search import ConclusionSearch
from omoide.storage.message_scope import MessageScope, MessageSearch

T = TypeVar("T")
AROUND = 20
"""Tokens of a line of a prompt in addition to the content: its name, level and time."""
UNITS_MOST = 20
"""Units of waiting work whose messages are read."""
_NONE: Any = object()


def chain(
    db: Transaction, request: ConclusionSearch, id: str, direction: conclusion_search.Direction
) -> list[Conclusion] | None:
    within = conclusion_search.resolve(db, request)
    return None if within is None else conclusion_search.chain(db, within, id, direction, request.limit)


def said(db: Transaction, request: MessageSearch, *, oldest_first: bool, past: str | None) -> list[Message]:
    """The first or last messages by the time they were said, then by arrival; those past the message `past`, if any."""
    within = message_scope.resolve(db, request)
    if within is None:
        return []
    pks = message_search.newest(db, within, request.limit, oldest_first=oldest_first, past=past)
    return message_search.fetch(db, pks)


def containing(db: Transaction, request: MessageSearch, window: int, *, words_first: bool) -> list[Snippet]:
    """The newest messages that contain the query literally, with their neighbours.

    `words_first`: parts of words count only if no message has whole ones.
    """
    within = message_scope.resolve(db, request)
    if within is None:
        return []
    pks = message_search.literal(db, within, request.query, request.limit, words_first=words_first)
    hits = message_search.fetch(db, pks)
    return snippets(db, within, [hit.id for hit in hits], window)


def named(db: Transaction, request: MessageSearch, ids: Sequence[str]) -> list[Snippet]:
    """The messages of these ids that are within reach, each with the one before and after it."""
    return snippets(db, message_scope.resolve(db, request), ids, 1)


def snippets(db: Transaction, within: MessageScope | None, ids: Sequence[str], window: int) -> list[Snippet]:
    """The messages of these ids that are within reach, best first, with their neighbours."""
    if within is None:
        return []
    positions = message_search.positions(db, within, ids)
    selected = excerpts([Hit(id, *positions[id]) for id in ids if id in positions], window)
    by_stretch = message_search.stretches(db, within, [each.stretch for each in selected])
    shown = [(by_stretch[each.stretch], each.found) for each in selected]
    return [Snippet(some[0].session_id, some, matches) for some, matches in shown if some]


def around(db: Transaction, request: MessageSearch, ids: Sequence[str], window: int) -> list[Snippet]:
    """The messages of these ids that are within reach, best first, with their neighbours."""
    return snippets(db, message_scope.resolve(db, request), ids, window)


def newest(
    db: Transaction, session: tuple[str, str], moment: Moment, budget: int, tokens: TokenCounter
) -> list[Message]:
    """The newest messages of a session, named with its workspace, that fit into the budget, oldest first."""
    walk = messages.known(messages.newest_first(db, *session, 1), moment)
    return choose_messages(walk, budget, trim=tokens.trim, count=tokens.count)


def whole(db: Transaction, request: MessageSearch, budget: int) -> list[Message] | None:
    """All messages within reach, oldest first; None if they exceed the request's limit or the budget in tokens."""
    within = message_scope.resolve(db, request)
    if within is None:
        return []
    pks = message_search.newest(db, within, request.limit + 1)
    if len(pks) > request.limit:
        return None
    found = message_search.fetch(db, pks)[::-1]
    return found if sum(each.token_count + AROUND for each in found) <= budget else None


def unprocessed(
    db: Transaction, request: MessageSearch, observed_id: str | None, budget: int, tokens: TokenCounter
) -> list[Message]:
    """The newest messages within reach from which nothing has been concluded yet, with those between and before them,
    as many as fit into the budget; oldest first."""
    within = message_scope.resolve(db, request)
    if within is None:
        return []
    units = waiting_units.newest(db, request.workspace_id, observed_id, UNITS_MOST)
    ends = [each._replace(first=max(1, each.first - 1, each.last - request.limit)) for each in units]
    found = itertools.chain.from_iterable(message_search.stretches(db, within, ends).values())
    said = sorted({each.id: each for each in found}.values(), key=lambda message: message.created_at)
    return choose_messages(reversed(said), budget, trim=tokens.trim, count=tokens.count)


async def likeness(store: Store, finder: SemanticSearch, request: MessageSearch, text: str, read: Evidence) -> Likeness:
    """The likeness of the text and the messages and conclusions that were read."""
    vector, index = await finder.query_vector(text), finder.index
    if vector is None:
        return Likeness()

    def cosines(db: Transaction) -> dict[str, float]:
        within = message_scope.resolve(db, request)
        if within is None:
            return {}
        messages = message_search.pks_of(db, within, [*read.messages])
        conclusions = {each.pk: id for id, each in read.conclusions.items()}
        of_messages = index.likeness(db, Group("messages", within.workspace), [*messages], vector)
        of_conclusions = index.likeness(
            db, Group("conclusions", within.workspace, with_ended=True), [*conclusions], vector
        )
        found = {messages[pk]: cosine for pk, cosine in of_messages.items()}
        return found | {conclusions[pk]: cosine for pk, cosine in of_conclusions.items()}

    return Likeness(index.embedder, await store.read_offloaded(cosines))


def in_turn(rankings: Sequence[Sequence[T]]) -> Iterator[T]:
    """The best of each ranking, then the second of each, and so on."""
    places = itertools.zip_longest(*rankings, fillvalue=_NONE)
    return (each for place in places for each in place if each is not _NONE)


def distinct(conclusions: Iterable[Conclusion], *, of_all_observers: bool) -> list[Conclusion]:
    """Each conclusion once; with `of_all_observers`, what several of them know about a peer once, by the peer itself if
    it is one of them."""
    kept: dict[tuple[str, str], Conclusion] = {}
    for each in conclusions:
        key = (each.observed_id, literal_text(each.content)) if of_all_observers else ("", each.id)
        if key not in kept or each.observer_id == each.observed_id:
            kept[key] = each
    return [*kept.values()]


def within_tokens(conclusions: Iterable[Conclusion], budget: int | None, tokens: TokenCounter) -> list[Conclusion]:
    """The best that fit into the budget; one that is too long for what remains of it is left out."""
    if budget is None:
        return [*conclusions]
    kept = []
    for each in conclusions:
        cost = tokens.count(each.content) + AROUND
        if cost <= budget:
            kept.append(each)
            budget -= cost
    return kept
