"""Identify the caller of a request, for rate limits, admission control and fair scheduling."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from starlette.types import Scope

from omoide.fairness.lanes import Lane

WORKSPACE = "workspace_id"
"""The path parameter of the workspace."""


class Callers:
    """Identifies callers by key or network address.

    `is_good` returns whether an Authorization header has a valid key; None if authentication is off. Requests without a
    valid key are identified by address, so that made-up keys gain nothing.
    """

    def __init__(self, is_good: Callable[[str], bool] | None) -> None:
        self._is_good = is_good

    def caller(self, scope: Scope) -> str:
        """The key of an HTTP request if it is valid, else the network address."""
        if self._is_good is not None and (key := self._key(scope, self._is_good)):
            return key
        return network(scope["client"])

    def lane(self, scope: Scope) -> Lane:
        """The lane (workspace and caller) of a request, which must have been routed."""
        workspace, client = scope["path_params"].get(WORKSPACE, ""), scope["client"]
        if self._is_good is None and client:
            return _lane_of_host(workspace, client[0])
        return Lane(workspace, self.caller(scope))

    def _key(self, scope: Scope, is_good: Callable[[str], bool]) -> str:
        """The key of the request if it is valid, else an empty string."""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = str(value, "latin-1")
                # The key without the scheme, because case and whitespace may vary.
                return authorization.partition(" ")[2].strip() if is_good(authorization) else ""
        return ""


@lru_cache(1_024)
def _lane_of_host(workspace: str, host: str) -> Lane:
    return Lane(workspace, network((host, 0)))


def network(client: tuple[str, int] | None) -> str:
    """The caller's address; for IPv6 the /64 prefix, since a caller controls all addresses in it."""
    if client is None:
        return ""
    host = client[0]
    if ":" not in host:
        return host
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return host
    return str(address.ipv4_mapped or int(address) >> 64)
