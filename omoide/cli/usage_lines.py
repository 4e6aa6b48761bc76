"""Lines about the tokens that models used, and about budgets that are spent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from omoide.core.clock import from_micros
from omoide.core.formatting import pluralize
from omoide.core.usage import Counts, day_of
from omoide.storage import Transaction, budgets, model_usage
from omoide.storage.budgets import BudgetState
from omoide.storage.model_usage import TotalUsage


class UsageToday(NamedTuple):
    """What all workspaces used today, and those that have spent their budget."""

    used: Sequence[TotalUsage]
    paused: Sequence[BudgetState]
    now: int


def read(db: Transaction, usual: int, now: int) -> UsageToday:
    """`usual` is the budget in the settings."""
    return UsageToday(model_usage.of_day(db, day_of(now)), budgets.paused(db, usual, now), now)


def lines(today: UsageToday) -> Iterator[str]:
    """One line for each purpose and model, and for each paused workspace; none if there is nothing to tell."""
    if today.used:
        yield f"Used by models today ({from_micros(today.now):%Y-%m-%d}, UTC):"
    for task, model, counts in today.used:
        yield f"  {task:<12}  {model}: {shown(counts)}"
    for each in today.paused:
        until = from_micros(each.paused_until or 0)
        yield (
            f"Paused: workspace {each.workspace_id} has used {each.used:,} of {each.limit:,} tokens for today. Its "
            f"reasoning goes on at {until:%Y-%m-%d %H:%M} UTC, or when its budget is raised."
        )


def shown(counts: Counts) -> str:
    """The counts in words."""
    cached = f" ({counts.cached_tokens:,} cached)" if counts.cached_tokens else ""
    thinking = f" ({counts.thinking_tokens:,} thinking)" if counts.thinking_tokens else ""
    estimated = f", {counts.estimated_calls:,} of them estimated" if counts.estimated_calls else ""
    return (
        f"{pluralize(counts.calls, 'call')}{estimated}, {counts.input_tokens:,} tokens in{cached}, "
        f"{counts.output_tokens:,} out{thinking}"
    )
