"""Unit of reasoning work: consecutive messages of one peer in one session, processed as one job. Pure.

Until a worker claims the job, further messages of the peer are appended to it, provided that observers and
configuration are the same; otherwise a new unit is started. A unit therefore never has to be split, and decisions made
when a message was stored hold until it is processed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from omoide.core.config_resolution import ResolvedConfig, from_json
from omoide.core.records import Json


@dataclass(frozen=True, slots=True)
class WorkUnit:
    session: str
    session_pk: int
    observed: str
    observed_pk: int
    observers: Sequence[str]
    observer_pks: Sequence[int]
    """Primary keys in the order of `observers`. Scopes are looked up when the job runs."""
    configuration: Json
    """Result of `configuration.as_json`."""
    first: int
    """Position of the first message in the session; `through` is that of the last."""
    through: int
    tokens: int

    @classmethod
    def from_payload(cls, payload: Json) -> WorkUnit:
        return cls(**payload)

    def payload(self) -> Json:
        return {name: getattr(self, name) for name in _NAMES}

    @property
    def key(self) -> str:
        return f"{self.session_pk}:{self.observed_pk}"

    @property
    def resolved(self) -> ResolvedConfig:
        return from_json(self.configuration)

    def joined_to(self, payload: Json) -> WorkUnit | None:
        """Return this unit appended to a stored payload; None if that is not possible.

        It is not possible if observers or configuration differ, or `first` or `tokens` of the payload are invalid. The
        other fields are taken from this unit, so invalid values in them are repaired.
        """
        first, tokens = payload.get("first"), payload.get("tokens")
        if payload.get("observer_pks") != self.observer_pks or payload.get("configuration") != self.configuration:
            return None
        if (
            type(first) is not int
            or type(tokens) is not int
            or not 0 <= first <= self.first
            or not 0 <= tokens < MOST_TOKENS
        ):
            return None
        return replace(self, first=first, tokens=tokens + self.tokens)

    def rest(self, first: int) -> WorkUnit | None:
        """Return the unit from a position on; None if it is empty."""
        return replace(self, first=first) if first <= self.through else None


MOST_TOKENS = 2**53
"""More tokens than any text has; a larger value is invalid."""

_NAMES = tuple(each.name for each in fields(WorkUnit))


@dataclass(frozen=True, slots=True)
class FlushPolicy:
    """When a unit is due. Times in microseconds."""

    tokens: int
    """A unit with this many tokens is due immediately."""
    quiet: int
    """Debounce: a smaller unit is due when no message was added for this long."""
    patience: int
    """Maximum delay since the unit was created."""

    def due_at(self, unit: WorkUnit, begun_at: int, now: int) -> int:
        return now if unit.tokens >= self.tokens else max(now, min(now + self.quiet, begun_at + self.patience))
