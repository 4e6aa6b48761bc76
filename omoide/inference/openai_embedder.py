"""Embeddings from an OpenAI-compatible endpoint: `POST {base_url}/embeddings`, with httpx.

Requests stay within the limits of common endpoints, and every response is validated. Each request is made once:
`EmbeddingFailed` says whether it may be retried, and the worker retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from pydantic_core import from_json

from omoide.core.lazy_import import lazy_import
from omoide.core.redaction import redact_secrets
from omoide.core.usage import Counts, admitted
from omoide.inference.batching import batches
from omoide.inference.embedders import EmbeddingFailed, Vectors, unit_rows
from omoide.inference.response_limits import (
    ACCEPTED_CODINGS,
    MOST_ERROR_BYTES,
    AnswerTooLong,
    AnswerUnreadable,
    beginning,
    unpacked,
)
from omoide.inference.tokens import TokenCounter

with lazy_import("httpx", "numpy"):
    import httpx
    import numpy as np

# Statuses below 500 that may be retried; 500 and above always may.
_RETRYABLE_STATUSES = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
ANSWER_BYTES, NUMBER_BYTES = 16 * 1024 * 1024, 32
"""Maximum size of a response: a base, large enough to report vectors of an unexpected length, plus bytes per number."""
# How much of an endpoint's error message is quoted.
_EXPLANATION_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class EmbeddingEndpoint:
    """Address and key of an endpoint, and the size and time limits of its requests.

    The defaults fit OpenAI (2,048 texts, 300,000 tokens a request, 8,191 tokens a text) with a margin for tokenizers
    that produce more tokens than ours.
    """

    base_url: str
    api_key: str = field(default="", repr=False)
    batch_texts: int = 64
    batch_characters: int = 100_000
    text_tokens: int = 6_000
    connect_seconds: float = 5.0
    request_seconds: float = 60.0


class OpenAIEmbedder:
    """Embeds with one model of one endpoint. Bound to one event loop; close it with `aclose`."""

    embed_now = None
    characters_on_demand = 0

    def __init__(
        self,
        model: str,
        endpoint: EmbeddingEndpoint,
        *,
        dimensions: int,
        tokens: TokenCounter,
        shorten: bool = False,
    ) -> None:
        """`shorten` requests vectors of `dimensions`, which only models trained for that support."""
        self.name = f"openai:{model}"
        self.dimensions = dimensions
        self._model = model
        self._shorten = shorten
        self.answered: Callable[[Counts], None] = lambda used: None
        """Called with what each request used."""
        self._tokens = tokens
        self._endpoint = endpoint
        self._url = f"{endpoint.base_url.rstrip('/')}/embeddings"
        authorization = {"Authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
        self._client = httpx.AsyncClient(
            headers={"Accept-Encoding": ACCEPTED_CODINGS} | authorization,
            timeout=httpx.Timeout(None, connect=endpoint.connect_seconds),
        )

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed`. Longer texts are cut to `text_tokens`; blank ones are not sent."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        indices = [index for index, text in enumerate(texts) if text.strip()]
        if not indices:
            return vectors
        trimmed = await asyncio.to_thread(self._trim, [texts[index] for index in indices])
        limits = self._endpoint
        done = 0
        for batch in batches(trimmed, most_texts=limits.batch_texts, most_characters=limits.batch_characters):
            vectors[indices[done : done + len(batch)]] = await self._embed_batch(batch)
            done += len(batch)
        return vectors

    async def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See `Embedder.embed_queries`. Queries are texts like others."""
        return await self.embed(texts)

    async def aclose(self) -> None:
        """Close the connections to the endpoint."""
        await self._client.aclose()

    def _trim(self, texts: list[str]) -> list[str]:
        return [self._tokens.trim(text, self._endpoint.text_tokens) for text in texts]

    async def _embed_batch(self, texts: list[str]) -> Vectors:
        body: dict[str, Any] = {"model": self._model, "input": texts, "encoding_format": "float"}
        if self._shorten:
            body["dimensions"] = self.dimensions
        answer = await self._post(body, ANSWER_BYTES + len(texts) * self.dimensions * NUMBER_BYTES)
        # A batch may be a hundred thousand numbers: too long to read on the event loop.
        vectors, used = await asyncio.to_thread(self._read, answer, texts)
        self.answered(used)
        return vectors

    def _read(self, answer: bytes, texts: list[str]) -> tuple[Vectors, Counts]:
        vectors, reported = read_vectors(answer, len(texts), self.dimensions)
        used = reported or sum(map(self._tokens.count, texts))
        return vectors, Counts(1, int(not reported), used)

    async def _post(self, body: dict[str, Any], most: int) -> bytes:
        """The body of a successful response, at most `most` bytes. Raises EmbeddingFailed otherwise."""
        try:
            # httpx limits only each wait for bytes, which an endpoint that trickles data never exceeds.
            async with (
                asyncio.timeout(self._endpoint.request_seconds),
                self._client.stream("POST", self._url, json=body) as response,
            ):
                coding = response.headers.get("content-encoding", "")
                if response.status_code != HTTPStatus.OK:
                    pieces = unpacked(response.aiter_raw(), coding, MOST_ERROR_BYTES)
                    raise _refusal(response.status_code, await beginning(pieces, MOST_ERROR_BYTES))
                return b"".join([piece async for piece in unpacked(response.aiter_raw(), coding, most)])
        except (httpx.TimeoutException, TimeoutError) as error:
            seconds = self._endpoint.request_seconds
            raise EmbeddingFailed(
                f"The embedding endpoint did not answer within {seconds:g} s.", retryable=True
            ) from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            # `from None`: the cause may quote a part of a password.
            raise EmbeddingFailed("The embedding endpoint's address is not a valid URL.", retryable=False) from None
        except httpx.HTTPError as error:
            kind = type(error).__name__
            raise EmbeddingFailed(f"The embedding endpoint could not be reached: {kind}.", retryable=True) from error
        except AnswerTooLong:
            reason = f"The embedding endpoint sent more than {most} bytes for {len(body['input'])} vectors."
            raise EmbeddingFailed(reason, retryable=True) from None
        except AnswerUnreadable:
            raise _unreadable() from None


