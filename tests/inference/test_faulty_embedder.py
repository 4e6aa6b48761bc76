"""Endless and malformed responses of an embedding endpoint: limits of bytes and time, and error messages."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from omoide.inference.embedders import EmbeddingFailed
from omoide.inference.openai_embedder import EmbeddingEndpoint, OpenAIEmbedder
from omoide.inference.tokens import TokenCounter
from tests.inference.faulty_provider import (
    MEGABYTE,
    Script,
    beginning,
    body,
    dripping,
    endless,
    head,
    misbehaving,
    packed_zeros,
    raw,
    then_for_ever,
)

TOKENS = TokenCounter()
MOST_READ = 40 * MEGABYTE
UNREADABLE = "The embedding endpoint's answer is not in the OpenAI format."
LATE = "The embedding endpoint did not answer within 0.2 s."
LOST = "The embedding endpoint could not be reached"
TOO_LONG = "The embedding endpoint sent more than "


def vectors(*rows: Any) -> Script:
    items = [{"index": index, "embedding": row} for index, row in enumerate(rows)]
    return raw(json.dumps({"data": items}).encode())


async def embedded(url: str, seconds: float) -> list[list[float]]:
    embedder = OpenAIEmbedder("toy", EmbeddingEndpoint(url, request_seconds=seconds), dimensions=2, tokens=TOKENS)
    try:
        found: list[list[float]] = (await embedder.embed(["bees"])).tolist()
        return found
    finally:
        await embedder.aclose()


BROKEN: dict[str, tuple[Script, str]] = {
    "body": (endless(b" " * 65_536), TOO_LONG),
    "gzip": (
        lambda line, asked: line.say(beginning(asked, "Content-Encoding: gzip") + packed_zeros(32 * MEGABYTE)),
        TOO_LONG,
    ),
    "error": (then_for_ever(head(500), b"x" * 65_536), "The embedding endpoint answered 500."),
    "packed error": (
        lambda line, asked: line.say(head(500, "Content-Encoding: gzip") + packed_zeros(8 * MEGABYTE)),
        "The embedding endpoint answered 500.",
    ),
    "drip": (dripping(b" "), LATE),
    "head": (dripping(b"X-A: b\r\n", before=b"HTTP/1.1 200 OK\r\n"), LATE),
    "endless head": (then_for_ever(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n" * 4_096), LOST),
    "brackets": (raw(b"[" * 100_000), UNREADABLE),
    "html": (body(b"<html>"), UNREADABLE),
    "no gzip": (lambda line, asked: line.say(beginning(asked, "Content-Encoding: gzip") + b"hello"), UNREADABLE),
    "a coding": (lambda line, asked: line.say(beginning(asked, "Content-Encoding: br") + b"hello"), UNREADABLE),
    "none": (vectors(), UNREADABLE),
    "too many": (vectors([1, 0], [0, 1]), UNREADABLE),
    "texts": (vectors(["a", "b"]), UNREADABLE),
    "lists": (vectors([[1], [0]]), UNREADABLE),
    "NaN": (raw(b'{"data": [{"embedding": [NaN, 1]}]}'), "The embedding endpoint's vectors are not finite numbers."),
    "a number beyond all": (vectors([10**400, 1]), UNREADABLE),
    "another length": (vectors([1] * 3_072), "The embedding endpoint's vectors have 3072 dimensions instead of 2."),
}


@pytest.mark.parametrize(("script", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_response_without_vectors_fails_with_a_sentence(script: Script, reason: str) -> None:
    with misbehaving(script) as endpoint:
        with pytest.raises(EmbeddingFailed) as caught:
            asyncio.run(embedded(endpoint.url, 0.2 if reason == LATE else 60))
        assert caught.value.reason.startswith(reason)
        assert endpoint.sent < MOST_READ


def test_compressed_vectors_are_decompressed() -> None:
    sound = gzip.compress(b'{"data": [{"index": 0, "embedding": [3, 4]}]}')
    with misbehaving(lambda line, asked: line.say(beginning(asked, "Content-Encoding: gzip") + sound)) as endpoint:
        assert asyncio.run(embedded(endpoint.url, 60)) == [pytest.approx([0.6, 0.8])]
