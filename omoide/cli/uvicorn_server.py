"""uvicorn's server with connections balanced between the processes that share a listening socket.

With plain uvicorn, the process that wakes first accepts nearly all connections. Here a process that has more
connections than another leaves new ones to that one. It checks again every millisecond, and accepts them itself if no
other process did within `PATIENCE_SECONDS`: the others may be busy, stopped or dead.
"""

from __future__ import annotations

import asyncio
import logging
import select
import socket
from typing import Any

import uvicorn

from omoide.cli.connection_counts import ProcessCount

logger = logging.getLogger("omoide.processes")

BATCH = 16
"""Connections accepted per loop iteration; at most the number of reserve connections."""
LOOK_SECONDS = 0.001
PATIENCE_SECONDS = 0.25
NO_FILES_SECONDS = 1.0
"""The pause in accepting after running out of file descriptors."""


class Server(uvicorn.Server):
    """Serves one listening socket; `count` has the number of connections of each process."""

    def __init__(self, config: uvicorn.Config, count: ProcessCount) -> None:
        super().__init__(config)
        self._count = count
        self._listening: socket.socket | None = None
        self._opening: set[asyncio.Task[Any]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        assert sockets is not None
        (listening,) = sockets
        listening.listen(self.config.backlog)
        listening.setblocking(False)
        self._listening, self._loop = listening, asyncio.get_running_loop()
        self._poll = select.poll()
        self._poll.register(listening, select.POLLIN)
        self._resume()

    async def on_tick(self, counter: int) -> bool:
        self._count.beat()  # uvicorn calls this ten times a second
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            self._loop.remove_reader(listening)
        await super().shutdown(sockets)

    def _resume(self) -> None:
        if self._listening is not None:
            self._loop.add_reader(self._listening, self._accept, self._listening)

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(BATCH):
            if not self._count.may_accept():
                self._loop.remove_reader(listening)
                self._look_later(self._loop.time(), self._count.accepted_by_others)
                return
            try:
                connection, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                logger.error("cannot accept connections: %s", error.strerror)
                self._loop.remove_reader(listening)
                self._loop.call_later(NO_FILES_SECONDS, self._resume)
                return
            self._open(connection)

    def _look_later(self, since: float, accepted: int) -> None:
        self._loop.call_later(LOOK_SECONDS, self._look_again, since, accepted)

    def _look_again(self, since: float, accepted: int) -> None:
        """Accept again if it is this process's turn or the others have accepted nothing for too long."""
        if self._listening is None:
            return
        if not self._poll.poll(0) or self._count.may_accept():
            self._resume()
        elif (now_accepted := self._count.accepted_by_others) != accepted:
            self._look_later(self._loop.time(), now_accepted)
        elif self._loop.time() - since < PATIENCE_SECONDS:
            self._look_later(since, accepted)
        else:
            self._count.stop_waiting()
            self._resume()

    def _open(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._count.accepted()
        opening = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, connection))
        self._opening.add(opening)
        opening.add_done_callback(self._opened)

    def _opened(self, opening: asyncio.Task[Any]) -> None:
        self._opening.discard(opening)
        if opening.cancelled() or opening.exception() is not None:
            self._count.closed()

    def _protocol(self) -> asyncio.Protocol:
        protocol: Any = self.config.http_protocol_class
        made: asyncio.Protocol = protocol(
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
            _loop=self._loop,
            count=self._count,
        )
        return made
