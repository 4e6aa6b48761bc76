"""`omoide import --from` for other memories: their statements become conclusions."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from omoide.cli.import_report import left_out_lines, owner_line, peer_lines, time_lines, unreadable_lines
from omoide.cli.progress import Stopwatch, progress_bar
from omoide.core import identifiers
from omoide.core.formatting import pluralize
from omoide.core.lazy_import import lazy_import
from omoide.core.settings import Settings
from omoide.text_extraction.exports import memories

with lazy_import("omoide.services.container", "omoide.services.statement_import"):
    from omoide.services import container, statement_import


def import_memory(
    settings: Settings, kind: str, path: Path, workspace: str, *, me: Sequence[str], dry_run: bool
) -> None:
    """Import what another memory holds, or say what would be imported. Raises OmoideError and OSError."""
    identifiers.check_id("Workspace", workspace)
    watch = Stopwatch()
    export = memories.read(kind, path)
    planned = statement_import.plan(kind, export.statements, me)
    total = len(planned.conclusions)
    stored = _counted(settings, workspace, planned) if dry_run else _stored(settings, kind, workspace, planned)
    for line in _described(export, planned, me):
        click.echo(line)
    old = f"; {pluralize(total - stored, 'conclusion')} were already there" if stored < total else ""
    if dry_run:
        click.echo(f"Would import {pluralize(stored, 'conclusion')} into {workspace}{old}.")
    else:
        click.echo(f"Imported {pluralize(stored, 'conclusion')} into {workspace} in {watch}{old}.")


def _stored(settings: Settings, kind: str, workspace: str, planned: statement_import.StatementPlan) -> int:
    async def run() -> int:
        services = container.open_services(settings)
        try:
            with progress_bar("Importing") as shown:
                return await statement_import.run(services, kind, workspace, planned, shown)
        finally:
            await services.aclose()

    return asyncio.run(run())


def _counted(settings: Settings, workspace: str, planned: statement_import.StatementPlan) -> int:
    """The number of conclusions that an import would store. Creates no database."""
    if not settings.has_database:
        return len(planned.conclusions)

    async def run() -> int:
        services = container.open_services(settings)
        try:
            return len(await statement_import.missing(services, workspace, planned.conclusions))
        finally:
            await services.aclose()

    return asyncio.run(run())


def _described(export: memories.MemoryExport, planned: statement_import.StatementPlan, me: Sequence[str]) -> list[str]:
    counts = Counter(each.observed_id for each in planned.conclusions)
    times = [each.said_at for each in planned.conclusions if each.said_at is not None]
    return [
        *peer_lines(counts, "conclusion"),
        *time_lines(times),
        *([] if planned.is_owner_found else [owner_line(me)]),
        *left_out_lines(export.report.left_out),
        *unreadable_lines(export.report.unreadable),
    ]
