"""`omoide`: the command group."""

from __future__ import annotations

from typing import Any

import click

from omoide.cli.backup import backup
from omoide.cli.check import check
from omoide.cli.doctor import doctor
from omoide.cli.export import export_
from omoide.cli.import_ import import_
from omoide.cli.keys import key
from omoide.cli.queue import queue
from omoide.cli.repair import repair_
from omoide.cli.restore import restore
from omoide.cli.serve import serve
from omoide.cli.worker import worker
from omoide.core.redaction import redact_secrets


class _Commands(click.Group):
    """The command group; redacts secrets of URLs in error messages."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.ClickException as error:
            if isinstance(error, click.UsageError):  # about the command line, which contains no URL
                raise
            raise click.ClickException(redact_secrets(error.message)) from error


@click.group(cls=_Commands)
@click.version_option(package_name="omoide")
def main() -> None:
    """Omoide: a memory server for AI agents."""


for command in (serve, worker, queue, key, doctor, backup, restore, export_, import_, check, repair_):
    main.add_command(command)
