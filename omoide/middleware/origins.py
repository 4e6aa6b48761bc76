"""Which web pages may use the server: CORS where it is allowed, and a guard where nothing but the place protects.

A server without authentication trusts whoever reaches it. A browser on the same machine reaches it too, on behalf of
any page that is open: it sends some requests of foreign pages without asking, forms with files among them, and a page
whose own name is made to lead here (DNS rebinding) may even read. So without authentication a request that comes from a
page of another origin is refused, and one that calls a server on loopback by a name from outside as well.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

import orjson
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

METHODS = ("GET", "POST", "PUT", "DELETE")
REQUEST_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "X-Request-ID", "X-Honcho-Host")
RESPONSE_HEADERS = ("Retry-After", "X-Request-ID")
KNOWN_HOSTS = 1_024

FOREIGN_ORIGIN = "Requests from pages of another origin are refused: see OMOIDE_CORS_ORIGINS"
FOREIGN_HOST = "The server is not known by this host name: see OMOIDE_ALLOWED_HOSTS"


def with_cors(app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """The application for pages of these origins too; `*` is any. Without credentials: keys are sent plainly."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=METHODS,
        allow_headers=REQUEST_HEADERS,
        expose_headers=RESPONSE_HEADERS,
    )


class SameOrigin:
    """Middleware that answers 403 to pages of other origins, `origins` excepted, and to foreign host names.

    `hosts`: the names by which the server is called, `*` any. None: names of this machine, and addresses.
    """

    def __init__(self, app: ASGIApp, origins: Collection[str], hosts: Collection[str] | None) -> None:
        self._app = app
        self._origins = frozenset(origins)
        self._hosts = hosts if hosts is None else frozenset(host.lower() for host in hosts)
        self._known: set[bytes] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (fault := self._fault(scope)):
            body = orjson.dumps({"detail": fault})
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return
        await self._app(scope, receive, send)

    def _fault(self, scope: Scope) -> str | None:
        host = origin = None
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value
        # Browsers name the host in every request; a caller that does not is none.
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
        return True  # an address cannot be made to lead elsewhere

    def _is_welcome(self, origin: str, host: bytes | None) -> bool:
        if "*" in self._origins or origin in self._origins:
            return True
        # The scheme is not compared: in front of the server may stand what speaks TLS for it.
        return host is not None and origin.partition("://")[2] == host.decode("latin-1")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
