"""A scripted provider on a socket that violates HTTP, OpenAI's format, or size and time limits.

A script writes bytes to the connection. They are counted, so that a test can check how much was read.
"""

from __future__ import annotations

import gzip
import json
import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

from tests.inference.completions import USAGE

Script = Callable[["ProviderConnection", dict[str, Any]], None]
"""Takes the connection and the JSON of the request."""

MEGABYTE = 1024 * 1024
MOST_SENT = 64 * MEGABYTE
"""The end of endless scripts, so that a server without limits fails a test instead of filling the memory."""
DRIP_SECONDS = 0.02


class ProviderConnection:
    """One connection, and the bytes sent over it."""

    def __init__(self, connection: socket.socket, released: Event) -> None:
        self.sent = 0
        self._connection = connection
        self._released = released

    def say(self, data: bytes) -> None:
        """Raises OSError after the peer has disconnected."""
        self._connection.sendall(data)
        self.sent += len(data)

    def for_ever(self, data: bytes) -> None:
        """Send the same repeatedly, as fast as it is read."""
        while self.sent < MOST_SENT and not self._released.is_set():
            self.say(data)

    def drip(self, data: bytes) -> None:
        """Send the same repeatedly and slowly, until the end of the test."""
        while not self._released.wait(DRIP_SECONDS):
            self.say(data)

    def await_end(self, seconds: float) -> None:
        """Wait until the peer closes the connection. Raises OSError if it does not within that time."""
        self._connection.settimeout(seconds)
        while self._connection.recv(65_536):
            pass

    def hang(self) -> None:
        self._released.wait()


class Misbehaving:
    """`url` is a value for `model_base_url`; `script` may be replaced at any time."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.lines: list[ProviderConnection] = []
        self.asked: list[dict[str, Any]] = []
        self.released = Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/v1"
        self._threads = [Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def sent(self) -> int:
        return sum(line.sent for line in self.lines)

    def close(self) -> None:
        self.released.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._threads.append(Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(10)
            asked = _request(connection)
            if asked is None:
                return
            line = ProviderConnection(connection, self.released)
            self.lines.append(line)
            self.asked.append(asked)
            self.script(line, asked)
            # Closing with unread data would reset the connection before the client reads the response.
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65_536):
                pass


def _request(connection: socket.socket) -> dict[str, Any] | None:
    with connection.makefile("rb") as lines:
        length = 0
        while (line := lines.readline()).strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return json.loads(lines.read(length)) if length else None


@contextmanager
def misbehaving(script: Script) -> Iterator[Misbehaving]:
    provider = Misbehaving(script)
    try:
        yield provider
    finally:
        provider.close()


# Building blocks of scripts.


def head(status: int = 200, *headers: str, media: str = "application/json") -> bytes:
    """The head of a response that ends when the connection is closed."""
    lines = [f"HTTP/1.1 {status} Answer", f"Content-Type: {media}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode()


EVENTS = "text/event-stream"


def beginning(asked: dict[str, Any], *headers: str) -> bytes:
    """The head of a response of the requested kind."""
    return head(200, *headers, media=EVENTS if asked.get("stream") else "application/json")


def body(data: bytes, status: int = 200, *headers: str, media: str = "application/json") -> Script:
    """A response with this body, whatever was requested."""
    return lambda line, asked: line.say(head(status, *headers, media=media) + data)


def choice(message: dict[str, Any], reason: str | None = "stop", **more: Any) -> dict[str, Any]:
    """A complete response."""
    choices = [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}]
    return {"id": "1", "object": "chat.completion", "created": 1, "model": "toy", "choices": choices} | {
        "usage": USAGE,
        **more,
    }


def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    """An event of a streamed response."""
    choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
    return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "toy", "choices": choices} | more


def event(payload: Any) -> bytes:
    return f"data: {json.dumps(payload)}\n\n".encode()


DONE = b"data: [DONE]\n\n"


def answering(message: dict[str, Any], reason: str | None = "stop", **more: Any) -> Script:
    """This message, as a whole response or as one event and the end."""

    def script(line: ProviderConnection, asked: dict[str, Any]) -> None:
        if asked.get("stream"):
            events = event(chunk(message, **more)) + event(chunk({}, reason)) + DONE
            line.say(beginning(asked) + events)
        else:
            line.say(beginning(asked) + json.dumps(choice(message, reason, **more)).encode())

    return script


def said(text: str) -> Script:
    return answering({"content": text})


def payload(whole: Any, streamed: Any = None) -> Script:
    """This JSON instead of a response, or instead of an event, with the end of a stream after it."""

    def script(line: ProviderConnection, asked: dict[str, Any]) -> None:
        if asked.get("stream"):
            line.say(beginning(asked) + event(whole if streamed is None else streamed) + DONE)
        else:
            line.say(beginning(asked) + json.dumps(whole).encode())

    return script


def raw(data: bytes) -> Script:
    """These bytes as the JSON of a response or an event."""

    def script(line: ProviderConnection, asked: dict[str, Any]) -> None:
        line.say(beginning(asked) + (b"data: " + data + b"\n\n" + DONE if asked.get("stream") else data))

    return script


def events(*data: bytes) -> Script:
    """A stream of these bytes that ends with them."""
    return lambda line, asked: line.say(head(media=EVENTS) + b"".join(data))


def endless(data: bytes, start: bytes = b"", *headers: str) -> Script:
    def script(line: ProviderConnection, asked: dict[str, Any]) -> None:
        line.say(beginning(asked, *headers) + start)
        line.for_ever(data)

    return script


def dripping(data: bytes, start: bytes = b"", before: bytes | None = None) -> Script:
    """A few bytes at intervals, after the head or after `before`."""

    def script(line: ProviderConnection, asked: dict[str, Any]) -> None:
        line.say((beginning(asked) if before is None else before) + start)
        line.drip(data)

    return script


def packed_zeros(size: int, *, coding: str = "gzip") -> bytes:
    """A number of blanks, compressed to a thousandth."""
    blanks = b" " * size
    return gzip.compress(blanks) if coding == "gzip" else zlib.compress(blanks)


def then_for_ever(start: bytes, data: bytes) -> Script:
    """Sends `start`, and then `data` until the client goes away."""

    def script(line: ProviderConnection, asked: dict[str, Any]) -> None:
        line.say(start)
        line.for_ever(data)

    return script
