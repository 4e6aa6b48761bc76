"""Import a workspace of a Honcho server, step by step: what is here already stays as it is.

Each step can be repeated, so an interrupted import goes on and a later one adds what is new. Messages are recognized by
a key in their metadata, conclusions by ids made of those there, everything else by its id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from omoide.core import clock, identifiers
from omoide.core.errors import NotFound, Unauthorized
from omoide.core.records import Json
from omoide.services.honcho import storing
from omoide.services.honcho.api import TOGETHER, HonchoApi
from omoide.services.honcho.derived import ImportOfDerived
from omoide.services.honcho.sessions import ImportOfSessions
from omoide.services.honcho.target import ImportTarget, created_at, described
from omoide.storage import peers, scopes


async def workspaces_of(api: HonchoApi) -> list[str]:
    """The workspaces of the server. Raises Unauthorized for a key of one workspace."""
    try:
        return [str(each["id"]) async for each in api.items("POST", "workspaces", "list") if each.get("id")]
    except Unauthorized as error:
        raise Unauthorized(f"{error.detail}. With a key of one workspace, pass --workspace.") from error


async def has_conclusions(api: HonchoApi, source: str) -> bool:
    return await api.count("workspaces", source, "conclusions", "list") > 0


@dataclass(frozen=True, slots=True)
class WorkspaceImport:
    """Imports the workspace `source` into the target."""

    api: HonchoApi
    source: str
    target: ImportTarget

    async def run(self, shown: Callable[[int, int], None]) -> None:
        """Import what is missing. `shown` is called with the pages and sessions done, and in total."""
        api, target = self.api, self.target
        workspace = await self._workspace()
        total = await api.count("workspaces", self.source, "sessions", "list")
        total += -(-await api.count("workspaces", self.source, "conclusions", "list") // api.page_size)
        steps = 0

        def done(count: int) -> None:
            nonlocal steps
            steps += count
            shown(steps, max(total, steps))

        if not target.is_dry and target.store is not None:
            given = described(target.translation, "workspace", workspace)
            await target.store.write(storing.workspace, target.workspace_id, given, created_at(workspace))
        await target.open()
        derived = ImportOfDerived(api, self.source, target)
        await self._peers(derived)
        await self._sessions(done)
        await derived.conclusions(done)
        await derived.cards()
        await self._scopes()

    async def _workspace(self) -> Json:
        """The workspace as the server describes it, which a key of one workspace can only ask by its name."""
        try:
            body = {"filters": {"id": self.source}}
            answer = await self.api.call("POST", "workspaces", "list", body=body)
            found = [each for each in answer.get("items") or () if each.get("id") == self.source]
            if not found:
                raise NotFound(f"{self.api.url} has no workspace {self.source}")
            return dict(found[0])
        except Unauthorized:  # this one creates it, if its key is for one that does not exist
            return await self.api.call("POST", "workspaces", body={"id": self.source})

    async def _peers(self, derived: ImportOfDerived) -> None:
        target = self.target
        async for item in self.api.items("POST", "workspaces", self.source, "peers", "list"):
            source_id = item.get("id")
            if not isinstance(source_id, str):
                target.report.left_out["peer without an id"] += 1
            elif not identifiers.is_scope_peer(source_id):
                id = target.translation.id("Peer", source_id)
                given = described(target.translation, "peer", item)
                is_there = await target.read(None, peers.find, target.workspace_id, id) is not None
                at = created_at(item)
                await target.create("peer", is_there, storing.peer, target.workspace_id, id, given, at)
                derived.pairs[source_id, source_id] = None

    async def _sessions(self, done: Callable[[int], None]) -> None:
        importing = ImportOfSessions(self.api, self.source, self.target)
        async for items, _ in self.api.pages("POST", "workspaces", self.source, "sessions", "list"):
            for first in range(0, len(items), TOGETHER):
                group = items[first : first + TOGETHER]
                await asyncio.gather(*map(importing.session, group))
                done(len(group))

    async def _scopes(self) -> None:
        """Import the scopes, if the server has such, once everything that they see is here."""
        target, path = self.target, ("workspaces", self.source, "scopes")
        try:
            found = [each async for each in self.api.items("POST", *path, "list")]
        except NotFound:
            return
        for item in found:
            id = item.get("id")
            if not isinstance(id, str) or identifiers.scope_name_error(id):
                target.report.left_out["scope with an id that is not valid here"] += 1
                continue
            there = [each["id"] async for each in self.api.items("POST", *path, id, "sessions", "list")]
            here = [target.translation.id("Session", each) for each in there if isinstance(each, str)]
            is_there = await target.read(None, scopes.find, target.workspace_id, id) is not None
            if is_there and not target.is_dry and target.store is not None:
                new = [each for each in here if each in target.new_sessions]
                await target.store.write(storing.join_scope, target.workspace_id, id, new, clock.now())
            given = described(target.translation, "scope", item)
            await target.create("scope", is_there, storing.scope, target.workspace_id, id, given, here, clock.now())
