"""Embed stored texts, so that they can be found by meaning. Until then they are found by words.

One job embeds everything that has no vector, in the order of storage, in batches: read, embed, store. Only storing is a
transaction. Vectors that are in no segment, because an older version stored them, are added at the end. While the
embedder fails, the job is retried with increasing delays. Texts that the embedder refuses while it accepts others
(`inference/rejected_inputs.py`) are marked, and do not block the rest.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from omoide.core import clock
from omoide.core.jobs import Job
from omoide.core.usage import counted_for
from omoide.inference.embedders import EmbeddingFailed
from omoide.inference.rejected_inputs import embed_accepted
from omoide.services.container import Services
from omoide.storage import embeddings, rejected_texts, vector_segments
from omoide.storage.embedding_tables import SOURCES, Source
from omoide.storage.engine import settled_rows
from omoide.storage.rejected_texts import Refusal
from omoide.storage.vectors import packed
from omoide.worker.time_slice import TimeSlice

logger = logging.getLogger("omoide.worker")

BATCH = 256
"""Maximum number of texts read, embedded and stored at a time."""

GATHER_SECONDS = 0.1
"""How long a job waits for more texts, so that a busy server has few such jobs instead of one per request."""


async def embed(deps: Services, job: Job) -> None:
    """Embed everything that has no vector, until the time slice is over.

    Raises EmbeddingFailed during an outage, and JobUnfinished.
    """
    await asyncio.sleep(GATHER_SECONDS)
    turn = TimeSlice()
    for source in SOURCES:
        last = await settled_rows.settled(deps.store, source)  # later rows have a job of their own
        while await _one_batch(deps, source, last):
            turn.end_if_over()
        while await _refused_before(deps, source):
            turn.end_if_over()
        while await deps.store.read(vector_segments.is_behind, source):
            await deps.store.write(vector_segments.extend, source)
            turn.end_if_over()


async def _one_batch(deps: Services, source: Source, last: int) -> bool:
    """Embed the next batch of rows up to the row `last`; return whether there was one."""
    model = await _model(deps)
    following = await deps.store.read_offloaded(embeddings.missing, source, model.through(source), BATCH)
    found = [each for each in following if each[0] <= last]
    if not found:
        return False
    through, vectors, refusals = await _outcome(deps, source, found)
    if await deps.store.write(embeddings.add, model, source, through, vectors, refusals):
        _warn(source, refusals)
    return True


async def _refused_before(deps: Services, source: Source) -> bool:
    """Retry a batch of refused texts that are due; return whether there were any."""
    model = await _model(deps)
    texts = embeddings.limited(await deps.store.read_offloaded(rejected_texts.due, source, BATCH))
    if not texts:
        return False
    through, vectors, refusals = await _outcome(deps, source, texts)
    tried = [pk for pk, _ in texts if pk <= through]
    await deps.store.write(embeddings.add_late, model, source, tried, vectors, refusals)
    _warn(source, refusals)
    return True


async def _outcome(
    deps: Services, source: Source, texts: Sequence[tuple[int, str]]
) -> tuple[int, list[tuple[int, bytes]], list[Refusal]]:
    """Embed the texts. Return the last settled row, row and vector of each embedded text, and the refusals.

    Blank texts have no vector.
    """
    payers: Mapping[int, int] = {}
    if deps.embedder.embed_now is None:  # a provider is asked
        payers = await deps.store.read_offloaded(embeddings.characters_by_workspace, source, [pk for pk, _ in texts])
    with counted_for(payers):
        found = await embed_accepted(deps.embedder, [text for _, text in texts])
    pks = [pk for pk, _ in texts[: len(found.vectors)]]
    rows = zip(pks, packed(found.vectors), found.vectors, strict=True)
    now = clock.now()
    refusals = [Refusal(pks[index], reason, now) for index, reason in found.refused.items()]
    return pks[-1], [(pk, stored) for pk, stored, vector in rows if vector.any()], refusals


async def _model(deps: Services) -> embeddings.EmbeddingProgress:
    """The model whose vectors are stored. Raises EmbeddingFailed unless it is this process's embedder."""
    model, embedder = await deps.store.read(embeddings.progress), deps.embedder
    if model is None or (model.name, model.dimensions) != (embedder.name, embedder.dimensions):
        # Another process has that embedder; the job is left to it.
        raise EmbeddingFailed(f"the stored vectors are not from the embedder {embedder.name}", retryable=True)
    return model


def _warn(source: Source, refusals: Sequence[Refusal]) -> None:
    if refusals:
        message = "%s refused by the embedder; found by words only (omoide queue retry --all): %s"
        logger.warning(message, f"{len(refusals)} {source}", refusals[-1].error)
