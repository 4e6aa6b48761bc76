"""Import sessions of a Honcho server: members, messages in their order, summaries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from omoide.core import clock, identifiers
from omoide.core.errors import BadRequest
from omoide.core.records import Json, MessageBatch, NewMessage, Observation, Summary
from omoide.services import ingest
from omoide.services.honcho import storing
from omoide.services.honcho.api import HonchoApi
from omoide.services.honcho.target import ImportTarget, created_at, described
from omoide.services.honcho.translation import instant, observation
from omoide.storage import Transaction, imported_messages, sessions, summaries


@dataclass(frozen=True, slots=True)
class ImportOfSessions:
    """Imports the sessions of a workspace, each by its own."""

    api: HonchoApi
    source: str
    target: ImportTarget

    async def session(self, item: Json) -> None:
        """Import one session of a list."""
        target, source_id = self.target, item.get("id")
        if not isinstance(source_id, str) or item.get("is_active") is False:
            target.report.left_out["session that is deleted or has no id"] += 1
            return
        id = target.translation.id("Session", source_id)
        given = described(target.translation, "session", item)
        is_there = await target.read(None, sessions.find, target.workspace_id, id) is not None
        await target.create("session", is_there, storing.session, target.workspace_id, id, given, created_at(item))
        if not is_there:
            target.new_sessions.add(id)
        if target.is_dry:
            await self._count(source_id, id)
            return
        members = await self._members(source_id, id)
        await self._messages(source_id, id, members)
        await self._summaries(source_id, id)

    async def _count(self, source_id: str, id: str) -> None:
        """Count the messages without reading them."""
        target = self.target
        known, _ = await target.read((frozenset[str](), 0), _stored, target.workspace_id, id)
        total, stored = await self.api.count(*self._path(source_id, "messages", "list")), _originals(known)
        target.report.known["message"] += min(stored, total)
        target.report.new["message"] += max(0, total - stored)

    def _path(self, session: str, *more: str) -> tuple[str, ...]:
        return ("workspaces", self.source, "sessions", session, *more)

    async def _members(self, source_id: str, id: str) -> list[str]:
        """Add the members that were never in the session; returns all that are in it there."""
        target = self.target
        there = {
            target.translation.id("Peer", peer["id"]): str(peer["id"])
            async for peer in self.api.items("GET", *self._path(source_id, "peers"))
            if isinstance(peer.get("id"), str) and not identifiers.is_scope_peer(peer["id"])
        }
        assert target.store is not None
        new = await target.store.read(storing.never_members, target.workspace_id, id, [*there])
        joining = {
            peer: observation(await self.api.call("GET", *self._path(source_id, "peers", there[peer], "config")))
            for peer in new
        }
        if joining:
            await self._join(id, joining)
        return [*there]

    async def _join(self, id: str, joining: dict[str, Observation]) -> None:
        target, limit = self.target, self.target.settings.max_observers
        assert target.store is not None
        place = target.workspace_id, id
        try:
            await target.store.write(storing.join, *place, joining, clock.now(), limit)
        except BadRequest:
            target.report.left_out[f"observing of others in a session with more than {limit} observers"] += 1
            quiet = {peer: Observation(each.observe_me, False) for peer, each in joining.items()}
            await target.store.write(storing.join, *place, quiet, clock.now(), limit)

    async def _messages(self, source_id: str, id: str, members: Sequence[str]) -> None:
        """Import the messages that are missing, beginning at the page from which on some may be."""
        target = self.target
        known, count = await target.read((frozenset[str](), 0), _stored, target.workspace_id, id)
        path = self._path(source_id, "messages", "list")
        first = await self._first_page(path, known)
        target.report.known["message"] += (first - 1) * self.api.page_size
        async for items, _ in self.api.pages("POST", *path, first=first):
            new, stored = [], 0
            for item in items:
                parts = target.translation.messages(item)
                missing = [each for each in parts if each.metadata[imported_messages.KEY] not in known]
                new += missing
                stored += bool(parts) and not missing
            target.report.known["message"] += stored
            target.report.new["message"] += _originals(each.metadata[imported_messages.KEY] for each in new)
            if new:
                count += await self._store(id, storing.ReadPage(new, count, members))

    async def _first_page(self, path: tuple[str, ...], known: frozenset[str]) -> int:
        """The last page of which all messages are known; the first one, if the pages have shifted since."""
        page = _originals(known) // self.api.page_size
        if page < 2:
            return 1
        answer = await self.api.call("POST", *path, query={"page": str(page), "size": str(self.api.page_size)})
        items = answer.get("items")
        is_known = isinstance(items, list) and len(items) == self.api.page_size
        return page if is_known and all(item.get("id") in known for item in items or ()) else 1

    async def _store(self, id: str, page: storing.ReadPage) -> int:
        target = self.target
        assert target.store is not None
        counted: list[NewMessage] = await ingest.counted(target.tokens, page.messages)
        batch = MessageBatch(target.workspace_id, id, counted)
        return await target.store.write(storing.page, batch, page, target.rules, clock.now())

    async def _summaries(self, source_id: str, id: str) -> None:
        """Import the summaries that cover messages which are here, if the session has none."""
        target = self.target
        assert target.store is not None
        known = await target.store.read(summaries.of_session, target.workspace_id, id)
        if target.derives or known:
            return
        answer = await self.api.call("GET", *self._path(source_id, "summaries"))
        found = [each for name in ("short_summary", "long_summary") if isinstance(each := answer.get(name), dict)]
        if not found:
            return
        stored = await target.store.read_offloaded(imported_messages.by_key, target.workspace_id, id)
        for each in found:
            last, kind = stored.get(str(each.get("message_id"))), each.get("summary_type")
            content = str(each.get("content", "")).replace("\x00", "")
            if last is None or kind not in (summaries.SHORT, summaries.LONG) or not content.strip():
                target.report.left_out["summary of messages that are not here"] += 1
                continue
            (counted,) = await ingest.counted(target.tokens, [NewMessage("", content, {}, 0, None)])
            at = instant(each.get("created_at"))
            made = Summary(content, *last, kind, clock.now() if at is None else at, counted.token_count)
            await target.create("summary", False, storing.summary, target.workspace_id, id, made)


def _originals(keys: Iterable[str]) -> int:
    """The number of messages there that the keys are of: parts of a long one have numbers."""
    return sum("#" not in key for key in keys)


def _stored(db: Transaction, workspace_id: str, session_id: str) -> tuple[frozenset[str], int]:
    """The keys of the imported messages of a session, and the number of all its messages."""
    session = sessions.find(db, workspace_id, session_id)
    if session is None:
        return frozenset(), 0
    return imported_messages.keys(db, workspace_id, session_id), sessions.message_count(db, session.pk)
