"""What background work looks like to everybody: a frozen record, and when to try again. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Job:
    pk: int
    kind: str
    """Names the function that does it: see `omoide.worker.tasks`."""
    payload: dict[str, Any]
    attempts: int
    """How often it was begun, this time included."""


def retry_after(attempts: int) -> float:
    """Seconds to wait after the given number of failed attempts: doubling, up to five minutes."""
    return min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(attempts - 1, 16))
