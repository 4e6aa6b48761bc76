"""Caches whose keys are texts that callers wrote, registered so that a process can empty all of them at once.

A text stays in such a cache after it was deleted from the database. `forget` is called when something was.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")

LONGEST_KEPT = 1_000
"""Characters of a text whose result is kept: entries are limited in number, and by this in size."""


class Forgets(Protocol):
    def cache_clear(self) -> None: ...


_caches: weakref.WeakSet[Forgets] = weakref.WeakSet()


def register(cache: Forgets) -> None:
    """Let `forget` empty the cache, as long as it exists."""
    _caches.add(cache)


def text_cache(maxsize: int, longest: int = LONGEST_KEPT) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """`functools.lru_cache`, registered, for a function of a text and of short further arguments.

    What it returns for a text of more than `longest` characters is not kept.
    """

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        cached = functools.lru_cache(maxsize=maxsize)(function)
        register(cached)

        @functools.wraps(function)
        def bounded(text: str, *further: object) -> T:
            return cached(text, *further) if len(text) <= longest else function(text, *further)

        return bounded

    return decorate


def forget() -> None:
    """Empty every registered cache of this process."""
    for cache in [*_caches]:
        cache.cache_clear()
