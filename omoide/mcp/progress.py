"""Notify clients of the progress of long calls, if they have sent a token for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from mcp.server.context import ServerRequestContext
from starlette.requests import Request

from omoide.core import progress

T = TypeVar("T")

SECONDS = 2.0
"""After which a call is long, and between notifications without news."""


async def with_progress(context: ServerRequestContext[dict[str, object], Request], work: Coroutine[Any, Any, T]) -> T:
    """Await the work. Its steps are notified at once, and that it goes on every two seconds."""
    if not context.meta or "progress_token" not in context.meta:
        return await work
    steps: asyncio.Queue[str] = asyncio.Queue()
    with progress.listening(steps.put_nowait):
        working = asyncio.create_task(work)
    notifying = asyncio.create_task(_notify(context, steps))
    try:
        return await working
    finally:
        notifying.cancel()
        await asyncio.wait([notifying])


async def _notify(context: ServerRequestContext[dict[str, object], Request], steps: asyncio.Queue[str]) -> None:
    """Progress is counted in seconds; how many there will be is not known."""
    began, latest = time.monotonic(), "Working"
    while True:
        try:
            latest = said = await asyncio.wait_for(steps.get(), SECONDS)
        except TimeoutError:
            said = f"{latest} ({time.monotonic() - began:.0f} s so far)"
        await context.session.report_progress(time.monotonic() - began, message=said)
