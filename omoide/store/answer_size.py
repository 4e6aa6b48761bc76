"""How many bytes messages take in an answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from omoide.records import Message
from omoide.store.large_values import weight

FRAME_BYTES = 250
"""What a message takes besides its content and metadata: ids, names and punctuation."""


def size(message: Message) -> int:
    """About how many bytes of JSON the message takes."""
    content = message.content
    return FRAME_BYTES + (len(content) if content.isascii() else len(content.encode())) + weight(message.metadata)


def within(messages: Iterable[Message], most: int) -> Iterator[Message]:
    """The first messages, as many as take `most` bytes together; at least one. No more than one further is read."""
    left = most
    for number, message in enumerate(messages):
        left -= size(message)
        if number and left < 0:
            return
        yield message
