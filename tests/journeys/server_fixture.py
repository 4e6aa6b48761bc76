"""Workspace on a running server in which one story runs, accessed through the official SDK."""

from __future__ import annotations

from typing import Any

import httpx
from honcho import Honcho, Peer, Session

from tests.handlers.workspace import until

Members = dict[str, dict[str, bool] | None]


class Stage:
    """`http` is for operations that the SDK lacks."""

    def __init__(self, honcho: Honcho, http: httpx.Client) -> None:
        self.honcho = honcho
        self.http = http
        self.url = f"/v3/workspaces/{honcho.workspace_id}"
        self.marks: dict[str, str] = {}
        """Name → instant of the story's marks."""

    def peer(self, id: str) -> Peer:
        return Peer(id, self.honcho)

    def session(self, id: str) -> Session:
        return Session(id, self.honcho)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer to a body with fields that the SDK has no parameters for."""
        response = self.http.post(f"{self.url}/{path}", json={key: each for key, each in body.items() if each})
        assert response.status_code == 200, response.text
        return response.json()

    def is_idle(self) -> bool:
        """Whether no work unit and no scope backfill is pending or in progress."""
        status = self.honcho.queue_status()
        if status.pending_work_units + status.in_progress_work_units:
            return False
        return all(job.state != "pending" for scope in self.honcho.scopes() for job in scope.status().values())

    def wait(self) -> None:
        """Wait until all messages are processed."""
        until(self.is_idle)
