"""How many requests of one caller may be in progress at the same time.

There is no fixed number, because a server that only one caller uses should not be left idle, and one that hundreds use
has little for each. Instead what may be in progress depends on what is free: a caller may have as many requests in one
workspace as the server could still take. So one caller may fill half of the server, two a third each, and `n` an equal
share that leaves the same for the next. It is the rule by which switches share their buffers among ports (Choudhury and
Hahne, "Dynamic Queue Length Thresholds", 1998).

Every process counts for itself, as it does for connections.
"""

from __future__ import annotations

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from omoide.middleware.callers import Callers, path_segments
from omoide.turns import Lane

WORKSPACES = 8
"""A caller may have this many times what is free in all its workspaces together: it may serve several itself, and they
should not hurt one another."""

CHAT_SHARE = 0.75
"""Which part of all may be chats. They wait for a provider for up to a minute; all else is done within seconds."""

RETRY_AFTER_SECONDS = 1
LIMITED = "/v"
"""Paths that begin with this are counted: the API, and not what tells about the server's health."""


class Shares:
    """Counts requests in progress, of `room` in all. `most` is a fixed limit for a caller; 0 is none."""

    def __init__(self, room: int, most: int = 0) -> None:
        self._room = self.free = max(1, room)
        self._most = most or self.free
        self._counts: dict[Lane, int] = {}

    def in_progress(self) -> int:
        """How many requests are counted now."""
        return self._room - self.free

    def begin(self, lane: Lane) -> bool:
        """Count one more request of the lane, if it may have one. Says whether it may."""
        here, free = self._counts.get(lane, 0), self.free
        in_progress = self._room - free
        if in_progress >= free or in_progress >= self._most:  # else no caller can have too many
            in_all = sum(count for other, count in self._counts.items() if other.caller == lane.caller)
            if here >= free or in_all >= self._most or in_all >= WORKSPACES * free:
                return False
        self.free = free - 1
        self._counts[lane] = here + 1
        return True

    def end(self, lane: Lane) -> None:
        """One that had begun has ended. Whoever has none left is forgotten."""
        self.free += 1
        here = self._counts[lane] - 1
        if here:
            self._counts[lane] = here
        else:
            del self._counts[lane]


class InProgressLimit:
    """Middleware that answers 429 with Retry-After to a caller that has too many requests in progress.

    `shares` counts all requests, `chats` those that ask a question as well.
    """

    def __init__(self, app: ASGIApp, callers: Callers, shares: Shares, chats: Shares) -> None:
        self._app = app
        self._callers = callers
        self._all = shares
        self._chats = chats

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(LIMITED):
            await self._app(scope, receive, send)
            return
        lane = self._callers.of(scope)
        if not self._all.begin(lane):
            await _refuse("requests", send)
            return
        try:
            if is_chat(scope):
                await self._chat(lane, scope, receive, send)
            else:
                await self._app(scope, receive, send)
        finally:
            self._all.end(lane)

    async def _chat(self, lane: Lane, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._chats.begin(lane):
            await _refuse("chats", send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._chats.end(lane)


def is_chat(scope: Scope) -> bool:
    """Whether a request asks a question, of a workspace or of a peer."""
    if not scope["path"].endswith(("/chat", "/chat/")):
        return False
    match path_segments(scope):
        case ["v3", "workspaces", _, "chat"] | ["v3", "workspaces", _, "peers", _, "chat"]:
            return True
    return False


async def _refuse(what: str, send: Send) -> None:
    """Refuse without reading the body."""
    body = orjson.dumps({"detail": f"Too many {what} of this caller are in progress"})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(RETRY_AFTER_SECONDS).encode()),
    ]
    await send({"type": "http.response.start", "status": 429, "headers": headers})
    await send({"type": "http.response.body", "body": body})
