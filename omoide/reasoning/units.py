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

    def joined_to(self, payload: Json) -> Unit | None:
        """This unit added to a stored one, given as its payload; None if that cannot grow by it.

        It cannot where others learn from it, or under another configuration, or where its payload is damaged. What the
        two have in common is taken from this unit, so that damage elsewhere in the payload is mended.
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

    def rest(self, first: int) -> Unit | None:
        """What is left from a position on; None if nothing is."""
        return replace(self, first=first) if first <= self.through else None


MOST_TOKENS = 2**53
"""More than any text has: beyond is damage."""

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
