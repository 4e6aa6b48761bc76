"""Send MCP messages to a server over HTTP, and again when the server has ended meanwhile."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx2
import orjson

from omoide.mcp.headers import REPEATED
from omoide.mcp.server_locator import NoServer

RETRY_SECONDS = 10.0
"""How long a message is sent again while no server accepts it,"""
FIRST_PAUSE_SECONDS, LAST_PAUSE_SECONDS = 0.05, 1.0
"""with pauses that double from the first to the last of these."""
ANSWER_SECONDS = 600.0
CONNECTIONS = 16

NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
VERSION_IN_META = "io.modelcontextprotocol/protocolVersion"
FAILED = -32_000
"""The code of errors that the server has not sent itself."""

Json = dict[str, Any]


class HttpUpstream:
    """An MCP endpoint. `locate` blocks until it can return the server's URL, or raises NoServer."""

    def __init__(self, locate: Callable[[], str], path: str, key: str | None, *, is_local: bool) -> None:
        self._locate = locate
        self._path = path
        self._authorization = {"Authorization": f"Bearer {key}"} if key else {}
        self._url: str | None = None
        self._locating = asyncio.Lock()
        self._version: str | None = None
        self._http = httpx2.AsyncClient(
            timeout=httpx2.Timeout(ANSWER_SECONDS, connect=10, pool=None),
            limits=httpx2.Limits(max_connections=CONNECTIONS),
            trust_env=not is_local,  # no proxy on the way to this machine
        )

    async def answers(self, message: Json, raw: bytes) -> AsyncIterator[bytes]:
        """Send a message, `raw` on the wire, and yield the lines that answer it; the last one answers a request."""
        id = answered_id(message)
        headers = self._headers(message)
        deadline, pause = time.monotonic() + RETRY_SECONDS, FIRST_PAUSE_SECONDS
        while True:
            url = None
            try:
                url = await self._located()
                async for line in self._posted(url, raw, headers, id):
                    yield self._noted(message, line)
                return
            except NoServer as error:
                failure = str(error)
                break
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:  # it has received nothing
                failure = f"{url} cannot be reached: {error}"
            except httpx2.ReadTimeout:
                failure = f"{url} has not answered within {ANSWER_SECONDS:.0f} s"
                break
            except httpx2.TransportError as error:
                failure = f"the server ended before it answered: {error}"
                headers[REPEATED] = "true"
            except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.SSEError) as error:
                failure = f"{url}: {error}"
                break
            self._lost(url)
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(pause)
            pause = min(pause * 2, LAST_PAUSE_SECONDS)
        if id is not None:
            yield refusal(message, f"Memory is not available: {failure}")

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _located(self) -> str:
        async with self._locating:
            if self._url is None:
                self._url = await asyncio.to_thread(self._locate)
            return self._url

    def _lost(self, url: str | None) -> None:
        if self._url == url:
            self._url = None

    def _headers(self, message: Json) -> dict[str, str]:
        """The headers of the transport; a version that the message names itself comes before the negotiated one."""
        method, params = message.get("method"), message.get("params")
        params = params if isinstance(params, dict) else {}
        meta = params.get("_meta")
        named = meta.get(VERSION_IN_META) if isinstance(meta, dict) else None
        headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        headers |= self._authorization
        if version := named or self._version:
            headers["Mcp-Protocol-Version"] = str(version)
        if isinstance(method, str) and named:
            headers["Mcp-Method"] = _header_value(method)
            if isinstance(name := params.get(NAMED_BY.get(method, "")), str):
                headers["Mcp-Name"] = _header_value(name)
        if method == "tools/call":
            headers["Idempotency-Key"] = uuid.uuid4().hex
        return headers

    async def _posted(self, url: str, raw: bytes, headers: Mapping[str, str], id: object) -> AsyncIterator[bytes]:
        async with self._http.stream("POST", url + self._path, content=raw, headers=dict(headers)) as response:
            if response.headers.get("Content-Type", "").startswith("text/event-stream"):
                async for line in _events(response, id):
                    yield line
                return
            body = await response.aread()
        if id is not None:
            yield _answer(body, id) or _error(id, _detail(response, body))

    def _noted(self, message: Json, line: bytes) -> bytes:
        """Remember the version that the answer to `initialize` has negotiated."""
        if message.get("method") == "initialize":
            with contextlib.suppress(ValueError, KeyError, TypeError):
                self._version = str(orjson.loads(line)["result"]["protocolVersion"])
        return line


async def _events(response: httpx2.Response, id: object) -> AsyncIterator[bytes]:
    """The messages of a stream, up to the one that answers. If it ends before, that is an error of the transport."""
    async for event in httpx2.EventSource(response, max_event_size=None):
        data = event.data.encode()
        message = _parsed(data)
        if message is not None and "method" in message:
            yield _line(data, message)
        elif (answer := _answer(data, id)) is not None:
            yield answer
            return
    if id is not None:
        raise httpx2.RemoteProtocolError("the stream has ended")


def answered_id(message: Json) -> object:
    """The id of a request; None for what gets no answer."""
    return message.get("id") if "method" in message else None


def _parsed(data: bytes) -> Json | None:
    try:
        value = orjson.loads(data)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "jsonrpc" in value else None


def _answer(data: bytes, id: object) -> bytes | None:
    """The line that answers the request; None if it is no message. Errors about headers come without the id."""
    message = _parsed(data)
    if message is None or message.get("id") == id:
        return None if message is None else _line(data, message)
    return orjson.dumps(message | {"id": id})


def _line(data: bytes, message: Json) -> bytes:
    """The message as it was sent, if that is one line."""
    return orjson.dumps(message) if b"\n" in data else data


def _detail(response: httpx2.Response, body: bytes) -> str:
    """What is wrong, by a response that is no MCP message."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return f"{orjson.loads(body)['detail']} ({response.status_code})"
    if response.status_code >= 400 and response.status_code not in (404, 405):
        return f"{response.url} answered {response.status_code} {response.reason_phrase}"
    return f"{response.url} is no MCP endpoint of Omoide ({response.status_code})"


def refusal(message: Json, reason: str) -> bytes:
    """The answer to a request that could not be carried out: to a model if it has called a tool, else to its client."""
    if message.get("method") != "tools/call":
        return _error(message["id"], reason)
    result = {"content": [{"type": "text", "text": reason}], "isError": True}
    return orjson.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result})


def _error(id: object, reason: str) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "id": id, "error": {"code": FAILED, "message": reason}})


def _header_value(value: str) -> str:
    """A value that a header can carry, in the transport's encoding of others."""
    if value.isascii() and value.isprintable() and value == value.strip() and not value.startswith("=?base64?"):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="
