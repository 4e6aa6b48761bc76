"""Stream the texts of large stored objects, reading off the event loop while a response is sent."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import AsyncIterator, Sequence

from omoide.core.errors import Conflict
from omoide.storage.base import Store, Transaction
from omoide.storage.engine import stored_objects
from omoide.storage.large_values import LargeValue

PIECE_BYTES = 1_048_576
"""Bytes read at a time: several objects, or a part of one."""

NOTHING = b"{}"
"""Replacement for an object that is damaged or whose row does not exist."""


async def pieces(store: Store, values: Sequence[LargeValue]) -> AsyncIterator[tuple[bytes, bool]]:
    """Yield the texts of the objects in order, as pieces with a flag for the last piece of an object.

    Raises Conflict if an object is replaced while its pieces are read.
    """
    start = 0
    while start < len(values):
        if values[start].size > PIECE_BYTES:
            async for piece in _of_one(store, values[start]):
                yield piece, False
            yield b"", True
            start += 1
            continue
        texts = await store.read_offloaded(_together, values[start:])
        for text in texts:
            yield text, True
        start += len(texts)


def _together(db: Transaction, values: Sequence[LargeValue]) -> list[bytes]:
    """The texts of the first objects that fit into a piece, but at least one."""
    texts: list[bytes] = []
    left = PIECE_BYTES
    for value in values:
        left -= value.size
        if texts and left < 0:
            break
        stored = stored_objects.text(db, value)
        found = NOTHING if stored is None else _readable(stored)
        # The object may have been replaced by a larger one since its size was read.
        texts.append(found if len(found) <= 2 * PIECE_BYTES else NOTHING)
    return texts


def _readable(text: bytes) -> bytes:
    """The text with U+FFFD for bytes that are not UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return text.decode(errors="replace").encode()
    return text


async def _of_one(store: Store, value: LargeValue) -> AsyncIterator[bytes]:
    """Yield the text of one object in pieces. The digest verifies that all of them belong to the same text."""
    found = await store.read_offloaded(stored_objects.examine, value)
    if found is None:
        yield NOTHING
        return
    digest, decoder = hashlib.blake2b(), codecs.getincrementaldecoder("utf-8")("replace")
    for start in range(0, found.size, PIECE_BYTES):
        raw = await store.read_offloaded(stored_objects.part, value, start, PIECE_BYTES)
        digest.update(raw)
        yield decoder.decode(raw, start + PIECE_BYTES >= found.size).encode()
    if digest.digest() != found.digest:
        raise Conflict("An object was replaced while it was read")
