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
from omoide.reasoner import memory_reads
from omoide.reasoner.dates_said import EVER, SaidBetween, dates
from omoide.reasoner.evidence import Evidence, Likeness, Snippet, ToolCall
from omoide.search import reranked
from omoide.search.conclusions import search as search_conclusions
from omoide.search.messages import search as find_messages
from omoide.search.messages import search_then
from omoide.search.query import Query
from omoide.search.rerank import Reranker
from omoide.search.semantic import SemanticSearch
from omoide.storage import Store, Transaction, conclusion_search, ended_texts, members, summaries
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
WHOLE_MOST = 60
"""Messages that are few enough to be read as a whole."""
QUERIES_MOST = 5
"""Queries of one search."""
RERANKED = 40
"""Conclusions that the cross-encoder orders for one search, about 10 ms each."""
REPEATED = 3
"""Conclusions read for each that is returned where several observers may know the same."""
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


class MemoryView:
    """Tools of a reasoner. Each records its results in `evidence`.

    Limits are clamped to the range from 1 to the named maximum. If the workspace, a peer or a session does not exist,
    the result is empty.
    """

    def __init__(
        self,
        store: Store,
        finder: SemanticSearch,
        tokens: TokenCounter,
        reach: MemoryScope,
        reranker: Reranker | None = None,
    ) -> None:
        self.reach = reach
        self.evidence = Evidence()
        self.tokens = tokens
        self._store = store
        self._finder = finder
        self._reranker = reranker

    async def search_memory(
        self,
        query: str | Sequence[str],
        top_k: int = MEMORY_DEFAULT,
        *,
        is_derived: bool | None = None,
        said: SaidBetween = EVER,
        is_reranked: bool = False,
        max_tokens: int | None = None,
    ) -> list[Conclusion]:
        """Return the conclusions within reach that are nearest to the query, best first; of several queries in turn.

        `is_derived` restricts them to derived (True) or explicit (False) ones. `is_reranked`: the cross-encoder orders
        them. What two observers know is returned once, and no more than `max_tokens` of it.
        """
        top_k, queries = _within(top_k, MEMORY_MOST), _queries(query)
        of_all = self.reach.observer_id is None
        rankings = []
        for each in queries:
            request = self._conclusions(each, REPEATED * top_k if of_all else top_k, is_derived=is_derived)
            request, size = replace(request, filters=said.filters), RERANKED // len(queries)
            rankings.append(await self._nearest(request, size if is_reranked else 0))
        matches = memory_reads.distinct(memory_reads.in_turn(rankings), of_all_observers=of_all)[:top_k]
        matches = memory_reads.within_tokens(matches, max_tokens, self.tokens)
        given: Json = {**_told(query), "top_k": top_k, **said.told()}
        self.evidence.note(
            "search_memory", given if is_derived is None else given | {"is_derived": is_derived}, conclusions=matches
        )
        return matches

    async def _nearest(self, request: ConclusionSearch, reranked_size: int) -> list[Conclusion]:
        if self._reranker is None or not reranked_size:
            return await search_conclusions(self._store, self._finder, request)
        reranker = self._reranker
        return await reranked.search_conclusions(self._store, self._finder, reranker, request, size=reranked_size)

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

    async def search_messages(
        self,
        query: str | Sequence[str],
        limit: int = MESSAGES_DEFAULT,
        *,
        after: int | None = None,
        before: int | None = None,
    ) -> list[Snippet]:
        """Return the messages within reach that match the query, best first, each with two before and after it; of
        several queries in turn.

        Only those said from `after` (inclusive) to `before` (exclusive). Overlapping ranges are merged into one
        snippet, ranked by the better match.
        """
        limit = _within(limit, MESSAGES_MOST)
        rankings = [
            await find_messages(self._store, self._finder, self._messages(each, limit, after=after, before=before))
            for each in _queries(query)
        ]
        ids = [*dict.fromkeys(each.id for each in memory_reads.in_turn(rankings))][:limit]
        snippets = await self._store.read_offloaded(
            memory_reads.around, self._messages(after=after, before=before), ids, NEIGHBOURS
        )
        given = {**_told(query), **dates(after, before), "limit": limit}
        self.evidence.note("search_messages", given, snippets=snippets)
        return snippets

    async def search_pool(self, query: str, limit: int) -> list[Snippet]:
        """Return more messages than `search_messages` does, for further ranking."""
        limit = _within(limit, POOL_MOST)
        snippets = await self._searched(self._messages(query, limit))
        self.evidence.note("search_messages", {"query": query, "limit": limit}, snippets=snippets)
        return snippets

    async def likeness(self, text: str) -> Likeness:
        """Return the likeness of the text and what was read before. It serves to rank, and is no evidence."""
        return await memory_reads.likeness(self._store, self._finder, self._messages(), text, self.evidence)

    async def grep_messages(
        self, text: str, limit: int = GREP_DEFAULT, context_window: int = NEIGHBOURS, *, words_first: bool = False
    ) -> list[Snippet]:
        """Return the newest messages within reach that contain the text, ignoring case, with those around them.

        A blank text matches nothing. `words_first`: parts of words count only if no message has whole ones.
        """
        limit, window = _within(limit, GREP_MOST), min(max(context_window, 0), NEIGHBOURS)
        snippets: list[Snippet] = []
        if text.strip():
            request = self._messages(text, limit)
            snippets = await self._store.read_offloaded(
                memory_reads.containing, request, window, words_first=words_first
            )
        self.evidence.note("grep_messages", {"text": text, "limit": limit, "context_window": window}, snippets=snippets)
        return snippets

    async def get_messages_by_date_range(
        self,
        after: int | None,
        before: int | None,
        limit: int = MESSAGES_MOST,
        order: Literal["asc", "desc"] = "desc",
        past: str | None = None,
    ) -> list[Message]:
        """Return the messages within reach in the interval from `after` (inclusive) to `before` (exclusive).

        `past` is the id of the last message that is known already: those that follow it.
        """
        limit = _within(limit, MESSAGES_MOST)
        request = self._messages(limit=limit, after=after, before=before)
        matches = await self._store.read_offloaded(
            memory_reads.said, request, oldest_first=order == "asc", past=None if past is None else _bare(past)
        )
        given = {**dates(after, before), "limit": limit, "order": order}
        given |= {} if past is None else {"past_id": _bare(past)}
        self.evidence.note("get_messages_by_date_range", given, messages=matches)
        return matches

    async def get_observation_context(self, message_ids: Sequence[str]) -> list[Snippet]:
        """Return the messages of these ids that are within reach, each with the one before and after it.

        The id of a conclusion that was read before stands for the messages behind it.
        """
        read = self.evidence.conclusions
        named = (read[id].message_ids if id in read else [id] for id in map(_bare, message_ids))
        ids = [*dict.fromkeys(itertools.chain.from_iterable(named))][:NAMED_MOST]
        snippets = await self._store.read_offloaded(memory_reads.named, self._messages(), ids)
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
        request = self._conclusions(limit=CHAIN_MOST)
        chain = await self._store.read_offloaded(memory_reads.chain, request, conclusion_id, direction)
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
        session, moment = (self.reach.workspace_id, session_id), self.reach.moment
        history = await self._store.read_offloaded(memory_reads.newest, session, moment, budget, self.tokens)
        self.evidence.note("get_recent_history", {"max_tokens": budget}, messages=history)
        return history

    async def get_whole_or_unprocessed(self, whole: int, unprocessed: int) -> tuple[list[Message], bool]:
        """Return all messages within reach, and True, if they have at most `whole` tokens. Otherwise those from which
        nothing has been concluded yet, the newest that fit into `unprocessed` tokens. Oldest first."""
        request, about = self._messages(limit=WHOLE_MOST), (self.reach.observed_id, unprocessed, self.tokens)
        said = await self._store.read_offloaded(memory_reads.whole, request, whole)
        if said is None:
            found = await self._store.read_offloaded(memory_reads.unprocessed, request, *about)
        else:
            found = said
        if found:
            self.evidence.note("get_recent_history", {"max_tokens": whole if said else unprocessed}, messages=found)
        return found, bool(said)

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
            return memory_reads.snippets(db, within, [hit.id for hit in hits], NEIGHBOURS)

        return await search_then(self._store, self._finder, request, around)


def _within(limit: int, most: int) -> int:
    return min(max(limit, 1), most)


def _queries(query: str | Sequence[str]) -> list[str]:
    """The distinct queries that are not empty."""
    given = [query] if isinstance(query, str) else query
    return [each for each in dict.fromkeys(given) if not Query(each).is_empty][:QUERIES_MOST]


def _told(query: str | Sequence[str]) -> Json:
    """The queries as the input of a tool call."""
    given = [query] if isinstance(query, str) else [*query][:QUERIES_MOST]
    return {"query": given[0]} if len(given) == 1 else {"queries": given}


def _bare(id: str) -> str:
    """Strip the `id:` prefix that tool results put before an id."""
    return id.strip().removeprefix("id:").strip()
