"""Limits for reading a provider's response: bytes, compressed and decompressed, and size and depth of its JSON.

Works on byte streams of any HTTP client, so chat models and embedders share it. The caller decides how an exceeded
limit affects the request.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator

MOST_JSON_BYTES = 4 * 1024 * 1024
"""One JSON document: a whole response, or one event of a stream. It is parsed on the event loop."""
MOST_VALUES = 20_000
"""Values in one JSON document, counting brackets and braces; 8,192 output tokens cannot fill more. SDKs take about
10 µs for each."""
MOST_DEPTH = 100
MOST_EVENTS = 100_000
"""Events of one stream; a token is an event with most providers."""
PIECE_BYTES = 4_096
"""Bytes passed on between two yields to the event loop: about 20 typical events, 400 of the smallest."""
MOST_ERROR_BYTES = 65_536
"""Bytes read of the body of an error or a redirect."""

ACCEPTED_CODINGS = "gzip, deflate"

# An unterminated string extends to the end of the data, so that each byte is scanned once.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[\[\]{},]', re.DOTALL)
_EVENT_END = re.compile(rb"\n\n|\r\r|\r\n\r\n")


class AnswerTooLong(Exception):
    """The response exceeds a limit."""


class AnswerUnreadable(Exception):
    """The response is not in its declared encoding, or its JSON has too many or too deeply nested values."""


async def unpacked(packed: AsyncIterable[bytes], coding: str, most: int) -> AsyncIterator[bytes]:
    """Decompress a stream into pieces of at most `PIECE_BYTES`, yielding to the event loop between them.

    Raises AnswerTooLong after more than `most` bytes, compressed or decompressed, and AnswerUnreadable for a coding
    other than gzip and deflate, and for corrupt data.
    """
    unpack = _unpacker(coding)
    received = produced = 0
    async for data in packed:
        received += len(data)
        for piece in unpack(data):
            produced += len(piece)
            if max(received, produced) > most:
                raise AnswerTooLong
            yield piece
            await asyncio.sleep(0)
        if received > most:
            raise AnswerTooLong


async def whole(pieces: AsyncIterable[bytes]) -> bytes:
    """Join the pieces to one JSON document. Raises as `unpacked` and `check_json` do."""
    gathered = bytearray()
    async for piece in pieces:
        gathered += piece
        if len(gathered) > MOST_JSON_BYTES:
            raise AnswerTooLong
    check_json(gathered)
    return bytes(gathered)


async def beginning(pieces: AsyncIterable[bytes], most: int) -> bytes:
    """The first `most` bytes, or fewer if the rest cannot be read."""
    gathered = bytearray()
    try:
        async for piece in pieces:
            gathered += piece
            if len(gathered) >= most:
                break
    except (AnswerTooLong, AnswerUnreadable):
        pass
    return bytes(gathered[:most])


async def events(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Split a stream into server-sent events, each with its separator; the last item is the remainder without one.

    Raises as `unpacked` does, AnswerTooLong for too long an event or too many of them, and AnswerUnreadable for an
    event whose JSON exceeds the limits.
    """
    held, count = bytearray(), 0
    async for piece in pieces:
        searched = max(0, len(held) - 3)
        held += piece
        start = 0
        for end in _EVENT_END.finditer(held, searched):
            event = bytes(held[start : end.end()])
            start = end.end()
            count += 1
            check_json(event)
            yield event
        del held[:start]
        if count > MOST_EVENTS or len(held) > MOST_JSON_BYTES:
            raise AnswerTooLong
    check_json(held)
    yield bytes(held)


def check_json(data: bytes | bytearray) -> None:
    """Raise AnswerUnreadable if JSON, valid or not, has too many or too deeply nested values."""
    depth = 0
    for count, token in enumerate(_TOKEN.finditer(data)):
        mark = data[token.start()]
        if mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
        if count > MOST_VALUES or depth > MOST_DEPTH:
            raise AnswerUnreadable


def _unpacker(coding: str) -> Callable[[bytes], Iterator[bytes]]:
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return _sliced
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise AnswerUnreadable
    return _Inflater().pieces


def _sliced(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), PIECE_BYTES):
        yield data[start : start + PIECE_BYTES]


class _Inflater:
    """Decompresses gzip and deflate, the latter with or without a zlib header, because servers send both."""

    def __init__(self) -> None:
        self._unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)  # detects a gzip or zlib header
        self._is_first = True

    def pieces(self, data: bytes) -> Iterator[bytes]:
        try:
            piece = self._first(data) if self._is_first else self._unpack.decompress(data, PIECE_BYTES)
            while piece:
                yield piece
                piece = self._unpack.decompress(self._unpack.unconsumed_tail, PIECE_BYTES)
        except zlib.error:
            raise AnswerUnreadable from None

    def _first(self, data: bytes) -> bytes:
        self._is_first = False
        try:
            return self._unpack.decompress(data, PIECE_BYTES)
        except zlib.error:
            self._unpack = zlib.decompressobj(-zlib.MAX_WBITS)
            return self._unpack.decompress(data, PIECE_BYTES)
