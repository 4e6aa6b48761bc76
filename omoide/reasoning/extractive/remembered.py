"""What was found out about a text, kept for when the same text comes again: as long as there is room.

The sentences of a session are looked at for each of its summaries, short and long, as long as they stand in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from threading import Lock
from typing import Generic, TypeVar

from omoide import text_cache

V = TypeVar("V")

LONGEST = 500
"""Characters of a text that is remembered. Longer sentences are rare, and would make the room that is taken a guess."""


class Remembered(Generic[V]):
    """Text → value, for the `most` texts that were kept last. One may serve all threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[str, V] = {}
        self._lock = Lock()
        text_cache.register(self)

    def known(self, texts: Iterable[str]) -> dict[str, V]:
        """Those of the texts that are known, with their values."""
        values = self._values
        return {text: value for text in texts if (value := values.get(text)) is not None}

    def cache_clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._values = {}

    def keep(self, values: Mapping[str, V]) -> None:
        """Remember these, and forget for them what was kept first."""
        with self._lock:
            self._values |= {text: value for text, value in values.items() if len(text) <= LONGEST}
            for text in [*islice(self._values, max(0, len(self._values) - self._most))]:
                del self._values[text]
