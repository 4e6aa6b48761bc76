"""Background jobs: record, retry delay, and the exceptions of tasks. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple

from omoide.core.job_payloads import Payload

FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Job:
    pk: int
    kind: str
    """The key of its function in `omoide.worker.tasks`."""
    payload: dict[str, Any]
    """As stored; a task gets the record of its kind (`job_payloads`)."""
    attempts: int
    """Number of attempts, including the current one."""
    workspace: int | None = None
    """The row of its workspace."""
    key: str | None = None


class NewJob(NamedTuple):
    """A job to enqueue.

    A job with a `workspace` (row) is removed with it. Of a kind and `key`, one job runs at a time; reasoning runs in
    the order of enqueueing, while in other kinds a job that waits for its next attempt lets others pass.
    """

    kind: str
    payload: dict[str, Any]
    key: str | None = None
    workspace: int | None = None
    coalesce: bool = True
    """While a job with the same key and payload is waiting, no other is added; the waiting one becomes due at the
    earlier of both times. False if every job is separate work."""
    due_at: int | None = None
    """Microseconds since 1970; None: when it is enqueued."""
    units: int = 1
    """Its weight in the queue status."""
    grows: bool = False
    """Permits `queue.append_units`."""


class Skipped(NamedTuple):
    """Jobs that a worker does not claim: of kinds, and of workspaces (rows; `fair_share.NO_WORKSPACE` for none)."""

    kinds: Collection[str] = ()
    workspaces: Collection[int] = ()


class LeaseLost(Exception):
    """The lease expired or the job's target was deleted. Safe to ignore."""


class JobUnfinished(Exception):
    """Raised by a task that has done part of its job; the job continues in its workspace's next time slice.

    `payload` is the new payload; None if it is unchanged or the job was already released.
    """

    def __init__(self, payload: Payload | None = None) -> None:
        super().__init__("the job continues in its next time slice")
        self.payload = payload


class PermanentFailure(Exception):
    """Raised by a task for a permanent failure: the job is not retried. `reason` is stored with the job."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def retry_delay(attempts: int, chance: float) -> float:
    """The delay before the next retry in seconds: exponential backoff, up to five minutes, with jitter.

    `chance` (0 to 1) places it in the upper half of the interval, so that jobs that failed together are not retried
    together.
    """
    longest = min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(attempts - 1, 16))
    return longest * (1 + chance) / 2
