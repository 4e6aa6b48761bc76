"""Who sends a request: the one definition for whatever is limited, counted or shared out by caller."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from starlette.types import Scope

from omoide.lanes import Lane

WORKSPACE = "workspace_id"
"""The parameter of a path that names the workspace."""


class Callers:
    """Finds the caller of a request.

    `is_good` tells whether an Authorization header brings a good key; None if no keys are asked for. Requests without
    a good one are told apart by address, so that made-up keys gain nothing.
    """

    def __init__(self, is_good: Callable[[str], bool] | None) -> None:
        self._is_good = is_good

    def caller(self, scope: Scope) -> str:
        """The key that an HTTP request brings, if it is good, and else the network address."""
        if self._is_good is not None and (key := self._key(scope, self._is_good)):
            return key
        return network(scope["client"])

    def lane(self, scope: Scope) -> Lane:
        """Who sends a request, and in which workspace; the request must have been routed."""
        workspace, client = scope["path_params"].get(WORKSPACE, ""), scope["client"]
        if self._is_good is None and client:
            return _lane_of_host(workspace, client[0])
        return Lane(workspace, self.caller(scope))

    def _key(self, scope: Scope, is_good: Callable[[str], bool]) -> str:
        """The key that the request brings, if it is good; empty if not."""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = str(value, "latin-1")
                # The key itself, because the scheme and the blanks around it may be written in many ways.
                return authorization.partition(" ")[2].strip() if is_good(authorization) else ""
        return ""


@lru_cache(1_024)
def _lane_of_host(workspace: str, host: str) -> Lane:
    return Lane(workspace, network((host, 0)))


def network(client: tuple[str, int] | None) -> str:
    """The caller's address; of an IPv6 address the first half, since one caller has all that begin with it."""
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
