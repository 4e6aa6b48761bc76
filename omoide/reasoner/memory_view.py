"""Read access for a reasoner while it answers or dreams.

There is one `MemoryView` per question. It adds the question's reach (observer, observed, sessions) to every query, so
no prompt injection can widen it. Everything returned to the reasoner is recorded as evidence.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from omoide.core.clock import from_micros
from omoide.core.records import NOW, Conclusion, Json, Message, Moment
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.evidence import Evidence, Snippet, ToolCall
from omoide.reasoner.excerpts import Hit, excerpts
from omoide.reasoner.token_budget import choose_messages
from omoide.search.conclusions import search as search_conclusions
from omoide.search.messages import search_then
from omoide.search.query import Query
from omoide.search.semantic import SemanticSearch
from omoide.storage import (
    Store,
    Transaction,
    conclusion_search,
    ended_texts,
    members,
    message_scope,
    message_search,
    messages,
    summaries,
)
from omoide.storage.conclusion_search import ConclusionScope, ConclusionSearch
from omoide.storage.ended_texts import MessageStatement
from omoide.storage.message_scope import MessageScope, MessageSearch

__all__ = ["Evidence", "MemoryScope", "MemoryView", "Snippet", "ToolCall"]

# Defaults and limits of the tools: public description of the API.
MEMORY_DEFAULT, MEMORY_MOST = 20, 40
MESSAGES_DEFAULT, MESSAGES_MOST = 10, 20
POOL_MOST = 100
"""Messages of a pool that is ranked further."""
GREP_DEFAULT, GREP_MOST = 10, 30
RECENT_DEFAULT, RECENT_MOST = 10, 100
NEIGHBOURS = 2
"""Maximum number of messages shown before and after a match."""
HISTORY_MOST = 16_384
"""Maximum tokens of `get_recent_history`."""

# Our own limits, to bound the cost of a question.
NAMED_MOST = 50
"""Message ids per call of `get_observation_context`."""
CHAIN_MOST = 40
"""Conclusions per chain."""


@dataclass(frozen=True, slots=True)
class MemoryScope:
    """Scope of a question's reads, fixed when it is asked."""

    workspace_id: str
    observer_id: str | None
    """None: the whole workspace."""
    observed_id: str | None
    sessions: tuple[str, ...] | None = None
    """Restrict reads to explicit conclusions and messages of these sessions; None does not restrict conclusions."""
    session_id: str | None = None
    """Restrict messages to this session."""
    reader: str | None = None
    """The peer that the caller's key is limited to: only messages that are visible to it (`store.visibility`)."""
    moment: Moment = NOW
    """The time that the question is about: nothing that was learned, or held, later is read."""


@dataclass(frozen=True, slots=True)
class SaidBetween:
    """Restricts conclusions to those said from `after` (inclusive) to `before` (exclusive); None: open."""

    after: int | None = None
    before: int | None = None
    include_ended: bool = False
    """Whether conclusions that were true until others superseded them are found as well."""

    @property
    def filters(self) -> Json | None:
        ends = (("gte", self.after), ("lt", self.before))
        said_at = {name: from_micros(end).isoformat() for name, end in ends if end is not None}
        filters: Json = {"said_at": said_at} if said_at else {}
        if self.include_ended:
            filters["status"] = {"in": ["current", "superseded"]}
        return filters or None

    def told(self) -> Json:
        """The restriction as the input of a tool call."""
        return _dates(self.after, self.before) | ({"include_ended": True} if self.include_ended else {})


EVER = SaidBetween()


