"""Find near-duplicates of new facts among known conclusions.

Threshold of the public API: a cosine distance of at most 0.05. Our embedder ignores word order and cannot distinguish
"cats more than dogs" from "dogs more than cats", so candidates must also pass `is_equivalent`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from omoide.core.offload import offload
from omoide.core.records import Fact
from omoide.core.text_cache import text_cache
from omoide.inference.embedders import Embedder, EmbeddingFailed
from omoide.inference.rejected_inputs import embed_or_zeros
from omoide.reasoner.equivalence import MOST_EXTRA, adds_nothing, is_equivalent, normalize, richness
from omoide.storage.conclusion_upsert import KnownConclusion, NearDuplicate

logger = logging.getLogger("omoide.reasoner")

CACHED_TEXTS = 16_384
"""Size of the outline cache: the known conclusions of a session are compared again for each of its windows."""
NEAR = 0.95
"""Minimum cosine similarity of near-duplicates."""


async def near_duplicates(
    embedder: Embedder, facts: Sequence[Fact], known: Sequence[KnownConclusion]
) -> dict[int, NearDuplicate]:
    """Return the nearest duplicate of each fact, by the fact's index. Empty while the embedder fails."""
    pairs = await offload(candidates, [fact.content for fact in facts], [each.content for each in known])
    if not pairs:
        return {}
    texts = [*dict.fromkeys(text for i, k in pairs for text in (facts[i].content, known[k].content))]
    try:
        vectors = dict(zip(texts, await embed_or_zeros(embedder, texts), strict=True))
    except EmbeddingFailed as failure:
        logger.warning("near-duplicate detection skipped: %s", failure.reason)
        return {}
    nearest: dict[int, tuple[float, int]] = {}
    for i, k in pairs:
        similarity = float(vectors[facts[i].content] @ vectors[known[k].content])
        if similarity >= max(NEAR, nearest.get(i, (0.0, 0))[0]):
            nearest[i] = similarity, k
    return {
        i: NearDuplicate(known[k].pk, richness(facts[i].content) >= richness(known[k].content))
        for i, (_, k) in nearest.items()
    }


def said_again(facts: Sequence[Fact], known: Sequence[KnownConclusion]) -> dict[int, NearDuplicate]:
    """Return the conclusion that each fact says it repeats, by the fact's index; none that lacks something of it. Pure.

    `known` are those of the session: what was said in others is not told here.
    """
    rows = {each.content: each.pk for each in known}
    return {
        index: NearDuplicate(rows[content], is_poorer=False)
        for index, fact in enumerate(facts)
        for content in fact.repeats
        if content in rows and adds_nothing(fact.content, content)
    }


def candidates(new: Sequence[str], old: Sequence[str]) -> list[tuple[int, int]]:
    """Return the index pairs of new and old texts that pass `is_equivalent`. Pure."""
    alike: dict[int, list[int]] = {}
    outlines = [*map(_outline, old)]
    for k, outline in enumerate(outlines):
        alike.setdefault(outline.kind, []).append(k)
    return [
        (i, k)
        for i, (text, outline) in enumerate(zip(new, map(_outline, new), strict=True))
        for k in alike.get(outline.kind, ())
        if _may_agree(outline, outlines[k]) and is_equivalent(text, old[k])
    ]


class _Outline(NamedTuple):
    """Cheap pre-filter: equivalent texts have equal `kind`; equal `words` mean that all words are equal."""

    kind: int
    length: int
    words: int


@text_cache(maxsize=CACHED_TEXTS)
def _outline(text: str) -> _Outline:
    worded = normalize(text)
    return _Outline(hash((worded.guards, worded.words[:1])), len(worded.words), hash(worded.words))


def _may_agree(a: _Outline, b: _Outline) -> bool:
    """Whether texts of one kind may be equivalent: equal words, or a small difference in length."""
    return (
        a.words == b.words if a.length == b.length else abs(a.length - b.length) <= MOST_EXTRA * max(a.length, b.length)
    )
