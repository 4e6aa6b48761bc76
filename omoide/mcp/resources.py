"""Serve the resources of the document: their templates, the newest ones as a list, and their text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import mcp_types as types
from mcp.shared.exceptions import MCPError
from mcp.shared.uri_template import UriTemplate
from starlette.types import ASGIApp

from omoide.contract.document import Document
from omoide.contract.resources import DeclaredResource, IdList, compiled_resources
from omoide.mcp import reading, results
from omoide.mcp.markdown import markdown
from omoide.mcp.reading import WORKSPACE_ID, Context

MEDIA_TYPE = "text/markdown"
LISTED = 25
"""Items of each list on a page of resources."""
Listed = list[types.Resource]


class Resources:
    """Answers the requests about resources by calling the application."""

    def __init__(self, app: ASGIApp, document: Document, ids: Mapping[str, IdList]) -> None:
        self.app = app
        self.declared = compiled_resources(document)
        self.ids = ids

    async def templates(
        self, context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        workspace = results.address_of(context).fixed_workspace
        return types.ListResourceTemplatesResult(
            resource_templates=[
                types.ResourceTemplate(
                    name=each.name,
                    title=each.title,
                    description=each.description,
                    uri_template=_uri(each, workspace),
                    mime_type=MEDIA_TYPE,
                )
                for each in self.declared
            ]
        )

    async def list(self, context: Context, params: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
        """A page of what can be read about the newest peers and sessions. Without a workspace there is none."""
        if (workspace := results.workspace_of(context)) is None:
            return types.ListResourcesResult(resources=[])
        page, pages = _page(params), 0
        found: Listed = []
        for variable, ids in self.ids.items():
            if described := [each for each in self.declared if set(each.variables) == {WORKSPACE_ID, variable}]:
                items = await reading.page(self.app, context, ids, ids.page({WORKSPACE_ID: workspace}, page, LISTED))
                pages = max(pages, items["pages"])
                found += _listed(described, workspace, variable, items["items"])
        return types.ListResourcesResult(resources=found, next_cursor=str(page + 1) if page < pages else None)

    async def read(self, context: Context, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        workspace = results.address_of(context).fixed_workspace
        for each in self.declared:
            if (values := _values(each, workspace, params.uri)) is not None:
                answer = await reading.read(self.app, context, each.operation, each.read(values))
                text = types.TextResourceContents(uri=params.uri, mime_type=MEDIA_TYPE, text=markdown(answer))
                return types.ReadResourceResult(contents=[text])
        known = ", ".join(_uri(each, workspace) for each in self.declared)
        raise MCPError(types.INVALID_PARAMS, f"There is no resource {params.uri}; there are: {known}")

    async def complete(
        self, context: Context, uri: str, argument: types.CompletionArgument, given: dict[str, str]
    ) -> types.CompleteResult:
        """Values of a template's variable that begin as the argument does."""
        workspace = results.address_of(context).fixed_workspace
        if not any(uri in (each.uri, _uri(each, workspace)) for each in self.declared):
            raise MCPError(types.INVALID_PARAMS, f"There is no resource template {uri}")
        if (ids := self.ids.get(argument.name)) is None:
            return reading.none()
        return await reading.completion(self.app, context, ids, given, argument.value)


def _uri(declared: DeclaredResource, workspace: str | None) -> str:
    """The template; a workspace that is fixed is no variable."""
    if workspace is None:
        return declared.uri
    return declared.uri.replace(f"{{{WORKSPACE_ID}}}", quote(workspace, safe=""))


def _values(declared: DeclaredResource, workspace: str | None, uri: str) -> dict[str, str] | None:
    """The values of the variables in a URI of this kind; None if it is of another kind or workspace."""
    values = UriTemplate.parse(declared.uri).match(uri)
    if values is None or not all(values.values()):
        return None
    found = {name: str(value) for name, value in values.items()}
    return found if workspace in (None, found[WORKSPACE_ID]) else None


def _listed(
    described: list[DeclaredResource], workspace: str, variable: str, items: list[dict[str, Any]]
) -> Iterator[types.Resource]:
    for item in items:
        for each in described:
            title = f"{each.title} of {item['id']}"
            uri = UriTemplate.parse(each.uri).expand({WORKSPACE_ID: workspace, variable: item["id"]})
            yield types.Resource(name=title, title=title, uri=uri, description=each.description, mime_type=MEDIA_TYPE)


def _page(params: types.PaginatedRequestParams | None) -> int:
    cursor = "1" if params is None or params.cursor is None else params.cursor
    if not (cursor.isascii() and cursor.isdigit() and 0 < int(cursor) < 1_000_000):
        raise MCPError(types.INVALID_PARAMS, "There is no such page: use the cursor of the page before")
    return int(cursor)
