"""The archive: all SQL, and nothing else.

`Store` (database.py) runs plain functions: `read(fn, …)` on a snapshot, `await write(fn, …)` inside a transaction. The
functions stand in one module per table, take the connection first, speak of records, and never wait for anything.
"""

from omoide.deferred import hidden

# sqlite-utils would load them for tables of theirs, of which there are none here.
with hidden("numpy", "pandas"):
    import sqlite_utils as _  # noqa: F401

from omoide.store.database import Connection, Store

__all__ = ["Connection", "Store"]
