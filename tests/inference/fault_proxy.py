"""A real HTTP server on loopback that stands before another one, keeps what it was asked, and breaks on request."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import MappingProxyType
from typing import Any

import httpx


class FaultProxy:
    """Forwards every POST to `upstream`, unless `fault` is set: then that answers instead.

    `asked` holds the JSON bodies and `headers` the headers of what came in. `released` ends all stalls.
    """

    def __init__(self, upstream: httpx.Client, change: Callable[[bytes], bytes]) -> None:
        self.upstream = upstream
        self.change = change
        self.fault: Callable[[BaseHTTPRequestHandler, FaultProxy, bytes], None] | None = None
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.released = Event()
        self.url = ""

    def forwarded(self, path: str, body: bytes) -> httpx.Response:
        """What upstream really answers."""
        return self.upstream.post(path, content=self.change(body))


@contextmanager
def fault_proxy(upstream: httpx.Client, change: Callable[[bytes], bytes] = bytes) -> Iterator[FaultProxy]:
    """A running FaultProxy before the server that `upstream` is a client of; `change` is made to what is forwarded."""
    proxy = FaultProxy(upstream, change)

    class Handler(BaseHTTPRequestHandler):
        # Head and body go out in two writes, and the second would wait for the first to be acknowledged.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            proxy.asked.append(json.loads(body))
            proxy.headers.append(dict(self.headers.items()))
            if proxy.fault is not None:
                proxy.fault(self, proxy, body)
                return
            passing(self, proxy, body)

        def log_message(self, format: str, *args: object) -> None:
            """Keeps the test output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    # The server looks for its end at this interval (seconds).
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield proxy
    finally:
        proxy.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def send(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    promised: int | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """One answer; `promised` is the length that its head gives, when that is to be a lie."""
    handler.send_response(status)
    length = str(len(body) if promised is None else promised)
    for name, value in {"Content-Type": "application/json", "Content-Length": length, **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


Fault = Callable[[BaseHTTPRequestHandler, FaultProxy, bytes], None]


def answering(status: int, body: bytes, **headers: str) -> Fault:
    """Answers `status` and `body` without asking upstream; `headers` as `Retry_After="1"`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, proxy, asked: send(handler, status, body, headers=named)


def passing(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
    """No fault: the real answer. For use among others."""
    real = proxy.forwarded(handler.path, asked)
    send(handler, real.status_code, real.content, headers={"Content-Type": real.headers["Content-Type"]})


def in_turn(*faults: Fault) -> Fault:
    """Each of `faults` once, in order, and the last one from then on."""
    left = list(faults)

    def fault(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler, proxy, asked)

    return fault


def stalling(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
    """Takes the request and says nothing until the proxy closes."""
    proxy.released.wait()


def dribbling(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
    """Sends a byte every few milliseconds, for as long as it is let."""
    send(handler, 200, b"", promised=1_000_000)
    while not proxy.released.wait(0.01):
        try:
            handler.wfile.write(b" ")
        except OSError:
            return


def halving(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
    """Breaks off in the middle of the real answer."""
    real = proxy.forwarded(handler.path, asked).content
    send(handler, 200, real[: len(real) // 2], promised=len(real))


def hanging_up(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
    """Closes the connection without a word."""
    handler.connection.close()


def rewriting(change: Callable[[list[dict[str, Any]]], object]) -> Fault:
    """Passes the real answer on after `change` has worked on its `data`, in place or by what it returns."""

    def fault(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
        real = proxy.forwarded(handler.path, asked).json()
        changed = change(real["data"])
        if changed is not None:
            real["data"] = changed
        send(handler, 200, json.dumps(real).encode())

    return fault
