"""HTTP as bytes, for what no client library would send."""

from __future__ import annotations

import errno
import socket
from urllib.parse import urlsplit

from tests.server_process import Server

PATIENCE = 20.0
"""After so many seconds a test gives up; nothing here waits so long by design."""

CLOSED_BY_THE_OTHER_SIDE = {errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN}


def connect(server: Server) -> socket.socket:
    place = urlsplit(server.url)
    assert place.hostname
    assert place.port
    return socket.create_connection((place.hostname, place.port), timeout=PATIENCE)


def until_closed(connection: socket.socket) -> bytes:
    """All that still comes, until the other side closes."""
    received = b""
    try:
        while data := connection.recv(65_536):
            received += data
    except ConnectionError:
        pass  # closed while we were still speaking
    return received


def statuses(received: bytes) -> list[int]:
    """The status of every answer in it, in their order."""
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def exchange(server: Server, request: bytes) -> bytes:
    """What a server answers to these bytes, after which it is told that nothing more will come.

    A server that has heard enough may close before it has read everything; then our kernel may drop the answer.
    """
    with connect(server) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        except OSError as error:
            if error.errno not in CLOSED_BY_THE_OTHER_SIDE:
                raise
        return until_closed(connection)
