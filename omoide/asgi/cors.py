"""CORS, and protection of servers without authentication against web pages of other origins.

A server without authentication trusts every client that can reach it, including a browser on the same machine acting
for any open page. A browser sends some cross-origin requests without preflight, including forms with files, and with
DNS rebinding a page can even read responses. So without authentication, requests from pages of another origin are
refused, and on a loopback address also requests with a foreign Host header.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

import orjson
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
REQUEST_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID", "X-Honcho-Host")
MCP_HEADERS = ("Mcp-Protocol-Version", "Mcp-Session-Id", "Mcp-Method", "Mcp-Name", "X-Honcho-Workspace-ID")
RESPONSE_HEADERS = ("Retry-After", "X-Request-ID", "WWW-Authenticate", "Mcp-Session-Id")
KNOWN_HOSTS = 1_024

FOREIGN_ORIGIN = "Cross-origin requests are refused: see OMOIDE_CORS_ORIGINS"
FOREIGN_HOST = "Unknown host name in the Host header: see OMOIDE_ALLOWED_HOSTS"


def with_cors(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """Add CORS for these origins; `*` for any. Without credentials, because keys are sent in a header."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=METHODS,
        allow_headers=(*REQUEST_HEADERS, *MCP_HEADERS),
        expose_headers=RESPONSE_HEADERS,
    )


class SameOriginGuard:
    """Middleware that answers 403 to cross-origin requests, except from `origins`, and to foreign host names.

    `hosts` are the accepted host names, `*` for any. None: localhost and IP addresses.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str], hosts: Collection[str] | None) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._hosts = hosts if hosts is None else frozenset(host.lower() for host in hosts)
        self._known: set[bytes] = set()

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and (fault := self._fault(scope)):
            return _refuse(fault, send)
        return self._app(scope, receive, send)

    def _fault(self, scope: Scope) -> str | None:
        host = origin = None
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value
        # Browsers always send Host; a client that does not is not a browser.
        if host is not None and host not in self._known and not self._learn(host):
            return FOREIGN_HOST
        if origin is not None and not self._is_welcome(origin.decode("latin-1"), host):
            return FOREIGN_ORIGIN
        return None

    def _learn(self, host: bytes) -> bool:
        if not self._is_ours(host.decode("latin-1")):
            return False
        if len(self._known) < KNOWN_HOSTS:
            self._known.add(host)
        return True

    def _is_ours(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            return False
        if self._hosts is not None:
            return "*" in self._hosts or name in self._hosts
        if name == "localhost" or name.endswith(".localhost"):
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True  # an address is not subject to DNS rebinding

    def _is_welcome(self, origin: str, host: bytes | None) -> bool:
        if "*" in self._origins or origin in self._origins:
            return True
        # The scheme is not compared, because a reverse proxy may terminate TLS.
        return host is not None and origin.partition("://")[2] == host.decode("latin-1")


async def _refuse(fault: str, send: Send) -> None:
    body = orjson.dumps({"detail": fault})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
