"""`omoide import --from`: import the conversations of another program."""

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
from omoide.core.settings import Settings
from omoide.inference.tokens import TokenCounter
from omoide.services.conversation_import import ConversationImport, Plan, plan
from omoide.storage.engine import open_store
from omoide.text_extraction.exports import kinds
from omoide.text_extraction.exports.conversation import Export


def import_conversations(
    settings: Settings, kind: str, path: Path, workspace: str, *, me: Sequence[str], dry_run: bool
) -> None:
    """Import an export of another program, or say what would be imported. Raises OmoideError and OSError."""
    identifiers.check_id("Workspace", workspace)
    watch = Stopwatch()
    export = kinds.read(kind, path)
    planned = plan(kind, export, me)
    total = sum(len(each.messages) for each in planned.sessions)
    stored = _missing(settings, workspace, planned) if dry_run else _stored(settings, workspace, planned)
    for line in _described(export, planned, me):
        click.echo(line)
    sessions = pluralize(len(planned.sessions), "session")
    old = f"; {pluralize(total - stored, 'message')} were already there" if stored < total else ""
    if dry_run:
        click.echo(f"Would import {pluralize(stored, 'message')} in {sessions} into {workspace}{old}.")
    else:
        click.echo(f"Imported {pluralize(stored, 'message')} in {sessions} into {workspace} in {watch}{old}.")


def _stored(settings: Settings, workspace: str, planned: Plan) -> int:
    importing = _opened(settings, workspace, planned)
    try:
        with progress_bar("Importing") as shown:
            return asyncio.run(importing.run(planned.sessions, shown))
    finally:
        importing.store.close()


def _missing(settings: Settings, workspace: str, planned: Plan) -> int:
    """The number of messages that an import would store. Creates no database."""
    if not settings.has_database:
        return sum(len(each.messages) for each in planned.sessions)
    importing = _opened(settings, workspace, planned)

    async def count() -> int:
        return sum([len(await importing.missing(each)) for each in planned.sessions])

    try:
        return asyncio.run(count())
    finally:
        importing.store.close()


def _opened(settings: Settings, workspace: str, planned: Plan) -> ConversationImport:
    store = open_store(
        settings.db,
        durability=settings.durability,
        busy_timeout=settings.busy_timeout_seconds,
        wal_limit_bytes=settings.wal_limit_bytes,
    )
    return ConversationImport(store, settings, TokenCounter(), workspace, planned.names)


def _described(export: Export, planned: Plan, me: Sequence[str]) -> list[str]:
    """Who said how much, when, and what is left out."""
    messages = [message for session in planned.sessions for message in session.messages]
    lines = [
        *peer_lines(Counter(message.peer_id for message in messages), "message"),
        *time_lines([message.created_at for message in messages]),
    ]
    if messages and not planned.is_owner_found:
        lines.append(owner_line(me))
    lines += left_out_lines(export.left_out())
    if empty := sum(not each.turns for each in export.conversations):
        lines.append(f"Left out: {pluralize(empty, 'conversation')} without talk.")
    return lines + unreadable_lines(export.report.unreadable)
