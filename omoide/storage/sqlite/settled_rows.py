"""Row numbers that no write can still commit rows below of. Writes are serial here, so these are all numbers."""

from __future__ import annotations

from omoide.storage.base import Store
from omoide.storage.embedding_tables import Source

EVERY_ROW = 2**63 - 1


async def settled(store: Store, source: Source) -> int:
    """The row number up to which all rows of the table are committed that any write has begun to store."""
    return EVERY_ROW
