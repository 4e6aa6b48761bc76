"""Erasure is the server's work (VACUUM). A number that changes with each deletion makes processes drop their caches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from omoide.storage.base import Transaction

P = ParamSpec("P")
T = TypeVar("T")


def overwriting(step: Callable[Concatenate[Transaction, P], T]) -> Callable[Concatenate[Transaction, P], T]:
    """Return the step as it is."""
    return step


def enqueue(db: Transaction, now: int) -> None:
    """Count an erasure. Call it in the transaction that deletes or replaces content."""
    db.execute("UPDATE erasures SET count = count + 1")


def enqueue_first(db: Transaction, now: int) -> None:
    """Nothing to do: there is no older version."""


def count(db: Transaction) -> int:
    """A number that changes with each erasure."""
    return int(db.execute("SELECT count FROM erasures").fetchone()[0])
