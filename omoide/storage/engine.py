"""The engine of this process: how to open its store, and what it does in its own way.

Only this module, `dialect` and `filters.metadata` name the engine, so that another one can take SQLite's place.
"""

from omoide.storage.sqlite import (
    free_space,
    fulltext,
    fulltext_conversion,
    fulltext_pruning,
    fulltext_rebuild,
    leader_lock,
    query_timeout,
    read_only,
    secure_delete,
    stored_objects,
    vector_segments,
)
from omoide.storage.sqlite.engine import Store
from omoide.storage.sqlite.open_files import FileIdentity

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
    "stored_objects",
    "vector_segments",
]
