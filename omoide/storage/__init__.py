"""The storage layer: all SQL, and nothing else.

A `Store` runs plain functions: `await read(fn, …)` on a snapshot, `await write(fn, …)` inside a transaction (see
`base`). There is one module of functions per table. They take the transaction first, return records, and never block.
`engine` names the engine of this process, and what only an engine can do.
"""

from omoide.core.lazy_import import hide_modules

# sqlite-utils imports them for features that are not used here.
with hide_modules("numpy", "pandas"):
    import sqlite_utils as _  # noqa: F401

from omoide.storage.base import Store, Transaction

__all__ = ["Store", "Transaction"]
