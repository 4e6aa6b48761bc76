"""Gives texts their vectors, so that they can be found by their meaning. Until then they are found by their words.

One job embeds whatever is not yet, in the order in which it was stored, a batch at a time: read, embed, store. Only
the storing is a transaction. What has a vector but is in no segment, since the file is of an older version, is taken
in at the end. While the embedder fails, the job is tried again later, ever more seldom. Texts that it refuses while it
takes others (`refusals.py`) are marked and hold up no other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from omoide.inference.embedders import EmbeddingFailed
from omoide.jobs import Job
from omoide.store import embeddings, refusal_marks, segments
from omoide.store.refusal_marks import Refusal
from omoide.store.sources import SOURCES, Source
from omoide.worker.refusals import embedded
from omoide.worker.tools import Tools

logger = logging.getLogger("omoide.worker")

BATCH = 256
"""Texts that are read, embedded and stored in one go."""

GATHER_SECONDS = 0.1
"""How long a job waits for more texts to come, so that a busy server has few such jobs and not one for each call."""


async def embed(tools: Tools, job: Job) -> None:
    """Embed everything that is not yet. Raises EmbeddingFailed when that is not possible now."""
    await asyncio.sleep(GATHER_SECONDS)
    for source in SOURCES:
        while await _one_batch(tools, source):
            pass
        while await _refused_before(tools, source):
            pass
        while tools.store.read(segments.is_behind, source):
            await tools.store.write(segments.extend, source)


async def _one_batch(tools: Tools, source: Source) -> bool:
    """Embed the next batch; says whether there was one."""
    model = _model(tools)
    found = await tools.store.read_aside(embeddings.missing, source, model.through(source), BATCH)
    if not found:
        return False
    outcome = await embedded(tools.embedder, found)
    kept = await tools.store.write(embeddings.add, model, source, outcome.through, outcome.vectors, outcome.refusals)
    if kept:
        _warn(source, outcome.refusals)
    return True


async def _refused_before(tools: Tools, source: Source) -> bool:
    """Try again what was refused and is due again, a batch of it; says whether there was any."""
    model = _model(tools)
    texts = await tools.store.read_aside(refusal_marks.due, source, BATCH)
    if not texts:
        return False
    outcome = await embedded(tools.embedder, texts)
    tried = [pk for pk, _ in texts if pk <= outcome.through]
    await tools.store.write(embeddings.add_late, model, source, tried, outcome.vectors, outcome.refusals)
    _warn(source, outcome.refusals)
    return True


def _model(tools: Tools) -> embeddings.Progress:
    """Whose vectors are kept. Raises EmbeddingFailed unless it is this process's embedder."""
    model, embedder = tools.store.read(embeddings.progress), tools.embedder
    if model is None or (model.name, model.dimensions) != (embedder.name, embedder.dimensions):
        # Some other process has it; the job stays for that one.
        raise EmbeddingFailed(f"vectors are kept for another embedder than {embedder.name}", retryable=True)
    return model


def _warn(source: Source, refusals: Sequence[Refusal]) -> None:
    if refusals:
        message = "%s refused by the embedder, found by their words only (omoide queue retry --all): %s"
        logger.warning(message, f"{len(refusals)} {source}", refusals[-1].error)
