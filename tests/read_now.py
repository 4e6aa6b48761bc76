"""Read from a store in a synchronous test."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from omoide.storage import Store
from tests import postgresql

P = ParamSpec("P")
T = TypeVar("T")


def read_now(store: Store, fn: Callable[Concatenate[Any, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """As `await store.read(fn, …)`, also inside a running event loop."""
    if postgresql.IS_USED:
        found: list[T] = []

        async def read() -> None:
            found.append(await store.read(fn, *args, **kwargs))

        thread = threading.Thread(target=lambda: asyncio.run(read()))
        thread.start()
        thread.join()
        return found[0]
    try:
        store.read(fn, *args, **kwargs).send(None)  # a read of SQLite never waits
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("a read waited")
