"""`omoide import --from honcho`: import the workspaces of a Honcho server over its API."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import click

from omoide.cli.progress import Stopwatch, progress_bar
from omoide.core import identifiers
from omoide.core.settings import Settings
from omoide.inference.tokens import TokenCounter
from omoide.services.honcho.api import HonchoApi
from omoide.services.honcho.import_ import WorkspaceImport, has_conclusions, workspaces_of
from omoide.services.honcho.report import ImportReport
from omoide.services.honcho.target import ImportTarget
from omoide.services.honcho.translation import Translation
from omoide.storage import Store
from omoide.storage.engine import open_store


@dataclass(frozen=True, slots=True)
class HonchoOptions:
    """What to import. `derives`: whether to conclude from the messages; None: if no conclusions come along."""

    workspace: str | None
    """None: all."""
    name: str | None
    """Another name for it here."""
    key: str | None
    derives: bool | None
    is_dry: bool


def import_honcho(settings: Settings, url: str, options: HonchoOptions) -> None:
    """Import one workspace or all, or say what would be imported. Raises OmoideError and OSError."""
    if options.name is not None:
        identifiers.check_id("Workspace", options.name)
    store = None
    if not options.is_dry or settings.has_database:
        store = open_store(
            settings.db,
            durability=settings.durability,
            busy_timeout=settings.busy_timeout_seconds,
            wal_limit_bytes=settings.wal_limit_bytes,
        )
    try:
        asyncio.run(_import(settings, store, url, options))
    finally:
        if store is not None:
            store.close()


async def _import(settings: Settings, store: Store | None, url: str, options: HonchoOptions) -> None:
    async with HonchoApi(url, options.key) as api:
        sources = [options.workspace] if options.workspace else await workspaces_of(api)
        for source in sources:
            watch = Stopwatch()
            translation = Translation(ImportReport(), settings.max_metadata_bytes)
            name = options.name or translation.id("Workspace", source)
            derives = not await has_conclusions(api, source) if options.derives is None else options.derives
            target = ImportTarget(store, settings, TokenCounter(), name, translation, options.is_dry, derives)
            with progress_bar(f"Importing {name}") as shown:
                await WorkspaceImport(api, source, target).run(shown)
            _describe(target, watch)
        if not sources:
            click.echo(f"{api.url} has no workspaces.")


def _describe(target: ImportTarget, watch: Stopwatch) -> None:
    report = target.report
    for line in report.lines():
        click.echo(line)
    if report.new["message"] and not target.derives:
        click.echo("Nothing is concluded from these messages, only from new ones. --derive concludes from all.")
    known = f"; there already: {report.counted(report.known)}" if report.known.total() else ""
    if target.is_dry:
        click.echo(f"Would import {report.counted(report.new)} into {target.workspace_id}{known}.")
    else:
        click.echo(f"Imported {report.counted(report.new)} into {target.workspace_id} in {watch}{known}.")
