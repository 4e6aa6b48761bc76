"""What was found out about a text, kept for when the same text comes again: the most recently used ones of them.

The sentences of a session are looked at for each of its summaries, short and long, as long as they stand in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")

LONGEST = 500
"""Characters of a text that is remembered. Longer sentences are rare, and would make the room that is taken a guess."""


class Remembered(Generic[V]):
    """Text → value, for up to `most` texts. One may serve all threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[str, V] = {}
        self._lock = Lock()

    def known(self, texts: Iterable[str]) -> dict[str, V]:
        """Those of the texts that are known, with their values."""
        with self._lock:
            found = {text: self._values.pop(text) for text in {*texts} & self._values.keys()}
            self._values |= found  # at the end: what was asked for last is forgotten last
        return found

    def keep(self, values: Mapping[str, V]) -> None:
        """Remember these, and forget what has not been asked for longest."""
        with self._lock:
            self._values |= {text: value for text, value in values.items() if len(text) <= LONGEST}
            surplus = len(self._values) - self._most
            for text in [*self._values][: max(0, surplus)]:
                del self._values[text]
