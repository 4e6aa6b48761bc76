"""`omoide completion`: print a script with which a shell completes the command line."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "fish", "zsh"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script with which SHELL completes the command line."""
    made = get_completion_class(shell)
    assert made is not None  # click knows all of the choices
    click.echo(made(context.find_root().command, {}, "omoide", "_OMOIDE_COMPLETE").source())
