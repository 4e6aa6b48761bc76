"""Read from a store in a synchronous test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from omoide.storage.sqlite.engine import Connection, Store

P = ParamSpec("P")
T = TypeVar("T")


def read_now(store: Store, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """As `await store.read(fn, …)`, also inside a running event loop: a read of SQLite never waits."""
    try:
        store.read(fn, *args, **kwargs).send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("a read waited")
