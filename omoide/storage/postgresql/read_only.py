"""What is known about the schema and the files of the database."""

from __future__ import annotations

from dataclasses import dataclass

from omoide.storage.base import Transaction
from omoide.storage.postgresql.migrations import STEPS


@dataclass(frozen=True, slots=True)
class Schema:
    """Migration steps: those applied to the database, and those known to this program."""

    applied: tuple[str, ...]
    known: tuple[str, ...]

    @property
    def is_newer(self) -> bool:
        """Whether the database was written by a newer version of Omoide."""
        return bool(set(self.applied) - set(self.known))

    @property
    def is_current(self) -> bool:
        return set(self.applied) == set(self.known)


def schema(db: Transaction) -> Schema:
    applied = tuple(name for (name,) in db.execute("SELECT name FROM omoide_migrations ORDER BY name"))
    return Schema(applied, STEPS)
