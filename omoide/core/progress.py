"""Report the steps of a long operation to its caller, if the caller listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_listener: ContextVar[Callable[[str], None] | None] = ContextVar("progress", default=None)

LONGEST = 200
"""Characters of a step."""


def report(step: str) -> None:
    """Tell the caller what is done now, in a few words."""
    if (listener := _listener.get()) is not None:
        listener(step if len(step) <= LONGEST else f"{step[: LONGEST - 1]}…")


@contextmanager
def listening(listener: Callable[[str], None]) -> Iterator[None]:
    """Receive the steps of what is started within."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
