"""`omoide export --as`: write a workspace for people or for other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from omoide.cli.progress import progress_bar
from omoide.core import clock
from omoide.core.atomic_write import atomic_folder
from omoide.core.errors import Unprocessable
from omoide.core.formatting import pluralize
from omoide.core.settings import Settings
from omoide.services.readable import folder, openai_messages, roles
from omoide.storage.base import Transaction
from omoide.storage.export.contents import WorkspaceContents


def markdown(db: Transaction, workspace: int, path: Path, settings: Settings, *, replace: bool) -> str:
    """Write a workspace (its row) as a folder of pages; returns what was written. Raises Conflict and OSError."""
    if path == Path("-"):
        raise click.UsageError("--as markdown writes a folder, not standard output.")
    if isinstance(settings.db, Path) and settings.db.absolute().is_relative_to(path.absolute()):
        raise click.UsageError(f"{path} holds the database.")
    contents = WorkspaceContents(db, workspace)
    total = contents.count_peers() + contents.count_sessions()
    assistants = roles.assistants_of(contents, settings.assistant_ids)
    replaceable = atomic_folder(path, may_replace=lambda old: replace and folder.is_written(old))
    with replaceable as partial, _counting(total) as done:
        written = folder.write(contents, partial, clock.now(), assistants, done)
    return f"pages of {pluralize(written.peers, 'peer')} and {pluralize(written.sessions, 'session')}"


def openai(db: Transaction, workspace: int, out: IO[bytes], settings: Settings, named: Sequence[str]) -> str:
    """Write a workspace (its row) as lines of messages; returns what was written. Raises Unprocessable for an assistant
    that is no peer."""
    contents = WorkspaceContents(db, workspace)
    if unknown := sorted({*named} - {peer["id"] for peer in contents.peers()}):
        raise Unprocessable(f"There is no peer {unknown[0]} in {contents.name}")
    assistants = {*named} or roles.assistants_of(contents, settings.assistant_ids)
    count = 0
    with _counting(contents.count_sessions()) as done:
        for piece in openai_messages.lines(contents, assistants, done):
            count += piece == openai_messages.END
            out.write(piece)
    said = f"assistant: {', '.join(sorted(assistants))}" if assistants else "no assistant"
    return f"{pluralize(count, 'session')} ({said})"


@contextmanager
def _counting(total: int) -> Iterator[Callable[[], None]]:
    """Show progress; yields a function to call after each step."""
    number = 0
    with progress_bar("Exporting") as shown:

        def done() -> None:
            nonlocal number
            number += 1
            shown(number, total)

        yield done
