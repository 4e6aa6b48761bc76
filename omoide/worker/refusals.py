"""Finds the texts that an embedder refuses among others that it takes, with a limited number of requests.

An endpoint that fails may be away, or may not be able to take one of the texts; it answers with the same errors. So a
text that is known to be good is sent first: where that fails as well, it is an outage, and nothing is said of the
texts. Else the batch is halved until what is refused is known, text by text. A text that is refused by itself is tried
again a few times, and the good text once more at the end, before it counts as refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from omoide import clock
from omoide.inference.embedders import Embedder, EmbeddingFailed
from omoide.store.refusal_marks import Refusal
from omoide.store.segments import packed

GOOD_TEXT = "Hello."

MOST_REQUESTS = 64
"""What is spent on one batch. What is not settled by then belongs to the next."""

TRIES_ALONE = 3
"""How often a text is refused by itself before it counts as refused; an endpoint may fail now and then."""

PAUSE_SECONDS = 0.25
"""How long is waited between these tries; twice as long before each further one."""

Texts: TypeAlias = Sequence[tuple[int, str]]
"""Row and text, in the order of their rows."""


@dataclass(slots=True)
class Sorted:
    """What became of texts: the vector of each as it is stored, blank ones aside, and those that are refused.

    Rows up to `through` are settled.
    """

    through: int
    vectors: list[tuple[int, bytes]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


async def embedded(embedder: Embedder, texts: Texts) -> Sorted:
    """Embed the texts, or as many of the first ones as can be settled, one at least; there must be some.

    Raises EmbeddingFailed when the embedder cannot be used now: then nothing is known of the texts.
    """
    try:
        return Sorted(texts[-1][0], await _vectors(embedder, texts))
    except EmbeddingFailed as failure:
        if not failure.may_be_text:
            raise
        await _check_good_text(embedder, failure)
        return await _sorted_out(embedder, texts, failure)


async def _sorted_out(embedder: Embedder, texts: Texts, failure: EmbeddingFailed) -> Sorted:
    """From left to right, so that what is settled is always a beginning of the texts."""
    found = Sorted(texts[0][0])
    groups, requests = _parts(texts), 1
    while groups and (requests < MOST_REQUESTS or found.through == texts[0][0]):
        group = groups.pop()
        requests += 1
        try:
            found.vectors += await _vectors(embedder, group)
        except EmbeddingFailed as refusal:
            if not refusal.may_be_text:
                raise
            failure = refusal
            if len(group) > 1:
                groups += _parts(group)
                continue
            requests += TRIES_ALONE - 1
            try:
                found.vectors += await _alone(embedder, group)
            except EmbeddingFailed as last:
                if not last.may_be_text:
                    raise
                found.refusals.append(Refusal(group[0][0], last.reason, clock.now()))
        found.through = group[-1][0]
    if found.refusals:
        await _check_good_text(embedder, failure)
    return found


def _parts(texts: Texts) -> list[Texts]:
    """Two halves, the first one last; one text is its own half."""
    middle = len(texts) // 2
    return [texts[middle:], texts[:middle]] if middle else [texts]


async def _alone(embedder: Embedder, text: Texts) -> list[tuple[int, bytes]]:
    """The vector of a text that was refused once by itself. Raises what the last try ended with."""
    for attempt in range(TRIES_ALONE - 2):
        await asyncio.sleep(PAUSE_SECONDS * 2**attempt)
        try:
            return await _vectors(embedder, text)
        except EmbeddingFailed as refusal:
            if not refusal.may_be_text:
                raise
    await asyncio.sleep(PAUSE_SECONDS * 2 ** (TRIES_ALONE - 2))
    return await _vectors(embedder, text)


async def _check_good_text(embedder: Embedder, failure: EmbeddingFailed) -> None:
    """Raise the failure if the embedder refuses everything."""
    try:
        await embedder.embed([GOOD_TEXT])
    except EmbeddingFailed:
        raise failure from None


async def _vectors(embedder: Embedder, texts: Texts) -> list[tuple[int, bytes]]:
    """Row and vector of every text that has one: blank texts have none."""
    vectors = await embedder.embed([text for _, text in texts])
    rows = zip(texts, packed(vectors), vectors, strict=True)
    return [(pk, stored) for (pk, _), stored, vector in rows if vector.any()]
