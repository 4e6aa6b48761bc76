"""The check of what models cost."""

from __future__ import annotations

from collections.abc import Sequence

from omoide.core.formatting import pluralize
from omoide.core.settings import Settings
from omoide.core.usage import Counts, day_of
from omoide.doctor.check_result import CheckResult, Figures
from omoide.storage import Transaction, budgets, model_usage
from omoide.storage.budgets import BudgetState
from omoide.storage.model_usage import TotalUsage

MOST_NAMED = 5
"""Paused workspaces that are named."""


def usage(db: Transaction, settings: Settings, now: int) -> tuple[Sequence[TotalUsage], Sequence[BudgetState]]:
    """What models used today, and the workspaces that have spent their budget."""
    used = model_usage.of_day(db, day_of(now))
    return used, budgets.paused(db, settings.workspace_tokens_per_day, now)


def check_usage(settings: Settings, used: Sequence[TotalUsage], paused: Sequence[BudgetState]) -> CheckResult:
    """Check that no workspace waits because it has spent its budget of tokens."""
    whole = Counts()
    for each in used:
        whole.add(each.counts)
    figures: Figures = {
        "calls": whole.calls,
        "estimated_calls": whole.estimated_calls,
        "input_tokens": whole.input_tokens,
        "output_tokens": whole.output_tokens,
        "cached_tokens": whole.cached_tokens,
        "thinking_tokens": whole.thinking_tokens,
        "tokens_per_day": settings.workspace_tokens_per_day or None,
        "paused_workspaces": len(paused),
    }
    if not used and not settings.model:
        return CheckResult("usage", "off", "No model is used.", figures)
    text = f"Today (UTC): {pluralize(whole.calls, 'call')}, {whole.input_tokens:,} tokens in"
    text += f", {whole.output_tokens:,} out."
    if whole.estimated_calls:
        text += f" The provider did not report those of {pluralize(whole.estimated_calls, 'call')}: they are estimated."
    if settings.workspace_tokens_per_day:
        text += f" Budget of a workspace: {settings.workspace_tokens_per_day:,} tokens a day."
    if not paused:
        return CheckResult("usage", "good", text, figures)
    names = ", ".join(each.workspace_id for each in paused[:MOST_NAMED])
    more = f" and {len(paused) - MOST_NAMED} more" if len(paused) > MOST_NAMED else ""
    text += f" Budget spent, so reasoning waits until tomorrow (UTC) or a higher budget, in: {names}{more}."
    return CheckResult("usage", "notice", text, figures)
