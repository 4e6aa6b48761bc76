"""Authorization of MCP requests: the challenge to clients without a key, and the metadata of RFC 9728.

Clients that speak OAuth read the metadata to find an authorization server. Keys are made by the operator, so there is
one only if a setting names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.types import Scope

WELL_KNOWN = "/.well-known/oauth-protected-resource"
NO_KEY = "A valid key is needed: send it as `Authorization: Bearer KEY`"

_HOST = re.compile(rb"[A-Za-z0-9._~%:\[\]-]+")
_SAFE = "/%:@!$&'()*+,;=~"


class ProtectedResource:
    """The MCP endpoint of a server with authentication, as RFC 9728 describes it.

    `is_good` decides whether an Authorization header has a valid key. `public_url` is the server's URL as clients know
    it; empty for the one that they used.
    """

    def __init__(
        self, is_good: Callable[[str], bool], public_url: str = "", authorization_servers: Sequence[str] = ()
    ) -> None:
        self.is_good = is_good
        self.public_url = public_url
        self.authorization_servers = authorization_servers

    def challenge(self, scope: Scope) -> bytes | None:
        """The WWW-Authenticate header of a refusal; None if the request has a valid key."""
        given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        if self.is_good(given):
            return None
        where = f'resource_metadata="{self._metadata_url(scope)}"'
        return f'Bearer error="invalid_token", {where}'.encode() if given else f"Bearer {where}".encode()

    def path_of(self, scope: Scope) -> str | None:
        """The path on this server that a request for metadata is about, empty for all; None for other requests."""
        path = _path(scope)
        if path != WELL_KNOWN and not path.startswith(f"{WELL_KNOWN}/"):
            return None
        about = path[len(WELL_KNOWN) :].rstrip("/")
        prefix = urlsplit(self.public_url).path
        return about.removeprefix(prefix) if about == prefix or about.startswith(f"{prefix}/") else about

    def metadata(self, scope: Scope, path: str) -> dict[str, Any]:
        """The metadata of what is served at this path."""
        described: dict[str, Any] = {"resource": self._base(scope) + path}
        if self.authorization_servers:  # RFC 9728, section 3.2: no empty lists
            described["authorization_servers"] = list(self.authorization_servers)
        return {**described, "bearer_methods_supported": ["header"], "resource_name": "Omoide"}

    def _metadata_url(self, scope: Scope) -> str:
        base = urlsplit(self._base(scope))
        return f"{base.scheme}://{base.netloc}{WELL_KNOWN}{base.path}{_path(scope).rstrip('/')}"

    def _base(self, scope: Scope) -> str:
        if self.public_url:
            return self.public_url
        host = dict(scope["headers"]).get(b"host", b"")
        if not _HOST.fullmatch(host):  # it ends up in a quoted string
            host = "{}:{}".format(*scope["server"]).encode()
        return f"{scope['scheme']}://{host.decode()}"


def _path(scope: Scope) -> str:
    """The path as it was sent, without characters that a URL may not have."""
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    return quote(raw, safe=_SAFE)
