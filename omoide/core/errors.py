"""Omoide's exceptions and their HTTP status codes.

    OmoideError
    ├── BadRequest              400  the request exceeds a limit that a schema cannot express
    ├── Unauthorized            401  no key, an invalid key, or a key without permission
    ├── NotFound                404  a resource named in the path or body does not exist
    ├── Disabled                405  the operation is disabled by a setting
    ├── Conflict                409  the request conflicts with the stored state
    ├── TooLarge                413  more bytes than a setting allows
    ├── UnsupportedMediaType    415  a type of file or body that is not supported
    ├── Unprocessable           422  well formed, but violates a rule
    │   └── InvalidFields       422  the same, with an error per field
    └── Unavailable             503  the store cannot answer now; a retry may succeed
        ├── StorageFull         507  the disk is full
        ├── IndexDamaged        503  a full-text index is damaged; the worker rebuilds it
        └── ConstraintViolation 503  the stored data is inconsistent with the write

Raise them where the error is detected; `omoide.asgi.app` translates them into responses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


class OmoideError(Exception):
    """Base class. `detail` is the message in the response."""

    status: ClassVar[int] = 500

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class BadRequest(OmoideError):
    status = 400


class Unauthorized(OmoideError):
    status = 401


class NotFound(OmoideError):
    status = 404


class Disabled(OmoideError):
    status = 405


class Conflict(OmoideError):
    status = 409


class TooLarge(OmoideError):
    status = 413


class UnsupportedMediaType(OmoideError):
    status = 415


class Unprocessable(OmoideError):
    status = 422


@dataclass(frozen=True, slots=True)
class FieldError:
    """A validation error of one field; `loc` starts with `body`, `query` or `path`."""

    loc: tuple[str | int, ...]
    msg: str
    type: str = "value_error"
    input: Any = None


class InvalidFields(Unprocessable):
    """Validation errors; the response lists all of them."""

    def __init__(self, faults: Sequence[FieldError]) -> None:
        super().__init__("; ".join(fault.msg for fault in faults))
        self.faults = tuple(faults)


class Unavailable(OmoideError):
    status = 503


class StorageFull(Unavailable):
    status = 507


class IndexDamaged(Unavailable):
    """A full-text index is damaged. The rows are not: the worker rebuilds the index from them."""


class ConstraintViolation(Unavailable):
    """The stored data is inconsistent. Retries fail until the database is repaired."""
