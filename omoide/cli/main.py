"""`omoide`: the command group."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from omoide.core.lazy_import import lazy_import
from omoide.core.redaction import redact_secrets

MODULES = (
    "backup",
    "check",
    "completion",
    "doctor",
    "export",
    "hook",
    "import_",
    "install",
    "keys",
    "mcp",
    "queue",
    "repair",
    "restore",
    "serve",
    "serve_agents",
    "worker",
)
with lazy_import(*(f"omoide.cli.{name}" for name in MODULES)):
    from omoide.cli import (
        backup,
        check,
        completion,
        doctor,
        export,
        hook,
        import_,
        install,
        keys,
        mcp,
        queue,
        repair,
        restore,
        serve,
        serve_agents,
        worker,
    )


class CommandEntry(NamedTuple):
    """How to load a command, and what lists say of it: None for one that lists leave out."""

    load: Callable[[], click.Command]
    summary: str | None


COMMANDS = {
    "serve": CommandEntry(lambda: serve.serve, "Serve the API and run a worker."),
    "worker": CommandEntry(lambda: worker.worker, "Run an extra worker."),
    "mcp": CommandEntry(lambda: mcp.mcp, "Serve MCP on stdin and stdout for agents."),
    "install": CommandEntry(lambda: install.install, "Connect an agent to the memory."),
    "hook": CommandEntry(lambda: hook.hook, "Handle the events of an agent."),
    "queue": CommandEntry(lambda: queue.queue, "Show jobs and retry failed ones."),
    "key": CommandEntry(lambda: keys.key, "Create API keys."),
    "doctor": CommandEntry(lambda: doctor.doctor, "Examine the installation."),
    "backup": CommandEntry(lambda: backup.backup, "Copy the database into a file."),
    "restore": CommandEntry(lambda: restore.restore, "Replace the database with a backup."),
    "export": CommandEntry(lambda: export.export_, "Write a workspace to a file or folder."),
    "import": CommandEntry(lambda: import_.import_, "Import workspaces and conversations."),
    "check": CommandEntry(lambda: check.check, "Find damage in the database."),
    "repair": CommandEntry(lambda: repair.repair_, "Repair what check finds."),
    "completion": CommandEntry(lambda: completion.completion, "Print a script for completion in a shell."),
    "serve-agents": CommandEntry(lambda: serve_agents.serve_agents, None),
}
"""Each is loaded when it is used: what `omoide mcp` needs takes a fifth of the time of the server's modules. Lists need
none of them. Summaries have no comma: click's script for fish cuts them there."""


class _Commands(click.Group):
    """The command group; redacts secrets of URLs in error messages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(_summaries())

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        commands = [CompletionItem(name, help=text) for name, text in _summaries() if name.startswith(incomplete)]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if (entry := COMMANDS.get(cmd_name)) is None:
            return None
        with _silent_interrupt():
            return entry.load()

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            if isinstance(error, click.UsageError):  # about the command line, which contains no URL
                raise
            raise click.ClickException(redact_secrets(error.message)) from error


def _summaries() -> list[tuple[str, str]]:
    """The names and summaries of the commands to list, in the order of the alphabet."""
    return sorted((name, entry.summary) for name, entry in COMMANDS.items() if entry.summary is not None)


@contextlib.contextmanager
def _silent_interrupt() -> Iterator[None]:
    """Within the block, Ctrl+C ends the process without a traceback; afterwards each command handles it."""
    if (handler := signal.getsignal(signal.SIGINT)) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        if handler is signal.default_int_handler:
            signal.signal(signal.SIGINT, handler)


@click.group(cls=_Commands)
@click.version_option(package_name="omoide")
def main() -> None:
    """Omoide: a memory server for AI agents."""
