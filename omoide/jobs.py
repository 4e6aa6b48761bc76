"""What background work looks like to everybody: a frozen record, when to try again, and when not to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 300.0

REPRESENTATION, SUMMARY, DREAM = "representation", "summary", "dream"
REASONING = (REPRESENTATION, SUMMARY, DREAM)
"""The kinds of jobs whose end callers wait for: they are counted, and done in order within their key."""


@dataclass(frozen=True, slots=True)
class Job:
    pk: int
    kind: str
    """Names the function that does it: see `omoide.worker.tasks`."""
    payload: dict[str, Any]
    attempts: int
    """How often it was begun, this time included."""
    workspace: int | None = None
    """The row of the workspace that it belongs to."""
    key: str | None = None


class LostLease(Exception):
    """The job is no longer this worker's: it was taken over, or what it was about is gone. Nothing is to be done."""


class GiveUp(Exception):
    """Raised by a task whose job would fail again however often it were tried. `reason` is kept with the job."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def retry_after(attempts: int, chance: float) -> float:
    """Seconds to wait after the given number of failed attempts: doubling, up to five minutes.

    `chance` (0 to 1) decides where in the upper half of that span it ends, so that what failed together does not come
    back together.
    """
    longest = min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(attempts - 1, 16))
    return longest * (1 + chance) / 2
