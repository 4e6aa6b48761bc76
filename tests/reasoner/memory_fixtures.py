"""Test helper: fill a workspace with messages and conclusions, and create memories of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from omoide.core import clock
from omoide.core.clock import to_micros
from omoide.core.records import Conclusion, Level, Message, NewMessage, SessionChange
from omoide.inference.tokens import TokenCounter
from omoide.inference.wordllama_embedder import WordLlamaEmbedder
from omoide.reasoner.memory_view import MemoryScope, MemoryView, Snippet
from omoide.search.semantic import SemanticSearch
from omoide.storage import (
    Store,
    Transaction,
    conclusion_endings,
    conclusions,
    deletion_cascade,
    embeddings,
    members,
    messages,
    scopes,
    sessions,
)
from omoide.storage.conclusion_endings import Ended
from omoide.storage.peers import ensure
from omoide.storage.vectors import packed

T = TypeVar("T")
WORKSPACE = "w"
MONDAY = to_micros(datetime(2024, 1, 15, tzinfo=UTC))
OBSERVERS = 10

EMBEDDER = WordLlamaEmbedder()
TOKENS = TokenCounter()


class Past:
    """Writes messages and conclusions of one workspace. Times are microseconds since 1970."""

    def __init__(self, store: Store, workspace_id: str = WORKSPACE) -> None:
        self.store = store
        self.workspace_id = workspace_id
        self.finder = SemanticSearch(EMBEDDER)

    def write(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        async def written() -> T:
            return await self.store.write(fn, *args, **kwargs)

        return asyncio.run(written())

    def say(self, session: str, *contents: str, peer: str = "alice", at: int | None = None) -> list[Message]:
        batch = [NewMessage(peer, content, {}, TOKENS.count(content), at) for content in contents]
        return self.write(messages.add, self.workspace_id, session, batch, clock.now(), max_observers=OBSERVERS)

    def conclude(
        self,
        content: str,
        observer: str = "alice",
        observed: str = "alice",
        *,
        session: str | None = None,
        level: Level = "explicit",
        sources: Sequence[Conclusion] = (),
        times: int = 1,
        at: int | None = None,
        said: Sequence[Message] = (),
    ) -> Conclusion:
        """Store a conclusion, said `at` an instant (now by default) in these messages."""

        def stored(db: Transaction) -> Conclusion:
            now = clock.now()
            workspace, row = sessions.ensure(db, self.workspace_id, session or "elsewhere", now)
            pair = ensure(db, workspace, {observer, observed}, now)
            id = clock.new_id(now)
            target = conclusions.Target(workspace, (pair[observer], pair[observed]), row if session else None)
            source_ids = [source.id for source in sources] or None
            details = {"message_ids": [each.id for each in said]} if said else None
            said_at = now if at is None else at
            new = conclusions.ConclusionRow(id, content, said_at, details, level, source_ids, times)
            conclusions.insert(db, target, new, now)
            return conclusions.get(db, self.workspace_id, id)

        return self.write(stored)

    def scope(self, name: str, *session_ids: str) -> str:
        """Create a scope and return the id of its hidden peer."""
        self.write(scopes.get_or_create, self.workspace_id, name, None, clock.now())
        self.write(scopes.add_sessions, self.workspace_id, name, session_ids, clock.now())
        return f"scope.{name}"

    def session(self, id: str) -> None:
        change = SessionChange()
        self.write(sessions.get_or_create, self.workspace_id, id, change, clock.now())

    def leave(self, session: str, peer: str) -> None:
        def left(db: Transaction) -> None:
            workspace, row = sessions.ensure(db, self.workspace_id, session, clock.now())
            members.remove(db, workspace, row, [peer], clock.now())

        self.write(left)

    def delete(self, session: str) -> None:
        self.write(deletion_cascade.delete_session, self.workspace_id, session, clock.now())

    def supersede(self, old: Conclusion, new: Conclusion) -> None:
        ended = Ended(old.pk, "superseded", new.id, new.said_at)
        self.write(conclusion_endings.end, [ended], clock.now())

    def forget(self, conclusion: Conclusion) -> None:
        self.write(conclusions.delete, self.workspace_id, conclusion.id, clock.now())

    def embed(self) -> None:
        """Embed all records."""

        async def embedded() -> None:
            await self.store.write(embeddings.adopt, EMBEDDER.name, EMBEDDER.dimensions, clock.now())
            for source in embeddings.SOURCES:
                model = await self.store.read(embeddings.progress)
                assert model is not None
                texts = await self.store.read(embeddings.missing, source, model.through(source), 1_000)
                vectors = packed(await EMBEDDER.embed([text for _, text in texts]))
                rows = [(pk, vector) for (pk, _), vector in zip(texts, vectors, strict=True)]
                if rows:
                    await self.store.write(embeddings.add, model, source, rows[-1][0], rows)

        asyncio.run(embedded())

    def memory(self, observer: str | None = "alice", observed: str | None = "alice", **reach: Any) -> MemoryView:
        reranker = reach.pop("reranker", None)
        scope = MemoryScope(self.workspace_id, observer, observed, **reach)
        return MemoryView(self.store, self.finder, TOKENS, scope, reranker)


def run(reading: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(reading)


def texts(found: Sequence[Conclusion] | Sequence[Message]) -> list[str]:
    return [each.content for each in found]


def shown(found: Sequence[Snippet]) -> list[list[str]]:
    return [texts(snippet.messages) for snippet in found]
