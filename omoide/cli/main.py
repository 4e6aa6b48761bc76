"""`omoide`: all commands together."""

from __future__ import annotations

import click

from omoide.cli.backup import backup
from omoide.cli.check import check
from omoide.cli.doctor import doctor
from omoide.cli.export import export_
from omoide.cli.import_ import import_
from omoide.cli.keys import key
from omoide.cli.queue import queue
from omoide.cli.restore import restore
from omoide.cli.serve import serve
from omoide.cli.worker import worker


@click.group()
@click.version_option(package_name="omoide")
def main() -> None:
    """Omoide: a memory server for AI agents."""


for command in (serve, worker, queue, key, doctor, backup, restore, export_, import_, check):
    main.add_command(command)
