"""Caches keyed by user text, registered so that all of them can be cleared.

Such a cache retains texts that were deleted from the database, so `clear_all` is called after deletions.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Protocol, TypeVar, TypeVarTuple

T = TypeVar("T")
Args = TypeVarTuple("Args")

LONGEST_KEPT = 1_000
"""The maximum length of a cached text in characters; with the number of entries it bounds a cache's memory."""


class ClearableCache(Protocol):
    def cache_clear(self) -> None: ...


_caches: weakref.WeakSet[ClearableCache] = weakref.WeakSet()


def register(cache: ClearableCache) -> None:
    """Register a cache for `clear_all`; a weak reference is kept."""
    _caches.add(cache)


def text_cache(
    maxsize: int, longest: int = LONGEST_KEPT
) -> Callable[[Callable[[str, *Args], T]], Callable[[str, *Args], T]]:
    """A registered `functools.lru_cache` for a function of a text and short further arguments.

    Results for texts of more than `longest` characters are not cached.
    """

    def decorate(function: Callable[[str, *Args], T]) -> Callable[[str, *Args], T]:
        cached = functools.lru_cache(maxsize=maxsize)(function)
        register(cached)

        @functools.wraps(function)
        def bounded(text: str, *further: *Args) -> T:
            return cached(text, *further) if len(text) <= longest else function(text, *further)

        return bounded

    return decorate


def clear_all() -> None:
    """Clear all registered caches of this process."""
    for cache in [*_caches]:
        cache.cache_clear()
