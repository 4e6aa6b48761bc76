"""Gives texts their vectors, so that they can be found by their meaning. Until then they are found by their words.

One job embeds whatever is not yet, in the order in which it was stored, a batch at a time: read, embed, store. Only
the storing is a transaction. What has a vector but is in no segment, since the file is of an older version, is taken
in at the end. While the embedder fails, the job is tried again later, ever more seldom. Texts that it refuses while it
takes others (`inference/refusals.py`) are marked and hold up no other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from omoide import clock
from omoide.inference.embedders import EmbeddingFailed
from omoide.inference.refusals import embed_accepted
from omoide.jobs import Job
from omoide.store import embeddings, refusal_marks, segments
from omoide.store.refusal_marks import Refusal
from omoide.store.segments import packed
from omoide.store.sources import SOURCES, Source
from omoide.worker.time_slice import TimeSlice
from omoide.worker.tools import Tools

logger = logging.getLogger("omoide.worker")

BATCH = 256
"""Texts that are read, embedded and stored in one go, at the most."""

GATHER_SECONDS = 0.1
"""How long a job waits for more texts to come, so that a busy server has few such jobs and not one for each call."""


async def embed(tools: Tools, job: Job) -> None:
    """Embed everything that is not yet, as far as it gets in its turn.

    Raises EmbeddingFailed when that is not possible now, and Unfinished.
    """
    await asyncio.sleep(GATHER_SECONDS)
    turn = TimeSlice()
    for source in SOURCES:
        while await _one_batch(tools, source):
            turn.end_if_over()
        while await _refused_before(tools, source):
            turn.end_if_over()
        while tools.store.read(segments.is_behind, source):
            await tools.store.write(segments.extend, source)
            turn.end_if_over()


async def _one_batch(tools: Tools, source: Source) -> bool:
    """Embed the next batch; says whether there was one."""
    model = _model(tools)
    found = await tools.store.read_aside(embeddings.missing, source, model.through(source), BATCH)
    if not found:
        return False
    through, vectors, refusals = await _outcome(tools, found)
    if await tools.store.write(embeddings.add, model, source, through, vectors, refusals):
        _warn(source, refusals)
    return True


async def _refused_before(tools: Tools, source: Source) -> bool:
    """Try again what was refused and is due again, a batch of it; says whether there was any."""
    model = _model(tools)
    texts = embeddings.limited(await tools.store.read_aside(refusal_marks.due, source, BATCH))
    if not texts:
        return False
    through, vectors, refusals = await _outcome(tools, texts)
    tried = [pk for pk, _ in texts if pk <= through]
    await tools.store.write(embeddings.add_late, model, source, tried, vectors, refusals)
    _warn(source, refusals)
    return True


async def _outcome(
    tools: Tools, texts: Sequence[tuple[int, str]]
) -> tuple[int, list[tuple[int, bytes]], list[Refusal]]:
    """Up to which row it is settled what becomes of the texts; row and vector of every one that has one (blank texts
    have none); and those that the embedder refuses."""
    found = await embed_accepted(tools.embedder, [text for _, text in texts])
    pks = [pk for pk, _ in texts[: len(found.vectors)]]
    rows = zip(pks, packed(found.vectors), found.vectors, strict=True)
    now = clock.now()
    refusals = [Refusal(pks[place], reason, now) for place, reason in found.refused.items()]
    return pks[-1], [(pk, stored) for pk, stored, vector in rows if vector.any()], refusals


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
