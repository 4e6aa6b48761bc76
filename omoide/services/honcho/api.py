"""Read from a Honcho server over HTTP: pages, retries, and its errors as ours."""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from omoide.core import json_codec
from omoide.core.errors import NotFound, Unauthorized, Unavailable, Unprocessable
from omoide.core.lazy_import import lazy_import
from omoide.core.records import Json

with lazy_import("httpx"):
    import httpx

PAGE_SIZE = 100
"""Items of a page, the most that the API allows."""

TOGETHER = 4
"""Requests at once."""

TIMEOUT_SECONDS = 60.0
ATTEMPTS = 7
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 60.0
"""Between attempts, doubled each time; the server's `Retry-After` is respected up to the longest."""

RETRIED = frozenset({429, 500, 502, 503, 504})
NOTHING: Mapping[str, str] = MappingProxyType({})


class HonchoApi:
    """Requests to one server. Use as an asynchronous context manager."""

    def __init__(self, url: str, key: str | None) -> None:
        self.url = _checked(url)
        self.page_size = PAGE_SIZE
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        try:
            self._client = httpx.AsyncClient(headers=headers, timeout=TIMEOUT_SECONDS)
        except (UnicodeEncodeError, ValueError):
            raise Unprocessable("The key has characters that no key has") from None
        self._free = asyncio.Semaphore(TOGETHER)

    async def __aenter__(self) -> HonchoApi:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def pages(
        self, method: str, *path: str, first: int = 1, query: Mapping[str, str] = NOTHING
    ) -> AsyncIterator[tuple[list[Json], int]]:
        """The items of each page from the `first`, and the total of all pages. A list without items has one page."""
        page = first
        while True:
            numbers = {"page": str(page), "size": str(self.page_size)}
            answer = await self.call(method, *path, query={**numbers, **query})
            items, pages, total = self._list(answer.get("items")), answer.get("pages"), answer.get("total")
            yield items, total if isinstance(total, int) else len(items)
            if not items or not isinstance(pages, int) or page >= pages:
                return
            page += 1

    async def items(self, method: str, *path: str) -> AsyncIterator[Json]:
        """The items of all pages."""
        async for items, _ in self.pages(method, *path):
            for item in items:
                yield item

    async def count(self, *path: str) -> int:
        """How many items a list has."""
        total = (await self.call("POST", *path, query={"page": "1", "size": "1"})).get("total")
        return total if isinstance(total, int) else 0

    async def call(self, method: str, *path: str, query: Mapping[str, str] = NOTHING, body: Json | None = None) -> Json:
        """The JSON object of an answer, requested again where that may help.

        Raises Unauthorized, NotFound, Unavailable, and Unprocessable for any other answer.
        """
        url = "/".join((self.url, "v3", *(quote(part, safe="") for part in path)))
        content = None if body is None else json_codec.dumps(body)
        pause = FIRST_PAUSE_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            try:
                async with self._free:
                    response = await self._client.request(method, url, params=dict(query), content=content)
            except (httpx.TransportError, httpx.InvalidURL) as error:
                problem, wait = f"{self.url} cannot be reached: {str(error) or type(error).__name__}", pause
                if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
                    raise Unprocessable(problem) from error
            else:
                if response.status_code not in RETRIED:
                    return self._object(response)
                problem = f"{self.url} answered {response.status_code}{_reason(response)}"
                wait = _retry_after(response.headers.get("Retry-After"), pause)
            if attempt < ATTEMPTS:
                await asyncio.sleep(min(wait, LONGEST_PAUSE_SECONDS))
                pause *= 2
        raise Unavailable(f"{problem} ({ATTEMPTS} attempts)")

    def _object(self, response: httpx.Response) -> Json:
        status = response.status_code
        if status in (401, 403):
            raise Unauthorized(f"{self.url} refused the key{_reason(response)}")
        if status == 404:
            raise NotFound(f"{self.url} does not have {response.request.url.path}{_reason(response)}")
        if not response.is_success:
            raise Unprocessable(f"{self.url} answered {status}{_reason(response)}")
        try:
            answer = json_codec.loads(response.content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._foreign()
        return answer

    def _list(self, items: object) -> list[Json]:
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise self._foreign()
        return items

    def _foreign(self) -> Unprocessable:
        return Unprocessable(f"{self.url} does not answer as a Honcho server does")


def _checked(url: str) -> str:
    """The address of a server without a final slash or version. Raises Unprocessable."""
    base = url.rstrip("/").removesuffix("/v3")
    try:
        parts = urlsplit(base)
        is_valid = bool(parts.hostname) and parts.scheme in ("http", "https") and (parts.port or 1) > 0
    except ValueError:
        is_valid = False
    if not is_valid or parts.query or parts.fragment or parts.username or parts.password:
        raise Unprocessable(f"{url} is not the address of a server, as http://localhost:8000")
    return base


def _reason(response: httpx.Response) -> str:
    """What the server says about an error, on one line."""
    try:
        answer = json_codec.loads(response.content)
    except ValueError:
        return ""
    detail = answer.get("detail") if isinstance(answer, dict) else None
    return f": {' '.join(str(detail).split())[:300]}" if detail else ""


def _retry_after(header: str | None, default: float) -> float:
    """Seconds to wait according to the header, in seconds or as a date."""
    if header is None:
        return default
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError):
        return default
