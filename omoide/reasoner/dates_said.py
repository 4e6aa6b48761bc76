"""Restrict conclusions by when they were said."""

from __future__ import annotations

from dataclasses import dataclass

from omoide.core.clock import from_micros
from omoide.core.records import Json


@dataclass(frozen=True, slots=True)
class SaidBetween:
    """Restricts conclusions to those said from `after` (inclusive) to `before` (exclusive); None: open."""

    after: int | None = None
    before: int | None = None
    include_ended: bool = False
    """Whether conclusions that were true until others superseded them are found as well."""

    @property
    def filters(self) -> Json | None:
        ends = (("gte", self.after), ("lt", self.before))
        said_at = {name: from_micros(end).isoformat() for name, end in ends if end is not None}
        filters: Json = {"said_at": said_at} if said_at else {}
        if self.include_ended:
            filters["status"] = {"in": ["current", "superseded"]}
        return filters or None

    def told(self) -> Json:
        """The restriction as the input of a tool call."""
        return dates(self.after, self.before) | ({"include_ended": True} if self.include_ended else {})


EVER = SaidBetween()


def dates(after: int | None, before: int | None) -> Json:
    """The interval as arguments of a tool call."""
    ends = (("after_date", after), ("before_date", before))
    return {name: from_micros(end).isoformat() for name, end in ends if end is not None}
