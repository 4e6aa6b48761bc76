"""What a storage engine promises: the store of a process, and the transaction that storage functions run in.

A process uses one engine, which is SQLite today. Another one, such as PostgreSQL, has to provide

- a class with the members of `Store`, whose transactions have the members of `Transaction`,
- for `omoide.storage.dialect`: the fragments of SQL that engines spell differently, and
- for `omoide.storage.engine`: modules for what is not a matter of spelling, such as full-text search.

The modules of `omoide.storage` that are named after nouns (`messages`, `peers`, …) hold functions that take a
`Transaction` first. All other modules compose these functions, and pass the transaction on without looking into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from omoide.core.database_location import DatabaseLocation

P = ParamSpec("P")
T = TypeVar("T")


class ManyRows(Exception):
    """The result has more rows than this transaction may count."""


class Cursor(Protocol):
    """The result of a statement, read once. Rows are tuples; their order is defined only by ORDER BY."""

    @property
    def rowcount(self) -> int:
        """The number of rows that the statement inserted, updated or deleted."""

    @property
    def lastrowid(self) -> int | None:
        """The row number that the last INSERT assigned."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""

    def fetchall(self) -> list[Any]:
        """Return the remaining rows."""

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the remaining rows."""

    def close(self) -> None:
        """Discard the remaining rows. Only needed if not all are read."""


class Transaction(Protocol):
    """A transaction in progress, for the functions of the storage layer only; opaque to everybody else.

    Never kept beyond the function that it was passed to, and used by one thread at a time. A statement that fails ends
    the function: it may not be caught in order to run further statements.
    """

    @property
    def most_counted(self) -> int | None:
        """The number of rows that a page may count before it raises `ManyRows`; None: unlimited."""

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /) -> Cursor:
        """Run one statement and return its result. Its parameters are `?`, `?1` for the first, or `:name`."""

    def lock(self, table: str, pk: int, /) -> None:
        """Make other writes that lock this row, or read it `FOR UPDATE` (`dialect.for_update`), wait for the end of
        this one; later statements see what earlier ones have committed.

        For what holds only without concurrent writes: a limit that is counted before an insert, a value that is read
        before it is changed. An engine whose writes are serial has nothing to do.
        """

    def try_lock(self, table: str, pk: int, /) -> bool:
        """As `lock`, but False instead of waiting, or if there is no such row."""

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> Cursor:
        """Run one statement once for each of the sequences of parameters."""


class LongRead(Protocol):
    """One snapshot of the committed data."""

    async def step(self, fn: Callable[[Transaction], T]) -> T:
        """Run `fn(transaction)` as `Store.read_offloaded` does, but never twice."""


class Store(Protocol):
    """Access to the database for one process, from any of its event loops.

    Reads: `fn` sees one snapshot of the committed data, including every write that was awaited before. It cannot write.

    Writes: `fn` sees the latest committed data and its own changes. The effect of all writes, also of other processes,
    is as if they ran one after another; those of one process and scheduling lane run in the order of the calls. Several
    may share a commit. One that raises has no effect, and takes nothing back but its own changes. One whose caller was
    cancelled takes effect or not.

    `fn` may be run again, from a new snapshot or savepoint, so it has no effect but on the transaction. What it raises
    reaches the caller. Errors of the engine become those of `omoide.core.errors`:

    - `Unavailable`: the database cannot be reached or written, or is locked for longer than the timeout,
    - `StorageFull`, a kind of it: there is no space left,
    - `IndexDamaged`, a kind of it: an index contradicts its table; its rebuild is enqueued,
    - `ConstraintViolation`, a kind of it: the stored data is inconsistent.
    """

    @property
    def location(self) -> DatabaseLocation:
        """The database file, or the URL of the database: the leader lock concerns it."""

    @property
    def path(self) -> Path:
        """The database file: free space and secure deletion concern it. Only of an embedded engine."""

    @property
    def busy_timeout(self) -> float:
        """Seconds to wait for other processes."""

    @property
    def takes_writes(self) -> bool:
        """Whether the database accepted the last write."""

    async def read(self, fn: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn(transaction, …)`, a read of microseconds, and return its result.

        An embedded engine runs it on the event loop, without giving it up. Code must not rely on that: with an engine
        behind a network, other tasks run meanwhile.
        """

    async def read_single(
        self, fn: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `read`, for a function that runs one statement and reads its whole result: it needs no transaction."""

    async def read_offloaded(
        self, fn: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `read`, for reads that may take more than a millisecond: off the event loop, scheduled by lane."""

    async def read_page(self, fn: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As `read`, or as `read_offloaded` if `fn` has to count many rows (see `rows.page`)."""

    def long_read(self) -> AbstractAsyncContextManager[LongRead]:
        """Open one snapshot to read it in several steps; it sees no later writes. Raises Unavailable when entered."""

    async def read_at_once(
        self, fn: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `read_offloaded`, but never queued or held back: for health checks."""

    async def write(self, fn: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn(transaction, …)` and return its result once its changes are durable."""

    def log_size(self) -> tuple[int, int]:
        """Bytes of the log of changes that are not yet in the database file, and their limit."""

    def is_writable(self) -> bool:
        """Whether writes can be expected to succeed, without trying one."""

    def close(self) -> None:
        """Finish the queued writes and close the database. Later reads and writes raise Unavailable."""
