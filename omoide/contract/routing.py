"""Route requests with a trie of path segments, at the same cost for every path.

Stock Connexion tries one regular expression after another, and then each middleware looks up the operation by its id.
Here Connexion still supplies every path, method and operation (`AbstractRoutingAPI`), but they are stored in a trie,
whose leaves are ASGI applications. A fixed segment takes precedence over a parameter, and no word is reserved:
`PUT /things/list` reaches `/things/{id}` if `/things/list` has no PUT. Segments are split before they are decoded, so
an id may contain an encoded slash. A trailing slash is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from connexion.middleware.abstract import ROUTING_CONTEXT, AbstractRoutingAPI, SpecMiddleware
from connexion.operations import AbstractOperation
from connexion.spec import Specification
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

REMEMBERED = 2_048
"""Paths whose routes are remembered: clients ask for the same objects again and again."""

LONGEST_REMEMBERED = 512
"""The longest path that is remembered, in bytes, so that remembered paths take about a megabyte at most."""

Serve = Callable[[AbstractOperation], ASGIApp]
"""Creates the application of an operation, at start-up."""


class Routed(NamedTuple):
    """An operation id and the application that serves it."""

    operation_id: str
    app: ASGIApp


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path: its application, its parameter names, and the routing context for the scope."""

    app: ASGIApp
    names: tuple[str, ...]
    context: dict[str, str]

    def parameters(self, values: Iterable[str]) -> dict[str, str]:
        return dict(zip(self.names, values, strict=True))


@dataclass(slots=True)
class Node:
    """A node of the trie. `methods` maps an upper-case method to its route."""

    fixed: dict[str, Node] = field(default_factory=dict)
    parameter: Node | None = None
    methods: dict[str, Route] = field(default_factory=dict)

    def add(self, method: str, path: str, routed: Routed) -> None:
        node, names = self, []
        for segment in path.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or Node()
                node = node.parameter
            else:
                node = node.fixed.setdefault(segment, Node())
        context = {"api_base_path": "", "operation_id": routed.operation_id}
        node.methods[method.upper()] = Route(routed.app, tuple(names), context)

    def find(self, segments: list[str], at: int = 0) -> Iterator[tuple[Node, tuple[str, ...]]]:
        """Every node that matches the segments, with the parameters' values; those with fixed segments first."""
        if at == len(segments):
            yield self, ()
            return
        segment = segments[at]
        if segment in self.fixed:
            yield from self.fixed[segment].find(segments, at + 1)
        if self.parameter is not None and segment:
            for node, values in self.parameter.find(segments, at + 1):
                yield node, (segment, *values)


class SegmentAPI(AbstractRoutingAPI[Routed]):
    """Fills a trie with the operations of a document."""

    def __init__(self, specification: Specification, *, tree: Node, serve: Serve, **kwargs: Any) -> None:
        self.tree = tree
        self.serve = serve
        super().__init__(specification, **kwargs)

    def make_operation(self, operation: AbstractOperation) -> Routed:
        return Routed(str(operation.operation_id), self.serve(operation))

    @staticmethod
    def _framework_path_and_name(operation: AbstractOperation, path: str) -> tuple[str, str]:
        return path, path

    def _add_operation_internal(self, method: str, path: str, operation: Routed, name: str | None = None) -> None:
        self.tree.add(method, path, operation)


class SegmentRouting(SpecMiddleware):
    """The innermost application: adds the routing context to the scope and calls the operation.

    Raises HTTPException 404 or 405. Ignores anything but HTTP requests.
    """

    def __init__(self, serve: Serve) -> None:
        self.serve = serve
        self.tree = Node()
        self._remembered = lru_cache(REMEMBERED)(self._route)

    def add_api(self, specification: Specification, **kwargs: Any) -> None:
        SegmentAPI(specification, tree=self.tree, serve=self.serve, **kwargs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path: bytes = scope.get("raw_path") or scope["path"].encode()
            find = self._remembered if len(path) <= LONGEST_REMEMBERED else self._route
            route, scope["path_params"] = find(scope["method"], path)
            scope.setdefault("extensions", {})[ROUTING_CONTEXT] = route.context
            await route.app(scope, receive, send)

    def _route(self, method: str, path: bytes) -> tuple[Route, dict[str, str]]:
        return self.match(method, _segments(path))

    def match(self, method: str, segments: list[str]) -> tuple[Route, dict[str, str]]:
        """The route and the path's parameters. Raises HTTPException 404 or 405."""
        # Preferring fixed segments finds nearly every path without backtracking.
        node = self.tree
        values: list[str] = []
        for segment in segments:
            if (fixed := node.fixed.get(segment)) is not None:
                node = fixed
            elif segment and node.parameter is not None:
                node = node.parameter
                values.append(segment)
            else:
                return self._match_all_ways(method, segments)
        if (route := node.methods.get(method)) is None:
            return self._match_all_ways(method, segments)
        return route, route.parameters(values)

    def _match_all_ways(self, method: str, segments: list[str]) -> tuple[Route, dict[str, str]]:
        most_fixed: Node | None = None
        for node, values in self.tree.find(segments):
            if (route := node.methods.get(method)) is not None:
                return route, route.parameters(values)
            if most_fixed is None and node.methods:
                most_fixed = node
        if most_fixed is None:
            raise HTTPException(404)
        # If several paths match, Allow lists the methods of the one with the fewest parameters.
        raise HTTPException(405, headers={"Allow": ", ".join(sorted(most_fixed.methods))})


def name_of_operation(scope: Scope) -> str:
    """Name of the handler that a request was routed to, even if security refused it; empty if no route matched."""
    found: dict[str, str] = scope["extensions"].get(ROUTING_CONTEXT) or {}
    return found.get("operation_id", "").rpartition(".")[2]


def _segments(path: bytes) -> list[str]:
    if path.endswith(b"/"):
        path = path[:-1]
    try:
        if b"%" in path:
            return [unquote_to_bytes(segment).decode() for segment in path[1:].split(b"/")]
        return path[1:].decode().split("/")
    except UnicodeDecodeError:
        raise HTTPException(404) from None  # ids are text
