"""One snapshot of the database for a command, without a store."""

from typing import TYPE_CHECKING

from omoide.core.database_location import IS_POSTGRESQL

if TYPE_CHECKING or not IS_POSTGRESQL:
    from omoide.storage.sqlite.backup import snapshot
else:
    from omoide.storage.postgresql.engine import snapshot

__all__ = ["snapshot"]
