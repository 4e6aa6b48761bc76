"""Rebuild a damaged full-text index."""

from __future__ import annotations

import logging

from omoide.jobs import GiveUp, Job, Unfinished
from omoide.store import word_rebuild
from omoide.store.words import INDEXES
from omoide.worker.time_slice import TimeSlice
from omoide.worker.tools import Tools

logger = logging.getLogger("omoide.worker")


async def rebuild_words(tools: Tools, job: Job) -> None:
    """Empty the index, then add all rows. Raises Unfinished, and GiveUp for an unknown index."""
    turn = TimeSlice()
    payload = job.payload
    index = next((each for each in INDEXES if each == payload["index"]), None)
    if index is None:
        raise GiveUp(f"unknown full-text index {payload['index']!r}")
    if "through" not in payload:
        logger.warning("full-text index %s is damaged; rebuilding it", index)
        raise Unfinished(await tools.store.write(word_rebuild.empty, index))
    after: int | None = payload["after"]
    while after is not None:
        payload = {**payload, "after": after}
        turn.end_if_over(payload)
        after = await tools.store.write(word_rebuild.add_missing, index, after, payload["through"])
    logger.warning("full-text index %s rebuilt", index)
