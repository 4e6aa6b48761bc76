"""A workspace as a raw HTTP client sees it, so that tests say paths and bodies and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 0.005, 0.1
PATIENCE_SECONDS = 30


class Place:
    """A workspace that is not there yet and that no other test uses; paths are taken within it."""

    def __init__(self, http: httpx.Client, id: str) -> None:
        self.http = http
        self.id = id
        self.url = f"/v3/workspaces/{id}"

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """The answer; a body of None is not sent."""
        return self.http.request(method, self.url + path, json=body, **options)

    def ok(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """What a call that must succeed answers, None for an empty body."""
        response = self.call(method, path, body, **options)
        assert response.is_success, response.text
        return response.json() if response.content else None

    def peer(self, id: str, **fields: Any) -> Any:
        return self.ok("POST", "/peers", {"id": id, **fields})

    def session(self, id: str, **fields: Any) -> Any:
        return self.ok("POST", "/sessions", {"id": id, **fields})

    def say(self, session: str, *contents: str, peer: str = "alice", **headers: str) -> Any:
        """The messages as stored, all by one peer and in one call."""
        batch = [{"peer_id": peer, "content": content} for content in contents]
        return self.ok("POST", f"/sessions/{session}/messages", {"messages": batch}, headers=headers)

    def said(self, session: str, **query: Any) -> list[str]:
        """What stands in the session, in the order of the list."""
        page = self.ok("POST", f"/sessions/{session}/messages/list", params={"size": 100, **query})
        return [message["content"] for message in page["items"]]

    def peers(self) -> list[str]:
        return [peer["id"] for peer in self.ok("POST", "/peers/list")["items"]]

    def sessions(self) -> list[str]:
        return [session["id"] for session in self.ok("POST", "/sessions/list")["items"]]

    def members(self, session: str) -> list[str]:
        return [peer["id"] for peer in self.ok("GET", f"/sessions/{session}/peers")["items"]]

    def flags(self, session: str, peer: str) -> tuple[bool | None, bool | None]:
        """observe_me and observe_others of a peer in a session."""
        found = self.ok("GET", f"/sessions/{session}/peers/{peer}/config")
        return found["observe_me"], found["observe_others"]

    def was_there(self) -> bool:
        """Whether the workspace existed. It does afterwards."""
        return self.http.post("/v3/workspaces", json={"id": self.id}).status_code == 200


def until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds. For what another process does unasked and tells nobody."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = FIRST_PAUSE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(pause)
        pause = min(1.3 * pause, LAST_PAUSE_SECONDS)  # whoever asks all the time keeps it from coming true
