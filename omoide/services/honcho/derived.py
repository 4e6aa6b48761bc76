"""Import what a Honcho server has derived: conclusions with their sources, and peer cards."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from omoide.core import clock
from omoide.core.errors import NotFound
from omoide.core.json_limits import strip_nul
from omoide.core.records import Json
from omoide.core.surrogates import repaired_json
from omoide.services.honcho import storing
from omoide.services.honcho.api import HonchoApi
from omoide.services.honcho.target import ImportTarget
from omoide.services.honcho.translation import SOURCE
from omoide.storage import imported_conclusions, imported_messages
from omoide.storage.imported_conclusions import ImportedConclusion

Waiting = tuple[ImportedConclusion, list[str]]
"""A conclusion, and the ids there of sources that have not been read yet."""


@dataclass(slots=True)
class ImportOfDerived:
    """Imports the conclusions and cards of a workspace whose peers and sessions are here."""

    api: HonchoApi
    source: str
    target: ImportTarget
    pairs: dict[tuple[str, str], None] = field(default_factory=dict)
    """Observer and observed, by their ids there, of which there may be cards."""
    _messages: dict[str, dict[str, imported_messages.ImportedMessage]] = field(default_factory=dict)
    """Session → its imported messages by key, for conclusions that say which messages are behind them."""

    async def conclusions(self, done: Callable[[int], None]) -> None:
        """Import all, the oldest first. One whose sources come later waits for them."""
        waiting: list[Waiting] = []
        path = ("workspaces", self.source, "conclusions", "list")
        async for items, _ in self.api.pages("POST", *path, query={"reverse": "true"}):
            ready: list[Waiting] = []
            for item in items:
                if (made := self.target.translation.conclusion(item, clock.now())) is not None:
                    self.pairs[item["observer_id"], item["observed_id"]] = None
                    sources = [each for each in item.get("source_ids") or () if isinstance(each, str)]
                    complete = made._replace(message_ids=await self._message_ids(made, item))
                    (waiting if self._unread(sources) else ready).append((complete, sources))
            await self._store(ready)
            done(1)
        for first in range(0, len(waiting), self.api.page_size):
            await self._store(waiting[first : first + self.api.page_size])
        target = self.target
        if target.report.new["conclusion"] and not target.is_dry and target.store is not None:
            await target.store.write(imported_conclusions.complete, target.workspace_id, clock.now())

    def _unread(self, sources: Iterable[str]) -> list[str]:
        return [each for each in sources if each not in self.target.translation.conclusion_ids]

    async def _message_ids(self, made: ImportedConclusion, item: Json) -> list[str]:
        """The messages behind a conclusion, which only some servers tell."""
        given, session = item.get("message_ids"), made.session_id
        if not given or not isinstance(given, list) or session is None or self.target.is_dry:
            return []
        if session not in self._messages:
            read = imported_messages.by_key
            self._messages[session] = await self.target.read({}, read, self.target.workspace_id, session)
        stored = self._messages[session]
        return [stored[id].id for id in given if isinstance(id, str) and id in stored]

    async def _store(self, batch: list[Waiting]) -> None:
        target, ids = self.target, self.target.translation.conclusion_ids
        target.report.left_out["source of a conclusion that the server does not list"] += sum(
            len(self._unread(sources)) for _, sources in batch
        )
        made = [
            each._replace(source_ids=[ids[source] for source in sources if source in ids] or None)
            for each, sources in batch
        ]
        known = await target.read(frozenset[str](), imported_conclusions.known, [each.id for each in made])
        new = [each for each in made if each.id not in known]
        stored = len(new)
        if new and not target.is_dry and target.store is not None:
            stored = await target.store.write(imported_conclusions.add, target.workspace_id, new, SOURCE, clock.now())
        target.report.new["conclusion"] += stored
        target.report.known["conclusion"] += len(known)
        target.report.left_out["conclusion that was corrected here as never true"] += len(new) - stored

    async def cards(self) -> None:
        """Import the cards of peers about themselves, and of the pairs with conclusions, where there are none."""
        for observer, observed in [*self.pairs]:
            await self._card(observer, observed)

    async def _card(self, observer: str, observed: str) -> None:
        target = self.target
        query = {} if observer == observed else {"target": observed}
        try:
            answer = await self.api.call("GET", "workspaces", self.source, "peers", observer, "card", query=query)
        except NotFound:  # the peer is deleted there
            return
        given = answer.get("peer_card")
        lines = [strip_nul(repaired_json(each)) for each in given or () if isinstance(each, str)]
        if not lines:
            return
        if sum(len(line.encode()) for line in lines) > target.settings.max_metadata_bytes:
            target.report.left_out["card that is too large"] += 1
            return
        pair = target.translation.id("Peer", observer), target.translation.id("Peer", observed)
        is_there = await target.read(False, storing.has_card, target.workspace_id, pair)
        await target.create("card", is_there, storing.card, target.workspace_id, pair, lines, clock.now())
