"""A client for a workspace whose messages are reasoned about at once, on a server with keys."""

from __future__ import annotations

from typing import Any

import httpx

from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring, Principal
from tests.conftest import SECRET
from tests.handlers.workspace import WorkspaceClient, until


def key(principal: Principal) -> dict[str, str]:
    return {"Authorization": f"Bearer {Keyring(SECRET).mint(principal, now=clock.now())}"}


class ReasonedWorkspace(WorkspaceClient):
    """A workspace whose messages are reasoned about; requests have an admin's key unless they say otherwise."""

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        headers = {**key(options.pop("by", ADMIN)), **options.pop("headers", {})}
        return super().call(method, path, body, headers=headers, **options)

    def hear(self, session: str, *contents: str, peer: str = "alice") -> list[str]:
        """Store messages, wait until they have been reasoned about, and return their ids."""
        ids = [each["id"] for each in self.say(session, *contents, peer=peer)]
        self.settle()
        return ids

    def settle(self) -> None:
        def is_settled() -> bool:
            status = self.ok("GET", "/queue/status")
            return not (status["pending_work_units"] or status["in_progress_work_units"])

        until(is_settled)

    def known(self, text: str, observer: str = "alice") -> Any:
        """The one current conclusion of the observer that contains the text."""
        filters = {"content": {"contains": text}, "observer_id": observer}
        (found,) = self.ok("POST", "/conclusions/list", {"filters": filters})["items"]
        return found

    def sources(self, id: str, **options: Any) -> Any:
        return self.ok("GET", f"/conclusions/{id}/sources", **options)

    def versions(self, id: str, **options: Any) -> Any:
        """Content, status and kinds of events of each version."""
        found = self.ok("GET", f"/conclusions/{id}/history", **options)
        return [
            (each["conclusion"]["content"], each["conclusion"]["status"], [event["kind"] for event in each["events"]])
            for each in found["versions"]
        ]
