"""uvicorn's HTTP protocol with timeouts and limits on header size and connections.

uvicorn has no timeout for started requests, no limit on headers, and no timeout for clients that do not read. Here each
process checks its connections once a second and closes those with slow headers, a slow body or an unread response.
Above the connection limit, connections that wait for their client are closed for new ones (`giving_way`). A few reserve
connections remain available for health checks. After a refusal the connection drains incoming data before it closes:
closing while the client sends may destroy the response (RFC 9112, section 9.6).
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from omoide.asgi.callers import network
from omoide.cli.connection_counts import ProcessCount
from omoide.cli.connection_eviction import EvictionPolicy, is_evictable_in_reserve
from omoide.core.fd_limit import CONNECTIONS_IN_RESERVE
from omoide.core.settings import Settings

SWEEP_SECONDS = 1.0
BODY_BYTES_PER_SECOND = 1_000
"""The minimum rate of a body: this many received bytes extend its timeout by a second."""

REFUSALS = {
    400: "Invalid HTTP request received.",
    408: "The request took too long to arrive",
    431: "The head of the request is too large",
    503: "Too many connections",
}
_LISTS_SESSIONS = re.compile(rb"[^?]*/sessions/[^/?]+/context\?").match
"""URLs that may list sessions: the only GET operation with a list of ids."""
LISTED_BYTES = 1_000 * len(b"&sessions=" + b"x" * 512)
"""The maximum length of that list: `sessions` has at most 1,000 items of at most 512 characters (openapi.yaml)."""
MOST_LISTING = 16
"""Connections of a process that may send such a URL at the same time: at most 9 MB together."""

MOST_PARSED_BYTES = 65_535
"""The longest URL that httptools parses; it stores lengths in 16 bits."""

WHILE_SENDING = {400, 431}
"""Statuses that are sent while the client may still be sending."""

ANSWERED_IN_RESERVE = {b"/health", b"/ready", b"/metrics"}
"""Paths that are served on reserve connections."""
RESERVE_SECONDS = 2.0
"""Timeout of a reserve connection for its request, and for reading the response."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The settings of the same names, in seconds and bytes."""

    max_connections: int
    max_header_bytes: int
    header_timeout_seconds: float
    body_timeout_seconds: float
    write_timeout_seconds: float


def protocol_of(settings: Settings) -> type[asyncio.Protocol]:
    """The protocol class for uvicorn's option `http`."""
    limits = ConnectionLimits(
        settings.max_connections,
        settings.max_header_bytes,
        settings.header_timeout_seconds,
        settings.body_timeout_seconds,
        settings.write_timeout_seconds,
    )
    return type(
        "LimitedProtocol", (HttpConnection,), {"limits": limits, "reserve": set(), "giving_way": EvictionPolicy()}
    )


