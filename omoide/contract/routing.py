"""Routing by a tree of path segments, the same cost for every path.

Stock Connexion tries one regular expression after another. Here Connexion still hands over every path, method and
operation (`AbstractRoutingAPI`), but they are kept in a dictionary tree. A fixed segment is preferred to a parameter,
and no word is reserved: `PUT /things/list` reaches `/things/{id}` where `/things/list` has no PUT. Segments are split
before they are decoded, so an id may contain an encoded slash; `…/` is served like `…`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from connexion.middleware.abstract import ROUTING_CONTEXT, AbstractRoutingAPI, SpecMiddleware
from connexion.operations import AbstractOperation
from connexion.spec import Specification
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(slots=True)
class Node:
    """One place in the tree. `methods` maps an upper-case method to (operation id, parameter names)."""

    fixed: dict[str, Node] = field(default_factory=dict)
    parameter: Node | None = None
    methods: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)

    def add(self, method: str, path: str, operation_id: str) -> None:
        node, names = self, []
        for segment in path.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or Node()
                node = node.parameter
            else:
                node = node.fixed.setdefault(segment, Node())
        node.methods[method.upper()] = (operation_id, tuple(names))

    def find(self, segments: list[str], at: int = 0) -> Iterator[tuple[Node, tuple[str, ...]]]:
        """Every node that the segments lead to, with the parameters' values; the most fixed one first."""
        if at == len(segments):
            yield self, ()
            return
        segment = segments[at]
        if segment in self.fixed:
            yield from self.fixed[segment].find(segments, at + 1)
        if self.parameter is not None and segment:
            for node, values in self.parameter.find(segments, at + 1):
                yield node, (segment, *values)


class SegmentAPI(AbstractRoutingAPI[str]):
    """Fills a tree with the operations of one document."""

    def __init__(self, specification: Specification, *, tree: Node, **kwargs: Any) -> None:
        self.tree = tree
        super().__init__(specification, **kwargs)

    def make_operation(self, operation: AbstractOperation) -> str:
        return str(operation.operation_id)

    @staticmethod
    def _framework_path_and_name(operation: AbstractOperation, path: str) -> tuple[str, str]:
        return path, path

    def _add_operation_internal(self, method: str, path: str, operation: str, name: str | None = None) -> None:
        self.tree.add(method, path, operation)


class SegmentRouting(SpecMiddleware):
    """Puts path parameters and the operation's id into the scope; 404 and 405 are raised as HTTPException."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.tree = Node()

    def add_api(self, specification: Specification, **kwargs: Any) -> None:
        SegmentAPI(specification, tree=self.tree, **kwargs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            operation_id, scope["path_params"] = self.match(scope["method"], _segments(scope))
            routing = {"api_base_path": "", "operation_id": operation_id}
            scope.setdefault("extensions", {})[ROUTING_CONTEXT] = routing
        await self.app(scope, receive, send)

    def match(self, method: str, segments: list[str]) -> tuple[str, dict[str, str]]:
        """Operation id and path parameters. Raises HTTPException 404 or 405."""
        # Nearly every path is found by always taking the fixed segment; only the others need all ways tried.
        node: Node | None = self.tree
        values: list[str] = []
        for segment in segments:
            assert node is not None
            if (fixed := node.fixed.get(segment)) is not None:
                node = fixed
            else:
                node = node.parameter if segment else None
                if node is None:
                    break
                values.append(segment)
        if node is not None and (found := node.methods.get(method)):
            return found[0], dict(zip(found[1], values, strict=True))
        return self._match_all_ways(method, segments)

    def _match_all_ways(self, method: str, segments: list[str]) -> tuple[str, dict[str, str]]:
        most_fixed: Node | None = None
        for node, values in self.tree.find(segments):
            if method in node.methods:
                operation_id, names = node.methods[method]
                return operation_id, dict(zip(names, values, strict=True))
            if most_fixed is None and node.methods:
                most_fixed = node
        if most_fixed is None:
            raise HTTPException(404)
        # The document's path, and so its Allow, is the one without parameters where there are several.
        raise HTTPException(405, headers={"Allow": ", ".join(sorted(most_fixed.methods))})


def _segments(scope: Scope) -> list[str]:
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    if path.endswith(b"/"):
        path = path[:-1]
    try:
        if b"%" in path:
            return [unquote_to_bytes(segment).decode() for segment in path[1:].split(b"/")]
        return path[1:].decode().split("/")
    except UnicodeDecodeError:
        raise HTTPException(404) from None  # no id of ours is anything but text
