"""When units of reasoning work are due. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from omoide.core.clock import SECOND
from omoide.core.job_payloads import WorkUnit
from omoide.core.settings import Settings


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


def flush_policy(settings: Settings) -> FlushPolicy:
    """The policy of the settings. Those with a language model are its own, because each unit costs requests to it."""
    if settings.model:
        tokens, quiet = settings.model_flush_tokens, settings.model_debounce_seconds
        patience = settings.model_max_wait_seconds
    else:
        tokens, quiet, patience = settings.flush_tokens, settings.debounce_seconds, settings.max_wait_seconds
    return FlushPolicy(tokens, int(quiet * SECOND), int(patience * SECOND))
