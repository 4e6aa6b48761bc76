"""Limit the time of reads that run a caller's filter: by the server, which cancels a statement that takes longer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

from psycopg import errors

from omoide.core.errors import Unprocessable
from omoide.storage.base import Transaction

T = TypeVar("T")


def run_with_timeout(db: Transaction, seconds: float | None, fn: Callable[[Transaction], T]) -> T:
    """Run `fn(db)` and return its result; `seconds` None: without a limit.

    Raises Unprocessable if one of its statements runs for longer.
    """
    if seconds is None:
        return fn(db)
    db.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
    try:
        result = fn(db)
    except errors.QueryCanceled as error:
        raise Unprocessable(f"The filter takes longer than {seconds:g} s. Ask for less at a time.") from error
    db.execute("SET LOCAL statement_timeout = 0")
    return result


@contextlib.contextmanager
def uncounted() -> Iterator[None]:
    """Nothing to do: the server counts only the time of statements."""
    yield
