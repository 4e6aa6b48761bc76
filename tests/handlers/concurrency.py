"""Concurrent requests, as from many clients."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx

Call = tuple[str, str, Any]


def together(url: str, calls: Sequence[Call], **headers: str) -> list[httpx.Response]:
    """Send requests (method, path, JSON body) concurrently; return the responses in order."""
    return asyncio.run(_share([url] * len(calls), calls, headers))


def shared(urls: Sequence[str], calls: Sequence[Call]) -> list[httpx.Response]:
    """One client per URL, each sending its requests sequentially; return the responses."""
    return asyncio.run(_share(urls, calls, {}))


async def _share(urls: Sequence[str], calls: Sequence[Call], headers: dict[str, str]) -> list[httpx.Response]:
    answers: dict[int, httpx.Response] = {}
    waiting = iter(enumerate(calls))

    async def client(url: str) -> None:
        # A pool for each: one pool with many connections takes more time than the server.
        async with httpx.AsyncClient(base_url=url, timeout=60, verify=False, headers=headers) as http:
            for number, (method, path, body) in waiting:
                answers[number] = await http.request(method, path, json=body)

    await asyncio.gather(*(client(url) for url in urls))
    return [answers[number] for number in range(len(calls))]
