"""Everything Omoide raises on purpose, each with the HTTP status it becomes.

    OmoideError
    ├── BadRequest            400  the request breaks a limit that no schema can state
    ├── Unauthorized          401  no key, a bad key, or a key that does not reach this far
    ├── NotFound              404  what the path or the body names is not there
    ├── Disabled              405  the operation is switched off by a setting
    ├── Conflict              409  the request contradicts what is stored
    ├── TooLarge              413  more bytes than the setting allows
    ├── UnsupportedMediaType  415  a kind of file or body that cannot be read
    ├── Unprocessable         422  understood, well formed, and against a rule
    │   └── InvalidFields     422  the same, said field by field
    └── Unavailable           503  the store cannot answer just now; trying again may help
        ├── StorageFull       507  there is no room left to write
        ├── IndexDamaged      503  a full-text index is damaged; the worker builds it again
        └── Contradicted      503  what is stored contradicts what is to be written

Raise the class where the fault is discovered; `omoide.app` turns it into a response, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


class OmoideError(Exception):
    """The root of the tree. `detail` is the sentence that the caller reads."""

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
class FieldFault:
    """One field that breaks a rule: where (`loc` starts with `body`, `query` or `path`) and why."""

    loc: tuple[str | int, ...]
    msg: str
    type: str = "value_error"
    input: Any = None


class InvalidFields(Unprocessable):
    """Several faults at once; the response lists all of them."""

    def __init__(self, faults: Sequence[FieldFault]) -> None:
        super().__init__("; ".join(fault.msg for fault in faults))
        self.faults = tuple(faults)


class Unavailable(OmoideError):
    status = 503


class StorageFull(Unavailable):
    status = 507


class IndexDamaged(Unavailable):
    """A full-text index is damaged. What the rows say is not: the index can be built again from them."""


class Contradicted(Unavailable):
    """Trying again does not help until the database is mended."""
