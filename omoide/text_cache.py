"""Caches whose keys are texts that callers wrote, registered so that a process can empty all of them at once.

A text stays in such a cache after it was deleted from the database. `forget` is called when something was.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Forgets(Protocol):
    def cache_clear(self) -> None: ...


_caches: weakref.WeakSet[Forgets] = weakref.WeakSet()


def register(cache: Forgets) -> None:
    """Let `forget` empty the cache, as long as it exists."""
    _caches.add(cache)


def text_cache(maxsize: int) -> Callable[[Callable[..., T]], functools._lru_cache_wrapper[T]]:
    """`functools.lru_cache`, registered."""

    def decorate(function: Callable[..., T]) -> functools._lru_cache_wrapper[T]:
        cached = functools.lru_cache(maxsize=maxsize)(function)
        register(cached)
        return cached

    return decorate


def forget() -> None:
    """Empty every registered cache of this process."""
    for cache in [*_caches]:
        cache.cache_clear()
