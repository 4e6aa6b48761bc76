"""Finds the texts that an embedder refuses among others that it takes, with a limited number of requests.

An endpoint that fails may be away, or may not be able to take one of the texts; it answers with the same errors. So a
text that is known to be good is sent first: where that fails as well, it is an outage, and nothing is said of the
texts. Else the batch is halved until what is refused is known, text by text. A text that is refused by itself is tried
again a few times, and the good text once more at the end, before it counts as refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omoide.deferred import deferred
from omoide.inference.embedders import Embedder, EmbeddingFailed, Vectors

with deferred("numpy"):
    import numpy as np

GOOD_TEXT = "Hello."

MOST_REQUESTS = 64
"""What is spent on one batch. What is not settled by then is left to the next call."""

TRIES_ALONE = 3
"""How often a text is refused by itself before it counts as refused; an endpoint may fail now and then."""

PAUSE_SECONDS = 0.25
"""How long is waited between these tries; twice as long before each further one."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """What became of the first texts of a batch: a row of `vectors` each, of zeros where a text is blank or refused.

    `refused` holds the place of each text that was, with the reason.
    """

    vectors: Vectors
    refused: Mapping[int, str]


async def embed_accepted(embedder: Embedder, texts: Sequence[str]) -> Embedded:
    """Embed the texts, or as many of the first ones as can be settled, one at least; there must be some.

    Raises EmbeddingFailed when the embedder cannot be used now: then nothing is known of the texts.
    """
    try:
        return Embedded(await embedder.embed(texts), {})
    except EmbeddingFailed as failure:
        if not failure.may_be_text:
            raise
        await _check_good_text(embedder, failure)
        return await _sorted_out(embedder, texts, failure)


async def embed_or_zeros(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """A row for each text, of zeros where the embedder refuses it: such a text resembles nothing.

    Raises EmbeddingFailed when the embedder cannot be used now.
    """
    found = await embedder.embed([]) if not texts else (await embed_accepted(embedder, texts)).vectors
    while len(found) < len(texts):
        found = np.concatenate([found, (await embed_accepted(embedder, texts[len(found) :])).vectors])
    return found


async def _sorted_out(embedder: Embedder, texts: Sequence[str], failure: EmbeddingFailed) -> Embedded:
    """From left to right, so that what is settled is always a beginning of the texts."""
    vectors = np.zeros((len(texts), embedder.dimensions), np.float32)
    refused: dict[int, str] = {}
    groups, settled, requests = _parts(range(len(texts))), 0, 1
    while groups and (requests < MOST_REQUESTS or not settled):
        group = groups.pop()
        requests += 1
        try:
            vectors[group.start : group.stop] = await embedder.embed(texts[group.start : group.stop])
        except EmbeddingFailed as refusal:
            _only_of_text(refusal)
            if len(group) > 1:
                groups += _parts(group)
                continue
            requests += TRIES_ALONE - 1
            try:
                vectors[group.start : group.stop] = await _again(embedder, texts[group.start])
            except EmbeddingFailed as last:
                _only_of_text(last)
                failure, refused[group.start] = last, last.reason
        settled = group.stop
    if refused:
        await _check_good_text(embedder, failure)
    return Embedded(vectors[:settled], refused)


def _parts(group: range) -> list[range]:
    """Two halves, the first one last; one text is its own half."""
    middle = len(group) // 2
    return [group[middle:], group[:middle]] if middle else [group]


async def _again(embedder: Embedder, text: str) -> Vectors:
    """The vector of a text that was refused once by itself. Raises what the last try ended with."""
    for attempt in range(TRIES_ALONE - 2):
        await asyncio.sleep(PAUSE_SECONDS * 2**attempt)
        try:
            return await embedder.embed([text])
        except EmbeddingFailed as refusal:
            _only_of_text(refusal)
    await asyncio.sleep(PAUSE_SECONDS * 2 ** (TRIES_ALONE - 2))
    return await embedder.embed([text])


def _only_of_text(refusal: EmbeddingFailed) -> None:
    """Raise a failure that is no text's fault."""
    if not refusal.may_be_text:
        raise refusal


async def _check_good_text(embedder: Embedder, failure: EmbeddingFailed) -> None:
    """Raise the failure if the embedder refuses everything."""
    try:
        await embedder.embed([GOOD_TEXT])
    except EmbeddingFailed:
        raise failure from None
