"""Who sends a request: the one definition for whatever is limited, counted or shared out by caller."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from urllib.parse import unquote

from starlette.types import Scope

from omoide.turns import Lane

LANE = "lane"
"""Where the scope's extensions hold who calls, and in which workspace."""

IN_WORKSPACE = ["v3", "workspaces"]
"""What the paths of operations in a workspace begin with; its id follows."""


class Callers:
    """Finds the caller of a request.

    `is_good` tells whether an Authorization header brings a good key. Requests without one are told apart by address,
    so that made-up keys gain nothing.
    """

    def __init__(self, is_good: Callable[[str], bool] | None) -> None:
        self._is_good = is_good

    def of(self, scope: Scope) -> Lane:
        """Who sends an HTTP request, and in which workspace. It is found once, and kept for `lane_of`."""
        extensions = scope.setdefault("extensions", {})
        lane: Lane | None = extensions.get(LANE)
        if lane is None:
            segments = path_segments(scope)
            workspace = segments[2] if segments[:2] == IN_WORKSPACE and len(segments) > 2 else ""
            lane = extensions[LANE] = Lane(workspace, self._key(scope) or network(scope["client"]))
        return lane

    def _key(self, scope: Scope) -> str:
        """The key that the request brings, if it is good; empty if not."""
        if self._is_good is None:
            return ""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = str(value, "latin-1")
                # The key itself, because the scheme and the blanks around it may be written in many ways.
                return authorization.partition(" ")[2].strip() if self._is_good(authorization) else ""
        return ""


def lane_of(scope: Scope) -> Lane:
    """Whose work a request is, which has come through the middleware; one that is not counted is its address's."""
    lane: Lane | None = scope["extensions"].get(LANE)
    return lane or Lane("", network(scope.get("client")))


def path_segments(scope: Scope) -> list[str]:
    """The segments of the request's path, decoded as routing decodes them: a path may be written in many ways."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    segments = path.decode("latin-1").strip("/").split("/")
    return [unquote(segment) for segment in segments] if b"%" in path else segments


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
