"""When units of reasoning work are due. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from omoide.core.job_payloads import WorkUnit


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
