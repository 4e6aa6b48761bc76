"""The addresses of MCP: `/mcp`, `/mcp/{workspace}`, `/mcp/full` and `/mcp/full/{workspace}`."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

from starlette.types import Scope

PATH = "/mcp"
FULL = "full"
"""The set of tools that has addresses of its own; no workspace of this name is at `/mcp/full`."""
HEADER = "X-Honcho-Workspace-ID"
KEY = "omoide.mcp.address"
"""Key of the Address in the extensions of a scope."""


class Address(NamedTuple):
    """What the address and the header of a request say. None: nothing, or for the set of tools, the server's."""

    tool_set: str | None
    fixed_workspace: str | None
    usual_workspace: str | None
    """Of the header: that of calls which name none."""

    @property
    def workspace(self) -> str | None:
        return self.fixed_workspace or self.usual_workspace


def path_of(scope: Scope) -> str:
    """The path as it was sent, in which an id may contain an encoded slash."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("latin-1")


def is_ours(path: str) -> bool:
    return path == PATH or (path.startswith(f"{PATH}/") and len(_parts(path)) <= 1 + (_parts(path)[0] == FULL))


def address_of(scope: Scope) -> Address:
    """The address of a request whose path is ours."""
    parts = _parts(path_of(scope))
    tool_set = parts.pop(0) if parts[0] == FULL else None
    header = dict(scope["headers"]).get(HEADER.lower().encode(), b"").decode("latin-1")
    return Address(tool_set, unquote("/".join(parts)) or None, header or None)


def _parts(path: str) -> list[str]:
    return path[len(PATH) :].strip("/").split("/")
