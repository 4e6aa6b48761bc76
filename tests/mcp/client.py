"""The official client, called from tests without an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

T = TypeVar("T")


def connected(url: str, use: Callable[[Client], Awaitable[T]], headers: Mapping[str, str] | None = None) -> T:
    """Connect to the address, and return what `use` does."""

    async def run() -> T:
        async with (
            httpx2.AsyncClient(headers=dict(headers or {}), timeout=60) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            return await use(client)

    return asyncio.run(run())


def called(url: str, tool: str, headers: Mapping[str, str] | None = None, /, **arguments: Any) -> tuple[str, Any]:
    """The text and the structured answer of one call of a tool; an error has None instead."""

    async def call(client: Client) -> tuple[str, Any]:
        result = await client.call_tool(tool, arguments)
        (content,) = result.content
        return str(getattr(content, "text", "")), None if result.is_error else result.structured_content

    return connected(url, call, headers)


async def declared(client: Client, tool: str, arguments: dict[str, Any]) -> Any:
    """The structured answer of a call that succeeds, all of whose fields the tool's schema has.

    The client itself validates the answer against the schema.
    """
    schemas = {each.name: each.output_schema for each in (await client.list_tools()).tools}
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, (tool, result.content)
    schema = schemas[tool]
    assert schema, tool
    assert set(result.structured_content or {}) <= set(schema.get("properties", {})), tool
    return result.structured_content
