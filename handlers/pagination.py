"""Read one page of a list. A filtered list is read off the event loop, with a time limit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar, TypeVarTuple

from omoide.core.records import Json, Page
from omoide.handlers.context import Context
from omoide.storage import Transaction
from omoide.storage.engine import query_timeout

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Filtered(Protocol):
    """The body of a list operation."""

    filters: Json | None


async def read(
    context: Context, body: Filtered | None, page: Callable[[Transaction, *Ts, Json | None], Page[T]], *args: *Ts
) -> Page[T]:
    """Return `page(connection, *args, filters)` with the filters of the body.

    Raises Unprocessable for an invalid filter, and for one that takes longer than the setting `filter_seconds`.
    """
    if body is None or not body.filters:
        return await context.store.read_page(page, *args, None)
    return await read_offloaded(context, body, page, *args)


async def read_offloaded(
    context: Context, body: Filtered | None, page: Callable[[Transaction, *Ts, Json | None], Page[T]], *args: *Ts
) -> Page[T]:
    """Like `read`, but always off the event loop: for lists that are slow to count."""
    filters = (body.filters or None) if body else None
    timeout = context.settings.filter_seconds if filters else None

    def filtered(db: Transaction) -> Page[T]:
        return page(db, *args, filters)

    return await context.store.read_offloaded(query_timeout.run_with_timeout, timeout, filtered)
