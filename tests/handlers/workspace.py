"""A raw HTTP client for one workspace."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 0.005, 0.1
PATIENCE_SECONDS = 30


class WorkspaceClient:
    """A workspace that does not exist yet and is not shared with other tests. Paths are relative to it."""

    def __init__(self, http: httpx.Client, id: str) -> None:
        self.http = http
        self.id = id
        self.url = f"/v3/workspaces/{id}"

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """Send a request; a body of None is not sent."""
        return self.http.request(method, self.url + path, json=body, **options)

    def ok(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """The JSON of a successful response; None for an empty body."""
        response = self.call(method, path, body, **options)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def peer(self, id: str, **fields: Any) -> Any:
        return self.ok("POST", "/peers", {"id": id, **fields})

    def session(self, id: str, **fields: Any) -> Any:
        return self.ok("POST", "/sessions", {"id": id, **fields})

    def say(self, session: str, *contents: str, peer: str = "alice", **headers: str) -> Any:
        """Store messages of one peer with one request."""
        batch = [{"peer_id": peer, "content": content} for content in contents]
        return self.ok("POST", f"/sessions/{session}/messages", {"messages": batch}, headers=headers)

    def said(self, session: str, **query: Any) -> list[str]:
        """The contents of the session's messages, in list order."""
        page = self.ok("POST", f"/sessions/{session}/messages/list", params={"size": 100, **query})
        return [message["content"] for message in page["items"]]

    def peers(self) -> list[str]:
        return [peer["id"] for peer in self.ok("POST", "/peers/list")["items"]]

    def sessions(self) -> list[str]:
        return [session["id"] for session in self.ok("POST", "/sessions/list")["items"]]

    def members(self, session: str) -> list[str]:
        return [peer["id"] for peer in self.ok("GET", f"/sessions/{session}/peers")["items"]]

    def flags(self, session: str, peer: str) -> tuple[bool | None, bool | None]:
        """The flags observe_me and observe_others of a peer in a session."""
        found = self.ok("GET", f"/sessions/{session}/peers/{peer}/config")
        return found["observe_me"], found["observe_others"]

    def was_there(self) -> bool:
        """Whether the workspace existed. Creates it."""
        return self.http.post("/v3/workspaces", json={"id": self.id}).status_code == 200


def until(condition: Callable[[], bool]) -> None:
    """Poll until the condition holds; for work of another process without a notification."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = FIRST_PAUSE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(pause)
        pause = min(1.3 * pause, LAST_PAUSE_SECONDS)  # polling constantly would delay it
