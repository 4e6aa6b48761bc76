"""The kind of connection that all of the store works with."""

from __future__ import annotations

from collections.abc import Callable

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses


class Connection(sqlite3.Connection):
    """A connection that knows what is still to be done before the transaction of its writer is committed."""

    owed: list[Callable[[Connection], None]] | None = None
    """None where no writer is at work, and nobody would do it."""
