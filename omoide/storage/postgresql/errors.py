"""Translate psycopg's errors for callers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg import errors
from psycopg_pool import PoolTimeout

from omoide.core.errors import ConstraintViolation, OmoideError, StorageFull, Unavailable, Unprocessable

AGAIN = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation, errors.ForeignKeyViolation)
"""Errors of a write that lost a race: run again, it sees what the other one has committed."""


def translate_error(error: psycopg.Error) -> OmoideError:
    """Translate an error to an OmoideError."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, errors.DiskFull):
        return StorageFull("There is no room left to store this")
    if isinstance(error, errors.LockNotAvailable | errors.DeadlockDetected | errors.SerializationFailure):
        return Unavailable("The database is locked by another process")
    if isinstance(error, errors.QueryCanceled):
        return Unavailable("The database took too long to answer")
    if isinstance(error, errors.IntegrityError):
        return ConstraintViolation(f"The database contradicts this: {reason}")
    if isinstance(error, psycopg.DataError) and "NUL" in reason:
        return Unprocessable("A text contains U+0000, which the database cannot store")
    return Unavailable(f"The database cannot be used: {reason}")


@contextlib.contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except (psycopg.Error, PoolTimeout) as error:
        raise meaning(error) from error


def meaning(error: Exception) -> Exception:
    if isinstance(error, PoolTimeout):
        return Unavailable("The database cannot be reached")
    assert isinstance(error, psycopg.Error)
    return translate_error(error)
