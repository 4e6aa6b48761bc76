"""Exceptions of the contract and their HTTP statuses.

    BrokenDocument            the document itself is invalid; fails start-up, build and CI
    Problem                   an error response: status and detail
    ├── Malformed       400   the body cannot be parsed
    ├── BodyTooLarge    413   more bytes than the operation accepts
    ├── TooManyValues   413   more JSON values than any operation accepts
    ├── WrongMediaType  415   a media type that the operation does not accept
    ├── WrongEncoding   415   a compressed body, which no operation accepts
    └── Invalid         422   violates the document; a list of faults

Every error body is `{"detail": …}`: a sentence, or for `Invalid` a list of faults in FastAPI's format:
`{"type", "loc", "msg", "input"?, "ctx"?}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Fault = dict[str, Any]


class BrokenDocument(Exception):
    """The document cannot be served. The message has one line per fault, with its location."""


class Problem(Exception):
    """An error response: HTTP `status`, `detail` (text or a list of faults) and extra headers."""

    status = 500

    def __init__(
        self,
        detail: str | Sequence[Fault],
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status or self.status
        self.headers = headers


class Malformed(Problem):
    status = 400


class BodyTooLarge(Problem):
    status = 413

    def __init__(self, limit: int) -> None:
        super().__init__(f"Request body exceeds the maximum of {limit} bytes")


class TooManyValues(Problem):
    status = 413

    def __init__(self, limit: int) -> None:
        super().__init__(f"Request body exceeds the maximum of {limit} JSON values")


class WrongMediaType(Problem):
    status = 415

    def __init__(self, given: str, expected: str) -> None:
        super().__init__(f"Unsupported media type '{given[:100]}': expected {expected}")


class WrongEncoding(Problem):
    status = 415

    def __init__(self, given: str) -> None:
        super().__init__(
            f"Unsupported content encoding '{given[:100]}': expected identity", headers={"Accept-Encoding": "identity"}
        )


class Invalid(Problem):
    status = 422
