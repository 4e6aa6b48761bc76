"""Who sends a request: the one definition for whatever is limited, counted or shared out by caller."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from urllib.parse import unquote

from starlette.types import Scope

from omoide.turns import Lane

LANE = "lane"
"""Where the scope's extensions hold who calls, and in which workspace."""

IN_WORKSPACE = b"/v3/workspaces/"
"""What the paths of operations in a workspace usually begin with; its id follows."""


class Callers:
    """Finds the caller of a request.

    `is_good` tells whether an Authorization header brings a good key. Requests without one are told apart by address,
    so that made-up keys gain nothing.
    """

    def __init__(self, is_good: Callable[[str], bool] | None) -> None:
        self._is_good = is_good

    def of(self, scope: Scope) -> Lane:
        """Who sends an HTTP request, and in which workspace. It is found once, and kept in the extensions."""
        extensions = scope.setdefault("extensions", {})
        lane: Lane | None = extensions.get(LANE)
        if lane is None:
            client, workspace = scope["client"], _workspace(scope)
            if self._is_good is not None and (key := self._key(scope, self._is_good)):
                lane = Lane(workspace.decode(errors="replace"), key)
            else:
                lane = _lane_of_host(workspace, client[0] if client else "")
            extensions[LANE] = lane
        return lane

    def _key(self, scope: Scope, is_good: Callable[[str], bool]) -> str:
        """The key that the request brings, if it is good; empty if not."""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = str(value, "latin-1")
                # The key itself, because the scheme and the blanks around it may be written in many ways.
                return authorization.partition(" ")[2].strip() if is_good(authorization) else ""
        return ""


def _workspace(scope: Scope) -> bytes:
    """The workspace that the path names, in UTF-8; empty for none."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    if path.startswith(IN_WORKSPACE) and b"%" not in path:  # the usual spelling, which needs no decoding
        return path[len(IN_WORKSPACE) :].partition(b"/")[0]
    match path_segments(scope):
        case ["v3", "workspaces", workspace, *_]:
            return workspace.encode()
    return b""


@lru_cache(1_024)
def _lane_of_host(workspace: bytes, host: str) -> Lane:
    return Lane(workspace.decode(errors="replace"), network((host, 0)))


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
