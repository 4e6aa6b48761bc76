"""Characters that a provider sends in halves, read through the client for models, over HTTP."""

from __future__ import annotations

import asyncio
import json

import pytest
from pydantic import TypeAdapter

from omoide.inference.half_characters import repaired
from omoide.inference.http_client import model_client
from tests.inference.faulty_provider import EVENTS, body, head, misbehaving

STRICT = TypeAdapter(dict[str, object])
"""Refuses halves of characters, as SDKs do that validate with pydantic."""
GRIN = "\U0001f600"


def gemini(text: str, *, as_bytes: bool = False) -> bytes:
    """An event of a stream in Google's format."""
    parts = [{"text": text}, {"thoughtSignature": "x"}]
    frame = {"candidates": [{"content": {"role": "model", "parts": parts}, "index": 0}], "modelVersion": "toy"}
    data = json.dumps(frame, ensure_ascii=not as_bytes).encode(errors="surrogatepass")
    return b"data: " + data + b"\r\n\r\n"


def streamed(*events: bytes) -> list[str]:
    """The texts of a stream."""

    async def work(url: str) -> list[str]:
        texts = []
        async with (
            model_client(5.0, 1_000_000) as client,
            client.stream("POST", f"{url}/models/toy:streamGenerateContent?alt=sse", json={}) as response,
        ):
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    frame: dict[str, object] = STRICT.validate_json(line.removeprefix("data: "))
                    texts.append(frame["candidates"][0]["content"]["parts"][0]["text"])  # type: ignore[index]
        return texts

    with misbehaving(lambda line, _: line.say(head(media=EVENTS) + b"".join(events))) as provider:
        return asyncio.run(work(provider.url))


@pytest.mark.parametrize("as_bytes", [False, True], ids=["escapes", "bytes"])
@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (("Bees \ud83d", "\ude00 buzz"), f"Bees {GRIN} buzz"),
        (("\ud83d", "\ude00"), GRIN),
        (("\ud83d", "\ude00\ud83d", "\ude00\ud83d", "\ude00"), GRIN * 3),
        (("Bees \ud83d", " buzz"), "Bees \ufffd buzz"),
        (("Bees", "\ude00 buzz"), "Bees\ufffd buzz"),
        (("Bees \ud83d",), "Bees \ufffd"),
        (("a \ud83d b \ude00\ud83d c", "d"), "a \ufffd b \ufffd\ufffd cd"),
        (("\ud83d", "x", "\ude00"), "\ufffdx\ufffd"),
        ((f"{GRIN} \\ud83d", "\\ude00 é"), f"{GRIN} \\ud83d\\ude00 é"),
    ],
)
def test_halves_of_a_character_are_joined_or_replaced(pieces: tuple[str, ...], text: str, as_bytes: bool) -> None:
    assert "".join(streamed(*(gemini(piece, as_bytes=as_bytes) for piece in pieces))) == text


def test_events_without_halves_stay_as_they_are() -> None:
    events = [gemini("Bees."), b": a comment\r\n\r\n", gemini("한국어 \ud7ff 🐝", as_bytes=True), gemini("🐝")]
    assert streamed(*events) == ["Bees.", "한국어 \ud7ff 🐝", "🐝"]
    assert repaired(events[2]) is events[2] or repaired(events[2]) == events[2]


@pytest.mark.parametrize("text", ["Bees \ud83d", "\ude00", "\ud83dx\ude00"])
def test_a_whole_response_has_no_halves(text: str) -> None:
    data = json.dumps({"text": text, "pair": GRIN}).encode()

    async def work(url: str) -> bytes:
        async with model_client(5.0, 1_000_000) as client:
            return (await client.post(url, json={})).content

    with misbehaving(body(data)) as provider:
        found = STRICT.validate_json(asyncio.run(work(provider.url)))
    assert found == {"text": text.replace("\ud83d", "\ufffd").replace("\ude00", "\ufffd"), "pair": GRIN}
