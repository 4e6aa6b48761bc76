"""The storage layer: all SQL, and nothing else.

`Store` (database.py) runs plain functions: `read(fn, …)` on a snapshot, `await write(fn, …)` inside a transaction.
There is one module of functions per table. They take the connection first, return records, and never block.
"""

from omoide.core.lazy_import import hide_modules

# sqlite-utils imports them for features that are not used here.
with hide_modules("numpy", "pandas"):
    import sqlite_utils as _  # noqa: F401

from omoide.storage.sqlite.engine import Connection, Store

__all__ = ["Connection", "Store"]
