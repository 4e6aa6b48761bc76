"""An HTTP proxy on loopback that records requests and injects faults."""

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
    """Forwards every POST to `upstream`, unless `fault` is set, which then answers instead.

    `asked` holds the JSON bodies and `headers` the headers of all requests. `released` ends all stalls.
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
        """The real response of upstream."""
        return self.upstream.post(path, content=self.change(body))


@contextmanager
def fault_proxy(upstream: httpx.Client, change: Callable[[bytes], bytes] = bytes) -> Iterator[FaultProxy]:
    """A running FaultProxy for the server of the client `upstream`; `change` is applied to forwarded requests."""
    proxy = FaultProxy(upstream, change)

    class ProxyHandler(BaseHTTPRequestHandler):
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
            """Suppress output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), ProxyHandler)
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    # The interval at which the server checks for shutdown, in seconds.
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
    """Send one response; `promised` is a wrong Content-Length."""
    handler.send_response(status)
    length = str(len(body) if promised is None else promised)
    for name, value in {"Content-Type": "application/json", "Content-Length": length, **headers}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


Fault = Callable[[BaseHTTPRequestHandler, FaultProxy, bytes], None]


def answering(status: int, body: bytes, **headers: str) -> Fault:
    """Answers with `status` and `body`, without calling upstream; `headers` as `Retry_After="1"`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, proxy, asked: send(handler, status, body, headers=named)


def passing(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
    """No fault: the real response. For use in a sequence."""
    real = proxy.forwarded(handler.path, asked)
    send(handler, real.status_code, real.content, headers={"Content-Type": real.headers["Content-Type"]})


def in_turn(*faults: Fault) -> Fault:
    """Each of `faults` once, in order; then the last one repeatedly."""
    left = list(faults)

    def fault(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler, proxy, asked)

    return fault


def stalling(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
    """Accepts the request and hangs until the proxy closes."""
    proxy.released.wait()


def dribbling(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
    """Sends a byte every few milliseconds, until stopped."""
    send(handler, 200, b"", promised=1_000_000)
    while not proxy.released.wait(0.01):
        try:
            handler.wfile.write(b" ")
        except OSError:
            return


def halving(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
    """Disconnects in the middle of the real response."""
    real = proxy.forwarded(handler.path, asked).content
    send(handler, 200, real[: len(real) // 2], promised=len(real))


def hanging_up(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
    """Closes the connection without a response."""
    handler.connection.close()


def rewriting(change: Callable[[list[dict[str, Any]]], object]) -> Fault:
    """Forwards the real response after `change` has modified its `data`, in place or by its return value."""

    def fault(handler: BaseHTTPRequestHandler, proxy: FaultProxy, asked: bytes) -> None:
        real = proxy.forwarded(handler.path, asked).json()
        changed = change(real["data"])
        if changed is not None:
            real["data"] = changed
        send(handler, 200, json.dumps(real).encode())

    return fault
