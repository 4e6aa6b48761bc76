"""Which of what is known says what a new fact says, in nearly the same words.

The measure of the public API: a cosine distance of at most 0.05. An embedder that knows no order of words, as ours,
takes "cats more than dogs" for "dogs more than cats", so what is near must pass `says_the_same` as well.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from omoide.aside import aside
from omoide.inference.embedders import Embedder, EmbeddingFailed
from omoide.inference.refusals import embed_or_zeros
from omoide.reasoning.sameness import MOST_EXTRA, richness, says_the_same, wording
from omoide.records import Fact
from omoide.store.learning import Known, Twin
from omoide.text_cache import text_cache

logger = logging.getLogger("omoide.reasoning")

CACHED_TEXTS = 16_384
"""Of how many texts the outline is kept: what is known of a session comes again with each of its windows."""
NEAR = 0.95
"""The least cosine similarity of two texts that say the same."""


async def twins_of(embedder: Embedder, facts: Sequence[Fact], known: Sequence[Known]) -> dict[int, Twin]:
    """Number of a fact → the nearest of what is known that says the same. None at all while the embedder fails."""
    pairs = await aside(candidates, [fact.content for fact in facts], [each.content for each in known])
    if not pairs:
        return {}
    texts = [*dict.fromkeys(text for i, k in pairs for text in (facts[i].content, known[k].content))]
    try:
        vectors = dict(zip(texts, await embed_or_zeros(embedder, texts), strict=True))
    except EmbeddingFailed as failure:
        logger.warning("what says the same is not looked for now: %s", failure.reason)
        return {}
    nearest: dict[int, tuple[float, int]] = {}
    for i, k in pairs:
        similarity = float(vectors[facts[i].content] @ vectors[known[k].content])
        if similarity >= max(NEAR, nearest.get(i, (0.0, 0))[0]):
            nearest[i] = similarity, k
    return {
        i: Twin(known[k].pk, richness(facts[i].content) >= richness(known[k].content)) for i, (_, k) in nearest.items()
    }


def candidates(new: Sequence[str], old: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of a new and an old text that pass `says_the_same`. Pure."""
    alike: dict[int, list[int]] = {}
    outlines = [*map(_outline, old)]
    for k, outline in enumerate(outlines):
        alike.setdefault(outline.kind, []).append(k)
    return [
        (i, k)
        for i, (text, outline) in enumerate(zip(new, map(_outline, new), strict=True))
        for k in alike.get(outline.kind, ())
        if _may_agree(outline, outlines[k]) and says_the_same(text, old[k])
    ]


class _Outline(NamedTuple):
    """What tells most texts apart at a glance: `kind` is equal where two say the same, `words` where all words are."""

    kind: int
    length: int
    words: int


@text_cache(maxsize=CACHED_TEXTS)
def _outline(text: str) -> _Outline:
    worded = wording(text)
    return _Outline(hash((worded.guards, worded.words[:1])), len(worded.words), hash(worded.words))


def _may_agree(a: _Outline, b: _Outline) -> bool:
    """Whether texts of one kind may say the same: with as many words the same ones, else with few more."""
    return (
        a.words == b.words if a.length == b.length else abs(a.length - b.length) <= MOST_EXTRA * max(a.length, b.length)
    )
