"""Detection of near-duplicates among known conclusions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from omoide.core.clock import to_micros
from omoide.core.records import Fact
from omoide.inference.embedders import EmbeddingFailed, Vectors
from omoide.inference.wordllama_embedder import WordLlamaEmbedder
from omoide.reasoner.dedup import candidates, near_duplicates
from omoide.reasoner.equivalence import is_equivalent
from omoide.storage.conclusion_upsert import KnownConclusion, NearDuplicate

EMBEDDER = WordLlamaEmbedder()
SAID = to_micros(datetime(2026, 11, 22, tzinfo=UTC))


def twins(new: str, *old: str) -> NearDuplicate | None:
    known = [KnownConclusion(pk, text) for pk, text in enumerate(old)]
    return asyncio.run(near_duplicates(EMBEDDER, [Fact(new, ("m",), SAID)], known)).get(0)


@pytest.mark.parametrize(
    ("new", "old", "is_poorer"),
    [
        ("alice really likes green tea", "alice likes green tea", True),
        ("alice likes green tea", "alice really likes green tea", False),
    ],
)
def test_a_reworded_statement_is_a_near_duplicate(new: str, old: str, is_poorer: bool) -> None:
    assert twins(new, "alice owns a boat", old) == NearDuplicate(1, is_poorer)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("alice likes cats more than dogs", "alice likes dogs more than cats"),
        ("alice was born in 1990", "alice was born in 1991"),
        ("alice does not like tea", "alice likes tea"),
        ("alice moved to Lisbon", "alice moved from Lisbon"),
        ("alice likes tea", "bob likes tea"),
    ],
)
def test_near_vectors_with_a_different_meaning_are_no_duplicates(new: str, old: str) -> None:
    assert twins(new, old) is None


def test_statements_that_differ_in_a_number_are_distinguished() -> None:
    texts = [f"alice owns item number {number}" for number in range(2_000)]
    assert candidates(texts[:3], texts) == [(0, 0), (1, 1), (2, 2)]


class UnreachableEmbedder(WordLlamaEmbedder):
    async def embed(self, texts: Sequence[str]) -> Vectors:
        raise EmbeddingFailed("unreachable", retryable=True)


def test_no_duplicates_are_reported_while_the_embedder_fails() -> None:
    fact = Fact("alice really likes green tea", ("m",), SAID)
    assert (
        asyncio.run(near_duplicates(UnreachableEmbedder(), [fact], [KnownConclusion(1, "alice likes green tea")])) == {}
    )


def test_the_outline_filter_misses_no_equivalent_pair() -> None:
    stem = ["alice", "has", "kept", "bees", "in", "the", "garden", "behind", "the", "old", "mill", "since", "March"]
    fuller = [[*stem[:at], word, *stem[at:]] for at in range(1, len(stem) + 1) for word in ("really", "big", "not")]
    shorter = [stem[: at + 1] + stem[at + 1 + cut :] for at in range(len(stem)) for cut in (0, 1, 2, 4)]
    texts = [" ".join(each) for each in (*fuller, *shorter)]
    alike = [(i, k) for i, new in enumerate(texts) for k, old in enumerate(texts) if is_equivalent(new, old)]
    assert len(alike) > 2 * len(texts)
    assert candidates(texts, texts) == alike
