"""One conversation after the other on a real server: stored, learned from, and asked about, over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import httpx

from benchmarks.llm.suites import WORKSPACE, Item
from benchmarks.recall.dataset import RecallTurn

BATCH = 100
"""Messages per request."""
POLL_SECONDS = 0.5
REQUEST_SECONDS = 120.0
PATIENCE_SECONDS = 1_800.0
"""How long nothing may be learned before the run is given up."""
Counts = dict[str, int]


class Stalled(Exception):
    """Nothing has been learned for long. The message has the last reason."""


class LlmBenchClient:
    """Calls a server. `patience`: see `PATIENCE_SECONDS`."""

    def __init__(self, url: str, *, patience: float = PATIENCE_SECONDS, poll: float = POLL_SECONDS) -> None:
        self._http = httpx.Client(base_url=f"{url}/v3/workspaces", timeout=REQUEST_SECONDS)
        self._patience, self._poll = patience, poll

    def close(self) -> None:
        self._http.close()

    def store(self, name: str, turns: Sequence[RecallTurn]) -> None:
        """Add the conversation to a workspace of its own. What is there already is not added again."""
        for session, grouped in groupby(turns, key=lambda turn: turn.session):
            said = [*grouped]
            self._ok("POST", f"/{name}/sessions", {"id": session, "peers": {turn.peer: {} for turn in said}})
            for start in range(0, len(said), BATCH):
                messages = [
                    {"peer_id": turn.peer, "content": turn.content, "created_at": turn.created_at}
                    for turn in said[start : start + BATCH]
                ]
                headers = {"Idempotency-Key": f"{said[start].id}-{len(messages)}"}
                self._ok("POST", f"/{name}/sessions/{session}/messages", {"messages": messages}, headers)

    def learn(self, name: str, show: Callable[[int, int], None]) -> int:
        """Wait until everything is learned; `show` gets the units done and in total. Returns those that failed."""
        moved, before = time.monotonic(), None
        while True:
            status = self._ok("GET", f"/{name}/queue/status")
            done, total = status["completed_work_units"], status["total_work_units"]
            show(done, total)
            if done == total:
                return int(status["errored_work_units"] or 0)
            if (done, status["in_progress_work_units"]) != before:
                moved, before = time.monotonic(), (done, status["in_progress_work_units"])
            if time.monotonic() - moved > self._patience:
                raise Stalled(f"nothing was learned of {name} for {self._patience:g} s: {status['last_error']}")
            time.sleep(self._poll)

    def dream(self, name: str, peers: Sequence[str]) -> None:
        """Request a dream about each peer."""
        for peer in peers:
            self._ok("POST", f"/{name}/schedule_dream", {"observer": peer, "dream_type": "omni"})

    def ask(self, item: Item, level: str) -> str:
        """The answer; empty if there is none. Raises httpx.HTTPError."""
        body: dict[str, Any] = {"query": item.question, "reasoning_level": level}
        if item.at is not None:
            body["valid_at"] = item.at
        path = "/chat" if item.peer == WORKSPACE else f"/peers/{item.peer}/chat"
        return self._ok("POST", f"/{item.conversation}{path}", body)["content"] or ""

    def usage(self, names: Sequence[str]) -> Mapping[str, Counts]:
        """What was used for the workspaces, by task."""
        found: dict[str, Counts] = {}
        for item in (item for name in names for item in self._usage(name)):
            counts = found.setdefault(item["task"], {})
            for key, value in item.items():
                if isinstance(value, int):
                    counts[key] = counts.get(key, 0) + value
        return found

    def _usage(self, name: str) -> Iterator[Any]:
        response = self._http.get(f"/{name}/usage")
        if response.status_code != httpx.codes.NOT_FOUND:  # its conversation has not been added yet
            yield from response.raise_for_status().json()["items"]

    def _ok(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        response = self._http.request(method, path, json=body, headers=headers)
        response.raise_for_status()
        return response.json() if response.content else None
