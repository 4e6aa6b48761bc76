"""Erases from the files what deletions and replacements left in them."""

from __future__ import annotations

import asyncio

from omoide.errors import Unavailable
from omoide.jobs import Job
from omoide.store import erasure, word_separators, words
from omoide.store.erasure import Eraser
from omoide.store.words import INDEXES, Index
from omoide.worker.tools import Tools

PAUSE_SECONDS = 0.5
"""How long to wait after an attempt that a read prevented. An attempt holds other writes up for a tenth of this."""
PAUSES = 6
"""How many attempts follow the first before the job is tried again later."""


async def erase(tools: Tools, job: Job) -> None:
    """Leave nothing of deleted rows in the full-text indexes, in free space, and in the write-ahead log.

    Raises Unavailable while readers that stay, as Litestream is, keep the log from being emptied.
    """
    for index in INDEXES:
        if tools.store.read(erasure.count) == 0:
            await _rewrite(tools, index)
        after: word_separators.Position | None = word_separators.START
        while after:
            after = await tools.store.write(word_separators.renew, index, after)
    with Eraser(tools.store.path, busy_timeout=tools.store.busy_timeout) as eraser:
        page: int | None = 1
        while page is not None:
            page = await _overwrite_free_space(eraser, page)
        eraser.flush()
        await _empty_log(eraser)


async def _rewrite(tools: Tools, index: Index) -> None:
    """Remove from an index what versions before this one only marked as deleted."""
    is_first = True
    while await tools.store.write(words.rewrite, index, is_first=is_first):
        is_first = False


async def _overwrite_free_space(eraser: Eraser, first: int) -> int | None:
    for _ in range(PAUSES):
        try:
            return await asyncio.to_thread(eraser.overwrite_free_space, first)
        except Unavailable:
            await asyncio.sleep(PAUSE_SECONDS)
    return await asyncio.to_thread(eraser.overwrite_free_space, first)


async def _empty_log(eraser: Eraser) -> None:
    for _ in range(PAUSES):
        if await asyncio.to_thread(eraser.empty_log):
            return
        await asyncio.sleep(PAUSE_SECONDS)
    raise Unavailable("The write-ahead log cannot be emptied while something reads from the database")
