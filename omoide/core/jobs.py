"""Background jobs: record, payload validation, retry delay, and the exceptions of tasks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 300.0

REPRESENTATION, SUMMARY, DREAM = "representation", "summary", "dream"
REASONING = (REPRESENTATION, SUMMARY, DREAM)
"""Kinds of jobs that callers may wait for: they are counted in the queue status and run in order within their key."""
ERASE = "erase"
REBUILD_WORDS = "rebuild_words"
IN_ORDER = (*REASONING, ERASE, REBUILD_WORDS)
"""Kinds that run in order within their key, also while the first waits for its next slice or retry."""


_TEXT, _NUMBER, _TEXT_OR_NONE = (str,), (int,), (str, type(None))
_PAYLOADS: Mapping[str, Mapping[str, tuple[type, ...]]] = {
    REPRESENTATION: {
        "session": _TEXT,
        "session_pk": _NUMBER,
        "observed": _TEXT,
        "observed_pk": _NUMBER,
        "observers": (list,),
        "observer_pks": (list,),
        "configuration": (dict,),
        "first": _NUMBER,
        "through": _NUMBER,
        "tokens": _NUMBER,
    },
    SUMMARY: {
        "session": _TEXT,
        "session_pk": _NUMBER,
        "through": _NUMBER,
        "kinds": (list,),
        "instructions": _TEXT_OR_NONE,
    },
    DREAM: {"observer": _TEXT, "observed": _TEXT, "session": _TEXT_OR_NONE, "type": _TEXT},
    "deliver_webhook": {"endpoint": _TEXT, "delivery": _TEXT, "type": _TEXT, "data": (dict,)},
    "purge_session": {"session": _NUMBER},
    "purge_workspace": {"workspace": _NUMBER},
    "scope_backfill": {"scope": _NUMBER, "session": _NUMBER},
    "scope_removal": {"scope": _NUMBER, "session": _NUMBER},
    REBUILD_WORDS: {"index": _TEXT},
}
KINDS = frozenset({*_PAYLOADS, "purge_conclusions", "embed", ERASE})
"""All kinds of jobs. Payloads with a schema in `_PAYLOADS` are validated before a job starts."""
_ITEMS = {"observers": str, "observer_pks": int, "kinds": str}
_IN_WORKSPACE = frozenset({*REASONING, "deliver_webhook", "scope_backfill", "scope_removal"})
MOST_NUMBER = 2**63 - 1
_MISSING = object()


def payload_error(kind: str, payload: object) -> str | None:
    """Why a payload is invalid for a kind of job; None if it is valid or the kind has no schema."""
    if not isinstance(payload, dict):
        return "its payload is not a JSON object"
    form = _PAYLOADS.get(kind, {})
    for name, types in form.items():
        value = payload.get(name, _MISSING)
        if value is _MISSING:
            return f"its payload lacks {name}"
        type_ = type(value)
        if type_ not in types or (type_ is int and not 0 <= value <= MOST_NUMBER):
            return f"{name} in its payload has the wrong type or range"
        if type_ is list and name in _ITEMS and {*map(type, value)} - {_ITEMS[name]}:
            return f"{name} in its payload has an item of the wrong type"
    if kind == REPRESENTATION and len(payload) > len(form):
        return "its payload has unknown fields"
    if kind == REPRESENTATION and len(payload["observers"]) != len(payload["observer_pks"]):
        return "observers and observer_pks in its payload differ in length"
    return None


def job_error(kind: str, payload: object, workspace: int | None) -> str | None:
    """Why a job cannot run. `workspace` is the row of its workspace, None if that does not exist."""
    if workspace is None and kind in _IN_WORKSPACE:
        return "its workspace does not exist"
    return payload_error(kind, payload)


@dataclass(frozen=True, slots=True)
class Job:
    pk: int
    kind: str
    """The key of its function in `omoide.worker.tasks`."""
    payload: dict[str, Any]
    attempts: int
    """Number of attempts, including the current one."""
    workspace: int | None = None
    """The row of its workspace."""
    key: str | None = None


class LeaseLost(Exception):
    """The lease expired or the job's target was deleted. Safe to ignore."""


class JobUnfinished(Exception):
    """Raised by a task that has done part of its job; the job continues in its workspace's next time slice.

    `payload` is the new payload; None if it is unchanged or the job was already released.
    """

    def __init__(self, payload: dict[str, Any] | None = None) -> None:
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
