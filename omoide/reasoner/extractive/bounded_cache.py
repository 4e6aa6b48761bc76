"""Bounded cache of values computed for a text.

The sentences of a session are processed again for each of its summaries, short and long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from threading import Lock
from typing import Generic, TypeVar

from omoide.core import text_cache

V = TypeVar("V")

LONGEST = 500
"""Maximum characters of a cached text. Longer sentences are rare, and the limit makes memory use predictable."""


class BoundedCache(Generic[V]):
    """FIFO cache from text to value with `most` entries. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[str, V] = {}
        self._lock = Lock()
        text_cache.register(self)

    def known(self, texts: Iterable[str]) -> dict[str, V]:
        """Return the cached values of the texts."""
        values = self._values
        return {text: value for text in texts if (value := values.get(text)) is not None}

    def cache_clear(self) -> None:
        """Remove all entries."""
        with self._lock:
            self._values = {}

    def keep(self, values: Mapping[str, V]) -> None:
        """Add values, and evict the oldest entries."""
        with self._lock:
            self._values |= {text: value for text, value in values.items() if len(text) <= LONGEST}
            for text in [*islice(self._values, max(0, len(self._values) - self._most))]:
                del self._values[text]
