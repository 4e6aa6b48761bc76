"""Gives texts their vectors, so that they can be found by their meaning. Until then they are found by their words.

One job embeds whatever is not yet, in the order in which it was stored, a batch at a time: read, embed, store. Only
the storing is a transaction. What has a vector but is in no segment, since the file is of an older version, is taken
in at the end. While the embedder fails, the job is tried again later, ever more seldom.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from omoide.inference.embedders import Embedder, EmbeddingFailed
from omoide.jobs import Job
from omoide.store import embeddings, segments
from omoide.store.segments import packed
from omoide.store.sources import SOURCES, Source
from omoide.worker.tools import Tools

logger = logging.getLogger("omoide.worker")

BATCH = 256
"""Texts that are read, embedded and stored in one go."""

GATHER_SECONDS = 0.1
"""How long a job waits for more texts to come, so that a busy server has few such jobs and not one for each call."""

REFUSALS = 8
"""Texts of a batch that may be refused before any is accepted; then the embedder is held to be at fault."""


async def embed(tools: Tools, job: Job) -> None:
    """Embed everything that is not yet. Raises EmbeddingFailed when that is not possible now."""
    await asyncio.sleep(GATHER_SECONDS)
    for source in SOURCES:
        while await _one_batch(tools, tools.embedder, source):
            pass
        while tools.store.read(segments.is_behind, source):
            await tools.store.write(segments.extend, source)


async def _one_batch(tools: Tools, embedder: Embedder, source: Source) -> bool:
    """Embed the next batch; says whether there was one."""
    model = tools.store.read(embeddings.progress)
    if model is None or (model.name, model.dimensions) != (embedder.name, embedder.dimensions):
        # Some other process has it; the job stays for that one.
        raise EmbeddingFailed(f"vectors are kept for another embedder than {embedder.name}", retryable=True)
    found = await tools.store.read_aside(embeddings.missing, source, model.through(source), BATCH)
    if not found:
        return False
    vectors = await _embedded(embedder, source, found)
    await tools.store.write(embeddings.add, model, source, found[-1][0], vectors)
    return True


async def _embedded(embedder: Embedder, source: Source, texts: Sequence[tuple[int, str]]) -> list[tuple[int, bytes]]:
    """Row and vector of every text that has one: blank texts have none.

    Where the embedder refuses the texts for good, each is tried alone, and one that is refused alone goes without, as
    long as any other is accepted: then the fault is the text's, and not the embedder's.
    """
    try:
        vectors = await embedder.embed([text for _, text in texts])
    except EmbeddingFailed as failure:
        if failure.retryable or len(texts) == 1:
            raise
        return await _embedded_singly(embedder, source, texts, failure)
    rows = zip(texts, packed(vectors), vectors, strict=True)
    return [(pk, stored) for (pk, _), stored, vector in rows if vector.any()]


async def _embedded_singly(
    embedder: Embedder, source: Source, texts: Sequence[tuple[int, str]], failure: EmbeddingFailed
) -> list[tuple[int, bytes]]:
    accepted: list[tuple[int, bytes]] = []
    refused: list[int] = []
    for pk, text in texts:
        try:
            accepted += await _embedded(embedder, source, [(pk, text)])
        except EmbeddingFailed as alone:
            if alone.retryable:
                raise
            refused.append(pk)
            # A bad key or a wrong address refuses everything: no use in asking for each text.
            if not accepted and len(refused) == REFUSALS:
                break
    if not accepted:
        raise failure
    logger.warning("%d %s could not be embedded and go without: %s", len(refused), source, failure.reason)
    return accepted