class HttpConnection(HttpToolsProtocol):
    """A connection: idle, receiving headers, receiving a body, or responding. `reserve` are those above the limit.

    `count` is the process's connection count if it shares a socket with others.
    """

    limits: ClassVar[ConnectionLimits]
    reserve: ClassVar[set[HttpConnection]]
    giving_way: ClassVar[EvictionPolicy]
    sweeps: ClassVar[dict[asyncio.AbstractEventLoop, asyncio.TimerHandle]] = {}

    def __init__(self, *args: Any, count: ProcessCount | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.count = count
        self.network = ""
        self.head_bytes = 0
        self.read_bytes = 0
        self.in_head = True  # a connection that sends nothing is subject to the header timeout
        self.in_body = False
        self.since = 0.0
        self.body_bytes = 0
        self.refusal = 400
        self.unread = 0
        self.unread_since = 0.0
        self.is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.since = self.unread_since = self.loop.time()
        self.network = network(self.client)
        if not self._finds_room():
            if len(self.reserve) < CONNECTIONS_IN_RESERVE or self._makes_room_in_reserve():
                self.reserve.add(self)
            else:
                self.refuse(503)
        if self.loop not in self.sweeps:
            self._sweep_later()

    def connection_lost(self, exc: Exception | None) -> None:
        self.reserve.discard(self)
        if self.count is not None:
            self.count.closed()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.is_ending:
            return
        if not self.in_body:
            if not self.in_head:
                self.in_head, self.since, self.head_bytes = True, self.loop.time(), 0
            self.head_bytes += len(data)
        self.read_bytes = len(data)
        super().data_received(data)
        # Count the bytes fed to the parser, since it does not report an unfinished line.
        if self.in_head and self.head_bytes > self.limits.max_header_bytes and not self.is_ending:
            self._judge_long_head()

    def on_message_begin(self) -> None:
        if not self.in_head:  # pipelined with the previous request
            self.in_head, self.since, self.head_bytes = True, self.loop.time(), 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if max(self.head_bytes, self.read_bytes) > self.limits.max_header_bytes:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > self.most_head_bytes:
                self.refusal = 431
                raise ValueError  # stops the parser
        if self in self.reserve and not self._is_served_in_reserve():
            self.refusal = 503
            raise ValueError
        self.in_head, self.in_body, self.body_bytes, self.head_bytes = False, True, 0, 0
        if len(self.url) <= MOST_PARSED_BYTES:
            super().on_headers_complete()
        else:
            self.url, _, query = self.url.partition(b"?")
            super().on_headers_complete()
            self.scope["query_string"] = query  # the request's task has not started yet
        if self.reserve or (self.count is not None and self.count.to_release):
            self._end_after_answer()

    def _end_after_answer(self) -> None:
        """Close after this request if the connection is in reserve or should move to another process."""
        if self in self.reserve or (self.count is not None and self.cycle.keep_alive and self.count.release()):
            self.cycle.keep_alive = False  # sends `Connection: close`, so no request is lost

    def _is_served_in_reserve(self) -> bool:
        """Whether the request is a health check, or the connection fits within the limit by now."""
        if self.url.partition(b"?")[0] in ANSWERED_IN_RESERVE:
            return True
        if self._finds_room():
            self.reserve.discard(self)
        return self not in self.reserve

    def on_body(self, body: bytes) -> None:
        self.body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self.refuse(self.refusal)

    def refuse(self, status: int) -> None:
        """Send an error response unless one is in progress, and close: at once, or after a client that may be sending
        has finished."""
        if self in self.reserve and self.is_answering:
            return  # closed after that response
        if self.cycle is not None and self.cycle.response_started and (self.in_body or self.is_answering):
            self.transport.abort()  # the client would read a second response as part of the first
            return
        body = orjson.dumps({"detail": REFUSALS[status]})
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        if (status in WHILE_SENDING or self in self.reserve) and not self.is_answering:
            self.is_refused, self.since = True, self.loop.time()
            self.transport.write_eof()
        else:
            self.transport.close()

    @property
    def most_head_bytes(self) -> int:
        """The header limit, by the URL received so far."""
        return self.limits.max_header_bytes + (LISTED_BYTES if _LISTS_SESSIONS(self.url) else 0)

    def _judge_long_head(self) -> None:
        """Refuse headers above their limit, or above the common limit while too many others are."""
        if self.head_bytes > self.most_head_bytes:
            self.refuse(431)
        elif (
            sum(each.in_head and each.head_bytes > self.limits.max_header_bytes for each in self._all()) > MOST_LISTING
        ):
            self.refuse(503)

    def _all(self) -> set[HttpConnection]:
        connections: Any = self.connections
        return {*connections}

    @property
    def is_ending(self) -> bool:
        return self.is_refused or self.transport.is_closing()

    @property
    def is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def is_closing(self) -> bool:
        return self.transport.is_closing()

    def _finds_room(self) -> bool:
        """Whether the connection is within the limit, or another one was closed for it."""
        if len(self.connections) - len(self.reserve - {self}) <= self.limits.max_connections:
            return True
        return _close(self.giving_way.of(self._all() - self.reserve, self, self.loop.time()))

    def _makes_room_in_reserve(self) -> bool:
        return _close(is_evictable_in_reserve(self.reserve, self, self.loop.time()))

    def _sweep_later(self) -> None:
        self.sweeps[self.loop] = self.loop.call_later(SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        del self.sweeps[self.loop]
        now = self.loop.time()
        for connection in self._all():
            connection.look_over(now)
        if self.count is not None:
            self.count.plan_releases()
        if self.connections:
            self._sweep_later()

    def look_over(self, now: float) -> None:
        """Close the connection if it has exceeded a timeout."""
        is_in_reserve = self in self.reserve
        write_timeout_seconds = min(self.limits.write_timeout_seconds, RESERVE_SECONDS if is_in_reserve else inf)
        header_timeout_seconds = min(self.limits.header_timeout_seconds, RESERVE_SECONDS if is_in_reserve else inf)
        unread = self.transport.get_write_buffer_size()
        if unread == 0 or unread != self.unread:
            self.unread, self.unread_since = unread, now
        elif now - self.unread_since > write_timeout_seconds:
            self.transport.abort()
            return
        if self.transport.is_closing() or self.flow.read_paused:
            return
        waited = now - self.since
        if self.is_refused:
            if waited > write_timeout_seconds:
                self.transport.abort()
        elif self.in_body and waited > self.limits.body_timeout_seconds + self.body_bytes / BODY_BYTES_PER_SECOND:
            self.refuse(408)
        elif self.in_head and not self.is_answering and waited > header_timeout_seconds:
            self.refuse(408) if self.head_bytes else self.transport.close()


def _close(connection: Any) -> bool:
    """Abort the connection, if any; returns whether there was one."""
    if connection is not None:
        connection.transport.abort()
    return connection is not None
