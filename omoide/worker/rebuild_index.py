"""Rebuild a damaged full-text index."""

from __future__ import annotations

import logging

from omoide.core.jobs import Job, JobUnfinished, PermanentFailure
from omoide.services.container import Services
from omoide.storage.engine import fulltext, fulltext_rebuild
from omoide.worker.time_slice import TimeSlice

logger = logging.getLogger("omoide.worker")


async def rebuild_words(deps: Services, job: Job) -> None:
    """Empty the index, then add all rows. Raises JobUnfinished, and PermanentFailure for an unknown index."""
    turn = TimeSlice()
    payload = job.payload
    index = next((each for each in fulltext.INDEXES if each == payload["index"]), None)
    if index is None:
        raise PermanentFailure(f"unknown full-text index {payload['index']!r}")
    if "through" not in payload:
        logger.warning("full-text index %s is damaged; rebuilding it", index)
        raise JobUnfinished(await deps.store.write(fulltext_rebuild.empty, index))
    after: int | None = payload["after"]
    while after is not None:
        payload = {**payload, "after": after}
        turn.end_if_over(payload)
        after = await deps.store.write(fulltext_rebuild.add_missing, index, after, payload["through"])
    logger.warning("full-text index %s rebuilt", index)
