"""The addresses of MCP: `/mcp` and `/mcp/{workspace}`; of a set of tools, `/mcp/full` and `/mcp/{set}/{workspace}`.

`full` alone is the set, not a workspace.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote, unquote

from starlette.types import Scope

PATH = "/mcp"
CORE, FULL = SETS = ("core", "full")
"""The sets of tools."""
HEADER = "X-Honcho-Workspace-ID"
KEY = "omoide.mcp.address"
"""Key of the Address in the extensions of a scope."""


class Address(NamedTuple):
    """What the address and the header of a request say; None if nothing."""

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
    return path == PATH or (path.startswith(f"{PATH}/") and _split(path) is not None)


def address_of(scope: Scope) -> Address:
    """The address of a request whose path is ours."""
    tool_set, workspace = _split(path_of(scope)) or ("", "")
    header = dict(scope["headers"]).get(HEADER.lower().encode(), b"").decode("latin-1")
    return Address(tool_set or None, unquote(workspace) or None, header or None)


def path_to(workspace: str, tool_set: str | None) -> str:
    """The path of a workspace, with a set of tools or with the server's."""
    named = tool_set or (CORE if workspace == FULL else None)
    return "/".join([PATH, *([named] if named else []), quote(workspace, safe="")])


def _split(path: str) -> tuple[str, str] | None:
    """The set of tools and the workspace, empty if they are not named; None for a path that is not ours."""
    first, *others = path[len(PATH) :].strip("/").split("/")
    if not others:
        return (first, "") if first == FULL else ("", first)
    return (first, others[0]) if first in SETS and len(others) == 1 else None
