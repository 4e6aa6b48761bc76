"""The archive: all SQL, and nothing else.

`Store` (database.py) runs plain functions: `read(fn, …)` on a snapshot, `await write(fn, …)` inside a transaction. The
functions stand in one module per table, take the connection first, speak of records, and never wait for anything.
"""

from omoide.store.database import Connection, Store

__all__ = ["Connection", "Store"]
