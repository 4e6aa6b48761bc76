"""Find the texts in a batch that an embedder refuses, with a limited number of requests.

A failing endpoint may be down, or may refuse one of the texts, with the same errors. So a known good text is sent
first: if that fails too, it is an outage, and nothing is known about the texts. Otherwise the batch is bisected down to
single texts. A refused text is retried a few times, and the good text is sent again at the end, before it counts as
refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omoide.core.lazy_import import lazy_import
from omoide.inference.embedders import Embedder, EmbeddingFailed, Vectors

with lazy_import("numpy"):
    import numpy as np

GOOD_TEXT = "Hello."

MOST_REQUESTS = 64
"""Maximum number of requests for one batch. Texts not settled by then are left to the next call."""

TRIES_ALONE = 3
"""How often a text must be refused alone before it counts as refused; an endpoint may fail now and then."""

PAUSE_SECONDS = 0.25
"""Wait between these tries; doubled before each further one."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Results for the first texts of a batch: a row of `vectors` each, zeros for a blank or refused text.

    `refused` maps the index of each refused text to the reason.
    """

    vectors: Vectors
    refused: Mapping[int, str]


async def embed_accepted(embedder: Embedder, texts: Sequence[str]) -> Embedded:
    """Embed the texts, or at least the first one and as many more as can be settled. `texts` must not be empty.

    Raises EmbeddingFailed during an outage; then nothing is known about the texts.
    """
    try:
        return Embedded(await embedder.embed(texts), {})
    except EmbeddingFailed as failure:
        if not failure.may_be_text:
            raise
        await _check_good_text(embedder, failure)
        return await _sorted_out(embedder, texts, failure)


async def embed_or_zeros(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """A row for each text; zeros, which are similar to nothing, for a refused one.

    Raises EmbeddingFailed during an outage.
    """
    found = await embedder.embed([]) if not texts else (await embed_accepted(embedder, texts)).vectors
    while len(found) < len(texts):
        found = np.concatenate([found, (await embed_accepted(embedder, texts[len(found) :])).vectors])
    return found


async def _sorted_out(embedder: Embedder, texts: Sequence[str], failure: EmbeddingFailed) -> Embedded:
    """Bisect from left to right, so that the settled texts are always a prefix."""
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
    """The two halves of a group, second half first; a single text stays whole."""
    middle = len(group) // 2
    return [group[middle:], group[:middle]] if middle else [group]


async def _again(embedder: Embedder, text: str) -> Vectors:
    """Retry a text that was refused once alone. Raises the last failure."""
    for attempt in range(TRIES_ALONE - 2):
        await asyncio.sleep(PAUSE_SECONDS * 2**attempt)
        try:
            return await embedder.embed([text])
        except EmbeddingFailed as refusal:
            _only_of_text(refusal)
    await asyncio.sleep(PAUSE_SECONDS * 2 ** (TRIES_ALONE - 2))
    return await embedder.embed([text])


def _only_of_text(refusal: EmbeddingFailed) -> None:
    """Re-raise a failure that is not caused by a text."""
    if not refusal.may_be_text:
        raise refusal


async def _check_good_text(embedder: Embedder, failure: EmbeddingFailed) -> None:
    """Raise the failure if the embedder refuses everything."""
    try:
        await embedder.embed([GOOD_TEXT])
    except EmbeddingFailed:
        raise failure from None
