"""Limits on what is read of an answer: its bytes, packed and unpacked, and the size and depth of its JSON.

Works on bytes as any HTTP client gives them, so that chat models and embedders share it. What a broken limit means for
the request is decided by whoever reads the answer.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator

MOST_JSON_BYTES = 4 * 1024 * 1024
"""One piece of JSON: a whole answer, or one event of a stream. It is parsed on the event loop."""
MOST_VALUES = 20_000
"""Values in one piece of JSON, beginnings and ends of objects and lists counted as well; a model that may say 8,192
tokens cannot fill more. SDKs take some 10 µs for each."""
MOST_DEPTH = 100
MOST_EVENTS = 100_000
"""Events of one stream; a token is an event with most providers."""
PIECE_BYTES = 4_096
"""What is handed on between two turns of the event loop: some 20 usual events, 400 of the smallest."""
MOST_ERROR_BYTES = 65_536
"""What is read of the body of an error or a redirect."""

ACCEPTED_CODINGS = "gzip, deflate"

# A string that has no end goes to the end of the data, so that each byte is looked at once.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[\[\]{},]', re.DOTALL)
_EVENT_END = re.compile(rb"\n\n|\r\r|\r\n\r\n")


class AnswerTooLong(Exception):
    """More has come than an answer may hold."""


class AnswerUnreadable(Exception):
    """The bytes are not what they are said to be, or nested or divided beyond all use."""


async def unpacked(packed: AsyncIterable[bytes], coding: str, most: int) -> AsyncIterator[bytes]:
    """The bytes without their content coding, in pieces of at most `PIECE_BYTES`, the event loop going on between them.

    Raises AnswerTooLong when more than `most` bytes have come, or have come out of those, and AnswerUnreadable for a
    coding other than gzip and deflate, and for data that is not in it.
    """
    unpack = _unpacker(coding)
    came = out = 0
    async for data in packed:
        came += len(data)
        for piece in unpack(data):
            out += len(piece)
            if max(came, out) > most:
                raise AnswerTooLong
            yield piece
            await asyncio.sleep(0)
        if came > most:
            raise AnswerTooLong


async def whole(pieces: AsyncIterable[bytes]) -> bytes:
    """All of them as one piece of JSON. Raises as `unpacked` and `check_json` do."""
    gathered = bytearray()
    async for piece in pieces:
        gathered += piece
        if len(gathered) > MOST_JSON_BYTES:
            raise AnswerTooLong
    check_json(gathered)
    return bytes(gathered)


async def beginning(pieces: AsyncIterable[bytes], most: int) -> bytes:
    """The first `most` bytes, or fewer where the rest cannot be read."""
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
    """Server-sent events, each whole and with its end; last, without one, what is left.

    Raises as `unpacked` does, AnswerTooLong for an event or a number of events beyond the limits, and AnswerUnreadable
    for an event whose JSON is beyond them.
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
    """Raise AnswerUnreadable if there are too many or too deeply nested values in JSON, or in what is taken for it."""
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
    """Unpacks gzip and deflate, the latter with its header or without, as servers disagree on that."""

    def __init__(self) -> None:
        self._unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)  # finds out whether the header is of gzip or zlib
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
