"""Rebuild a damaged full-text index, or convert that of an older file."""

from __future__ import annotations

import logging
from dataclasses import replace

from omoide.core.job_payloads import IndexConversion, IndexRebuild
from omoide.core.jobs import Job, JobUnfinished, PermanentFailure
from omoide.services.container import Services
from omoide.storage.engine import fulltext, fulltext_conversion, fulltext_rebuild
from omoide.worker.time_slice import TimeSlice

logger = logging.getLogger("omoide.worker")


async def rebuild_words(deps: Services, job: Job, rebuild: IndexRebuild) -> None:
    """Empty the index, then add all rows. Raises JobUnfinished, and PermanentFailure for an unknown index."""
    turn = TimeSlice()
    index = _index(rebuild.index)
    after, through = rebuild.after, rebuild.through
    if after is None or through is None:
        logger.warning("full-text index %s is damaged; rebuilding it", index)
        raise JobUnfinished(await deps.store.write(fulltext_rebuild.empty, index))
    while after is not None:
        turn.end_if_over(replace(rebuild, after=after))
        after = await deps.store.write(fulltext_rebuild.add_missing, index, after, through)
    logger.warning("full-text index %s rebuilt", index)


async def convert_words(deps: Services, job: Job, conversion: IndexConversion) -> None:
    """Give all entries their new form. Raises JobUnfinished, and PermanentFailure for an unknown index."""
    turn = TimeSlice()
    index = _index(conversion.index)
    while await deps.store.write(fulltext_conversion.convert, index):
        turn.end_if_over()


def _index(name: str) -> fulltext.Index:
    for each in fulltext.INDEXES:
        if each == name:
            return each
    raise PermanentFailure(f"unknown full-text index {name!r}")
