"""The unit of work that messages owe: what one peer said in one session, to be reasoned about in one go. Pure.

A unit is a row among the jobs. While nobody has begun it, further messages of the same peer are added to it, as long as
the same observers learn from them under the same configuration; where these change, a new unit begins. So no unit has
to be cut later, and what was decided when a message came holds until it is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from omoide.reasoning.configuration import Resolved, from_json
from omoide.records import Json


@dataclass(frozen=True, slots=True)
class Unit:
    session: str
    session_pk: int
    observed: str
    observed_pk: int
    observers: Sequence[str]
    observer_pks: Sequence[int]
    """The peers that learn from it, in the order of `observers`. Scopes are looked up when it is done."""
    configuration: Json
    """As `configuration.as_json` gave it."""
    first: int
    """Where in the session the first of the messages stands, and `through` the last."""
    through: int
    tokens: int

    @classmethod
    def from_payload(cls, payload: Json) -> Unit:
        return cls(**payload)

    def payload(self) -> Json:
        return {name: getattr(self, name) for name in _NAMES}

    @property
    def key(self) -> str:
        return f"{self.session_pk}:{self.observed_pk}"

    @property
    def resolved(self) -> Resolved:
        return from_json(self.configuration)

    def with_more(self, more: Unit) -> Unit | None:
        """This unit and the next messages together; None if others would learn from them, or otherwise."""
        if self.observer_pks != more.observer_pks or self.configuration != more.configuration:
            return None
        return replace(self, through=more.through, tokens=self.tokens + more.tokens)

    def rest(self, first: int) -> Unit | None:
        """What is left from a position on; None if nothing is."""
        return replace(self, first=first) if first <= self.through else None


_NAMES = tuple(each.name for each in fields(Unit))


@dataclass(frozen=True, slots=True)
class Pace:
    """When a unit is due. Times in microseconds."""

    tokens: int
    """A unit of so many tokens is due at once."""
    quiet: int
    """A smaller one is due when nothing was added to it for this long,"""
    patience: int
    """or so long after it was begun."""

    def due_at(self, unit: Unit, begun_at: int, now: int) -> int:
        return now if unit.tokens >= self.tokens else max(now, min(now + self.quiet, begun_at + self.patience))