class MemoryView:
    """Tools of a reasoner. Each records its results in `evidence`.

    Limits are clamped to the range from 1 to the named maximum. If the workspace, a peer or a session does not exist,
    the result is empty.
    """

    def __init__(self, store: Store, finder: SemanticSearch, tokens: TokenCounter, reach: MemoryScope) -> None:
        self.reach = reach
        self.evidence = Evidence()
        self.tokens = tokens
        self._store = store
        self._finder = finder

    async def search_memory(
        self, query: str, top_k: int = MEMORY_DEFAULT, *, is_derived: bool | None = None, said: SaidBetween = EVER
    ) -> list[Conclusion]:
        """Return the conclusions within reach that are nearest to the query, best first.

        `is_derived` restricts them to derived (True) or explicit (False) ones.
        """
        top_k = _within(top_k, MEMORY_MOST)
        request = replace(self._conclusions(query, top_k, is_derived=is_derived), filters=said.filters)
        matches = [] if Query(query).is_empty else await search_conclusions(self._store, self._finder, request)
        given: Json = {"query": query, "top_k": top_k, **said.told()}
        self.evidence.note(
            "search_memory", given if is_derived is None else given | {"is_derived": is_derived}, conclusions=matches
        )
        return matches

    async def search_superseded(self, query: str, top_k: int = MEMORY_DEFAULT) -> list[Conclusion]:
        """Return the conclusions within reach that were true until others superseded them, nearest to the query first.

        For questions about the past only: no other read finds them.
        """
        top_k, status = _within(top_k, MEMORY_MOST), {"status": "superseded"}
        if Query(query).is_empty:
            return []
        request = replace(self._conclusions(query, top_k), filters=status)
        if (valid_at := request.moment.valid_at) is not None:  # what had ceased to hold by then
            ceased = {"valid_until": {"lte": from_micros(valid_at).isoformat()}}
            request = replace(request, filters={**status, **ceased}, moment=replace(request.moment, valid_at=None))
        matches = await search_conclusions(self._store, self._finder, request)
        self.evidence.note("search_memory", {"query": query, "top_k": top_k, **status}, conclusions=matches)
        return matches

    async def get_message_statements(self, message_ids: Sequence[str]) -> list[MessageStatement]:
        """Return what was concluded from these messages, which were read before, and whether it has ended.

        It serves to leave out what is no longer true, and is no evidence.
        """
        ids = [id for id in message_ids if id in self.evidence.messages]
        moment = self.reach.moment
        return await self._store.read_offloaded(ended_texts.of_messages, ids, self.reach.observer_id, moment)

    async def search_messages(self, query: str, limit: int = MESSAGES_DEFAULT) -> list[Snippet]:
        """Return the messages within reach that match the query, best first, each with two before and after it.

        Overlapping ranges are merged into one snippet, ranked by the better match.
        """
        return await self.search_pool(query, _within(limit, MESSAGES_MOST))

    async def search_pool(self, query: str, limit: int) -> list[Snippet]:
        """Return more messages than `search_messages` does, for further ranking."""
        limit = _within(limit, POOL_MOST)
        snippets = await self._searched(self._messages(query, limit))
        self.evidence.note("search_messages", {"query": query, "limit": limit}, snippets=snippets)
        return snippets

    async def grep_messages(
        self, text: str, limit: int = GREP_DEFAULT, context_window: int = NEIGHBOURS
    ) -> list[Snippet]:
        """Return the newest messages within reach that contain the text, ignoring case, with those around them.

        A blank text matches nothing.
        """
        limit, window = _within(limit, GREP_MOST), min(max(context_window, 0), NEIGHBOURS)
        snippets: list[Snippet] = []
        if text.strip():
            snippets = await self._store.read_offloaded(_containing, self._messages(text, limit), window)
        self.evidence.note("grep_messages", {"text": text, "limit": limit, "context_window": window}, snippets=snippets)
        return snippets

    async def get_messages_by_date_range(
        self,
        after: int | None,
        before: int | None,
        limit: int = MESSAGES_MOST,
        order: Literal["asc", "desc"] = "desc",
    ) -> list[Message]:
        """Return the messages within reach in the interval from `after` (inclusive) to `before` (exclusive)."""
        limit = _within(limit, MESSAGES_MOST)
        request = self._messages(limit=limit, after=after, before=before)
        matches = await self._store.read_offloaded(_said, request, oldest_first=order == "asc")
        self.evidence.note(
            "get_messages_by_date_range", {**_dates(after, before), "limit": limit, "order": order}, messages=matches
        )
        return matches

    async def search_messages_temporal(
        self, query: str, after: int | None, before: int | None, limit: int = MESSAGES_DEFAULT
    ) -> list[Snippet]:
        """Search messages in the interval from `after` (inclusive) to `before` (exclusive); see `search_messages`."""
        limit = _within(limit, MESSAGES_DEFAULT)
        snippets = await self._searched(self._messages(query, limit, after=after, before=before))
        given = {"query": query, **_dates(after, before), "limit": limit, "context_window": NEIGHBOURS}
        self.evidence.note("search_messages_temporal", given, snippets=snippets)
        return snippets

    async def get_observation_context(self, message_ids: Sequence[str]) -> list[Snippet]:
        """Return the messages of these ids that are within reach, each with the one before and after it.

        The id of a conclusion that was read before stands for the messages behind it.
        """
        read = self.evidence.conclusions
        named = (read[id].message_ids if id in read else [id] for id in map(_bare, message_ids))
        ids = [*dict.fromkeys(itertools.chain.from_iterable(named))][:NAMED_MOST]
        snippets = await self._store.read_offloaded(_named, self._messages(), ids)
        self.evidence.note("get_observation_context", {"message_ids": ids}, snippets=snippets)
        return snippets

    async def get_reasoning_chain(
        self, observation_id: str, direction: Literal["premises", "conclusions", "both"] = "both"
    ) -> list[Conclusion]:
        """Return a conclusion, its transitive sources and the conclusions derived from it, up to `CHAIN_MOST`.

        Empty if the reach is restricted to sessions.
        """
        if self.reach.sessions is not None:
            return []
        conclusion_id = _bare(observation_id)
        chain = await self._store.read_offloaded(_chain, self._conclusions(limit=CHAIN_MOST), conclusion_id, direction)
        if chain is None:
            return []
        self.evidence.note(
            "get_reasoning_chain", {"observation_id": conclusion_id, "direction": direction}, conclusions=chain
        )
        return chain

    async def get_recent_observations(self, limit: int = RECENT_DEFAULT) -> list[Conclusion]:
        """Return the newest conclusions within reach, newest first."""
        return await self._ranked("get_recent_observations", conclusion_search.last_said, limit)

    async def get_most_derived_observations(self, limit: int = RECENT_DEFAULT) -> list[Conclusion]:
        """Return the conclusions within reach that were derived most often."""
        return await self._ranked("get_most_derived_observations", conclusion_search.most_derived, limit)

    async def get_session_summary(self, kind: Literal["short", "long"] = "short") -> str | None:
        """Return the summary of the pinned session; None if there is no such session or summary."""
        if (session_id := await self._pinned()) is None:
            return None
        stored = await self._store.read(summaries.of_session, self.reach.workspace_id, session_id)
        known = summaries.known(stored, self.reach.moment)
        summary = known.get(summaries.SHORT if kind == "short" else summaries.LONG)
        self.evidence.note("get_session_summary", {"type": kind})
        return summary.content if summary else None

    async def get_recent_history(self, max_tokens: int) -> list[Message]:
        """Return the newest messages of the pinned session that fit into the budget, oldest first.

        The newest message is truncated if it does not fit. `max_tokens` is clamped to `HISTORY_MOST`.
        """
        session_id, budget = await self._pinned(), min(max_tokens, HISTORY_MOST)
        if session_id is None:
            return []
        history = await self._store.read_offloaded(_newest, self.reach, session_id, budget, self.tokens)
        self.evidence.note("get_recent_history", {"max_tokens": budget}, messages=history)
        return history

    def _conclusions(self, query: str = "", limit: int = 0, *, is_derived: bool | None = None) -> ConclusionSearch:
        reach = self.reach
        return ConclusionSearch(
            reach.workspace_id,
            query,
            limit,
            observer_id=reach.observer_id,
            observed_id=reach.observed_id,
            sessions=reach.sessions,
            is_derived=is_derived,
            moment=reach.moment,
        )

    async def _pinned(self) -> str | None:
        """Return the session that the question is pinned to, if it may be read."""
        reach = self.reach
        if reach.session_id is None or (reach.sessions is not None and reach.session_id not in reach.sessions):
            return None
        if reach.reader is not None:
            arguments = (reach.workspace_id, reach.session_id, reach.reader)
            return reach.session_id if await self._store.read(members.is_active, *arguments) else None
        return reach.session_id

    def _messages(
        self, query: str = "", limit: int = 0, *, after: int | None = None, before: int | None = None
    ) -> MessageSearch:
        """Restrict messages to the pinned session, else to the listed ones, else to those visible to the observer."""
        reach = self.reach
        is_free = reach.session_id is None and reach.sessions is None
        return MessageSearch(
            reach.workspace_id,
            query,
            limit,
            session_id=reach.session_id,
            sessions=reach.sessions,
            reader=reach.reader,
            member=reach.observer_id if is_free else None,
            after=after,
            before=before,
            moment=reach.moment,
        )

    async def _ranked(
        self, tool: str, query: Callable[[Transaction, ConclusionScope, int], list[Conclusion]], limit: int
    ) -> list[Conclusion]:
        request = self._conclusions(limit=_within(limit, RECENT_MOST))

        def read(db: Transaction) -> list[Conclusion]:
            within = conclusion_search.resolve(db, request)
            return [] if within is None else query(db, within, request.limit)

        conclusions = await self._store.read_offloaded(read)
        self.evidence.note(tool, {"limit": request.limit}, conclusions=conclusions)
        return conclusions

    async def _searched(self, request: MessageSearch) -> list[Snippet]:
        def around(db: Transaction, within: MessageScope | None, hits: list[Message]) -> list[Snippet]:
            return _snippets(db, within, [hit.id for hit in hits], NEIGHBOURS)

        return await search_then(self._store, self._finder, request, around)


