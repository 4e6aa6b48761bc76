"""What a nearest-neighbour search searches: all messages, or all conclusions, of one workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omoide.storage import Transaction, embeddings
from omoide.storage.embedding_tables import Source


@dataclass(frozen=True, slots=True)
class Group:
    source: Source
    workspace: int
    with_ended: bool = False
    """Whether ended conclusions are included. That is a group of its own, because few searches need them."""

    def living(self, db: Transaction, pks: Sequence[int]) -> set[int]:
        """Those of the rows that are still in the group."""
        return embeddings.living(db, self.source, pks, with_ended=self.with_ended)