def read_vectors(answer: bytes, count: int, dimensions: int) -> tuple[Vectors, int]:
    """The `count` vectors of an embeddings response, in the order of its `index` fields, scaled to length 1, and the
    tokens that it reports, 0 if none.

    Raises EmbeddingFailed: not retryable for vectors of another length than `dimensions` or with non-finite numbers,
    because the model would return the same again; retryable for a malformed response.
    """
    unreadable = _unreadable()
    try:
        response = from_json(answer)
        items = response["data"]
        rows = {item.get("index", index): item["embedding"] for index, item in enumerate(items)}
        # A missing, duplicate or out-of-range index leaves a gap here.
        ordered = [rows[index] for index in range(count)]
        lengths = {len(row) for row in ordered}
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise unreadable from error
    if len(items) != count:
        raise unreadable
    if lengths != {dimensions}:
        found = " and ".join(map(str, sorted(lengths)))
        raise EmbeddingFailed(
            f"The embedding endpoint's vectors have {found} dimensions instead of {dimensions}.", retryable=False
        )
    try:
        vectors = np.array(ordered, dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise unreadable from error
    if vectors.shape != (count, dimensions):
        raise unreadable
    if not np.isfinite(vectors).all():
        raise EmbeddingFailed(
            "The embedding endpoint's vectors are not finite numbers.", retryable=False, may_be_text=True
        )
    usage = response.get("usage")
    return unit_rows(vectors), admitted(usage.get("prompt_tokens")) if isinstance(usage, dict) else 0


def _unreadable() -> EmbeddingFailed:
    return EmbeddingFailed(
        "The embedding endpoint's answer is not in the OpenAI format.", retryable=True, may_be_text=True
    )


def _refusal(status: int, body: bytes) -> EmbeddingFailed:
    retryable = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _RETRYABLE_STATUSES
    reason = f"The embedding endpoint answered {status}"
    # Messages about a refused key tend to quote the key.
    if status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) and (words := _explanation(body)):
        reason = f"{reason}: {words}"
    # Endpoints report an unacceptable text with all kinds of statuses, some with a 5xx.
    return EmbeddingFailed(
        reason if reason.endswith(".") else f"{reason}.",
        retryable=retryable,
        may_be_text=status not in _RETRYABLE_STATUSES,
    )


def _explanation(answer: bytes) -> str:
    """The message of `{"error": {"message": …}}`, truncated; empty if there is none."""
    try:
        message = from_json(answer)["error"]["message"]
    except (ValueError, TypeError, LookupError):
        return ""
    return redact_secrets(message)[:_EXPLANATION_CHARACTERS] if isinstance(message, str) else ""