def _within(limit: int, most: int) -> int:
    return min(max(limit, 1), most)


def _bare(id: str) -> str:
    """Strip the `id:` prefix that tool results put before an id."""
    return id.strip().removeprefix("id:").strip()


def _dates(after: int | None, before: int | None) -> Json:
    ends = (("after_date", after), ("before_date", before))
    return {name: from_micros(end).isoformat() for name, end in ends if end is not None}


def _chain(
    db: Transaction, request: ConclusionSearch, id: str, direction: conclusion_search.Direction
) -> list[Conclusion] | None:
    within = conclusion_search.resolve(db, request)
    return None if within is None else conclusion_search.chain(db, within, id, direction, request.limit)


def _said(db: Transaction, request: MessageSearch, *, oldest_first: bool) -> list[Message]:
    """The first or last messages by the time they were said, then by arrival."""
    within = message_scope.resolve(db, request)
    if within is None:
        return []
    return message_search.fetch(db, message_search.newest(db, within, request.limit, oldest_first=oldest_first))


def _containing(db: Transaction, request: MessageSearch, window: int) -> list[Snippet]:
    """The newest messages that contain the query literally, with their neighbours."""
    within = message_scope.resolve(db, request)
    if within is None:
        return []
    hits = message_search.fetch(db, message_search.literal(db, within, request.query, request.limit))
    return _snippets(db, within, [hit.id for hit in hits], window)


def _named(db: Transaction, request: MessageSearch, ids: Sequence[str]) -> list[Snippet]:
    """The messages of these ids that are within reach, each with the one before and after it."""
    return _snippets(db, message_scope.resolve(db, request), ids, 1)


def _snippets(db: Transaction, within: MessageScope | None, ids: Sequence[str], window: int) -> list[Snippet]:
    """The messages of these ids that are within reach, best first, with their neighbours."""
    if within is None:
        return []
    positions = message_search.positions(db, within, ids)
    selected = excerpts([Hit(id, *positions[id]) for id in ids if id in positions], window)
    by_stretch = message_search.stretches(db, within, [each.stretch for each in selected])
    shown = [(by_stretch[each.stretch], each.found) for each in selected]
    return [Snippet(some[0].session_id, some, matches) for some, matches in shown if some]


def _newest(db: Transaction, reach: MemoryScope, session_id: str, budget: int, tokens: TokenCounter) -> list[Message]:
    walk = messages.known(messages.newest_first(db, reach.workspace_id, session_id, 1), reach.moment)
    return choose_messages(walk, budget, trim=tokens.trim, count=tokens.count)
