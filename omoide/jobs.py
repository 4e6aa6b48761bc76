"""What background work looks like to everybody: a frozen record, when to try again, and when not to. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 300.0

REPRESENTATION, SUMMARY, DREAM = "representation", "summary", "dream"
REASONING = (REPRESENTATION, SUMMARY, DREAM)
"""The kinds of jobs whose end callers wait for: they are counted, and done in order within their key."""
ERASE = "erase"
REBUILD_WORDS = "rebuild_words"
IN_ORDER = (*REASONING, ERASE, REBUILD_WORDS)
"""The kinds that are done in order within their key, also while the first waits for its next turn or attempt."""


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
"""All kinds of jobs. What is known of a payload is checked before a job is begun."""
_ITEMS = {"observers": str, "observer_pks": int, "kinds": str}
_IN_WORKSPACE = frozenset({*REASONING, "deliver_webhook", "scope_backfill", "scope_removal"})
MOST_NUMBER = 2**63 - 1
_MISSING = object()


def payload_fault(kind: str, payload: object) -> str | None:
    """Why a payload cannot be one of a kind of jobs; None if it can, or if nothing is known of the kind."""
    if not isinstance(payload, dict):
        return "its payload is not a JSON object"
    form = _PAYLOADS.get(kind, {})
    for name, types in form.items():
        value = payload.get(name, _MISSING)
        if value is _MISSING:
            return f"its payload lacks {name}"
        type_ = type(value)
        if type_ not in types or (type_ is int and not 0 <= value <= MOST_NUMBER):
            return f"{name} in its payload is not what a {kind} job needs"
        if type_ is list and name in _ITEMS and {*map(type, value)} - {_ITEMS[name]}:
            return f"{name} in its payload lists what a {kind} job cannot use"
    if kind == REPRESENTATION and len(payload) > len(form):
        return "its payload says more than a representation job knows"
    if kind == REPRESENTATION and len(payload["observers"]) != len(payload["observer_pks"]):
        return "its payload names observers by id and by row, and not as many of each"
    return None


def job_fault(kind: str, payload: object, workspace: int | None) -> str | None:
    """Why a job cannot be done at all. `workspace` is the row of the one that it belongs to, if that is there."""
    if workspace is None and kind in _IN_WORKSPACE:
        return "the workspace that it belongs to is not there"
    return payload_fault(kind, payload)


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


class Unfinished(Exception):
    """Raised by a task that has done part of its job: the rest is done when it is its workspace's turn again.

    `payload` is what remains; None where the job says the same as before, or was given back already.
    """

    def __init__(self, payload: dict[str, Any] | None = None) -> None:
        super().__init__("the rest is done in another turn")
        self.payload = payload


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
