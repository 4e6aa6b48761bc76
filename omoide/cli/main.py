"""`omoide`: the command group."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

import click

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

COMMANDS: dict[str, Callable[[], click.Command]] = {
    "serve": lambda: serve.serve,
    "worker": lambda: worker.worker,
    "mcp": lambda: mcp.mcp,
    "install": lambda: install.install,
    "hook": lambda: hook.hook,
    "queue": lambda: queue.queue,
    "key": lambda: keys.key,
    "doctor": lambda: doctor.doctor,
    "backup": lambda: backup.backup,
    "restore": lambda: restore.restore,
    "export": lambda: export.export_,
    "import": lambda: import_.import_,
    "check": lambda: check.check,
    "repair": lambda: repair.repair_,
    "completion": lambda: completion.completion,
    "serve-agents": lambda: serve_agents.serve_agents,
}
"""Each is loaded when it is used: what `omoide mcp` needs takes a fifth of the time of the server's modules."""


class _Commands(click.Group):
    """The command group; redacts secrets of URLs in error messages."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if (load := COMMANDS.get(cmd_name)) is None:
            return None
        with _silent_interrupt():
            return load()

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            if isinstance(error, click.UsageError):  # about the command line, which contains no URL
                raise
            raise click.ClickException(redact_secrets(error.message)) from error


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
