"""Erase deleted and replaced data from the database files."""

from __future__ import annotations

import asyncio

from omoide.core.errors import Unavailable
from omoide.core.job_payloads import Erasure
from omoide.core.jobs import Job, JobUnfinished
from omoide.services.container import Services
from omoide.storage.engine import free_space, fulltext, fulltext_pruning, secure_delete
from omoide.worker.time_slice import TimeSlice

PAUSE_SECONDS = 0.5
"""Wait after an attempt that a read prevented. An attempt blocks other writes for a tenth of this."""
PAUSES = 6
"""Retries of the first attempt before the job is postponed."""


async def erase(deps: Services, job: Job, erasure: Erasure) -> None:
    """Erase deleted rows from the full-text indexes, from free space and from the write-ahead log.

    Raises Unavailable while a permanent reader, such as Litestream, keeps the log from being emptied, and
    JobUnfinished.
    """
    turn = TimeSlice()
    page = erasure.page
    if page is None or not 1 <= page <= free_space.MOST_PAGES:
        await _erase_words(deps)
        page = 1
        turn.end_if_over(Erasure(page))
    with secure_delete.Eraser(deps.store.path, busy_timeout=deps.store.busy_timeout) as eraser:
        while (following := await _overwrite_free_space(eraser, page)) is not None:
            page = following
            if turn.is_over():
                eraser.flush()
                raise JobUnfinished(Erasure(page))
        eraser.flush()
        await _empty_log(eraser)


async def _erase_words(deps: Services) -> None:
    for index in fulltext.INDEXES:
        if await deps.store.read(secure_delete.count) == 0:
            await _rewrite(deps, index)
        after: fulltext_pruning.Position | None = fulltext_pruning.START
        while after:
            after = await deps.store.write(fulltext_pruning.renew, index, after)


async def _rewrite(deps: Services, index: fulltext.Index) -> None:
    """Remove entries that earlier versions only marked as deleted in an index."""
    is_first = True
    while await deps.store.write(fulltext.rewrite, index, is_first=is_first):
        is_first = False


async def _overwrite_free_space(eraser: secure_delete.Eraser, first: int) -> int | None:
    for _ in range(PAUSES):
        try:
            return await asyncio.to_thread(eraser.overwrite_free_space, first)
        except Unavailable:
            await asyncio.sleep(PAUSE_SECONDS)
    return await asyncio.to_thread(eraser.overwrite_free_space, first)


async def _empty_log(eraser: secure_delete.Eraser) -> None:
    for _ in range(PAUSES):
        if await asyncio.to_thread(eraser.empty_log):
            return
        await asyncio.sleep(PAUSE_SECONDS)
    raise Unavailable("The write-ahead log cannot be emptied while another connection reads from the database")
