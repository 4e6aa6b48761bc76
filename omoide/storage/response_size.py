"""Estimate the size of messages in a response."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from omoide.core.records import Message
from omoide.storage.large_values import weight

FRAME_BYTES = 250
"""Bytes per message besides content and metadata: ids, names and punctuation."""


def size(message: Message) -> int:
    """Approximate size of the message as JSON, in bytes."""
    content = message.content
    return FRAME_BYTES + (len(content) if content.isascii() else len(content.encode())) + weight(message.metadata)


def within(messages: Iterable[Message], most: int) -> Iterator[Message]:
    """Yield messages while their total size is at most `most` bytes, but at least one. Reads at most one more."""
    left = most
    for number, message in enumerate(messages):
        left -= size(message)
        if number and left < 0:
            return
        yield message
