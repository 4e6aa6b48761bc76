"""The engine of this process: how to open its store, and what it does in its own way.

Only this module, `dialect`, `snapshot` and `filters.metadata` name the engines.
"""

from typing import TYPE_CHECKING

from omoide.core.database_location import IS_POSTGRESQL
from omoide.storage.sqlite import free_space, fulltext_conversion, fulltext_pruning, fulltext_rebuild
from omoide.storage.sqlite.open_files import FileIdentity

if TYPE_CHECKING or not IS_POSTGRESQL:
    from omoide.storage.sqlite import (
        fulltext,
        leader_lock,
        query_timeout,
        read_only,
        secure_delete,
        settled_rows,
        stored_objects,
    )
    from omoide.storage.sqlite.engine import Store
else:
    from omoide.storage.postgresql import (
        fulltext,
        leader_lock,
        query_timeout,
        read_only,
        secure_delete,
        settled_rows,
        stored_objects,
    )
    from omoide.storage.postgresql.engine import Store

open_store = Store.open
prepare_store = Store.prepare

__all__ = [
    "FileIdentity",
    "free_space",
    "fulltext",
    "fulltext_conversion",
    "fulltext_pruning",
    "fulltext_rebuild",
    "leader_lock",
    "open_store",
    "prepare_store",
    "query_timeout",
    "read_only",
    "secure_delete",
    "settled_rows",
    "stored_objects",
]
