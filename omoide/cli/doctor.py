"""`omoide doctor`: check an installation, without changing anything."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click
import orjson

from omoide.cli.command_settings import read_settings
from omoide.doctor.check_result import CheckResult, State
from omoide.doctor.run_checks import run_checks

PROBE_SECONDS = 10.0
"""The default timeout of a provider."""

COLOURS: dict[State, str] = {"good": "green", "off": "bright_black", "notice": "yellow", "wrong": "red"}


@click.command()
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True, max=600),
    default=PROBE_SECONDS,
    show_default=True,
    help="Timeout of each provider.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def doctor(context: click.Context, /, *, seconds: float, as_json: bool, **flags: Any) -> None:
    """Check the database, the models and the settings. Read-only; a server may be running.

    Sends one small request to each configured model. Exits with 1 if a check fails.
    """
    settings = read_settings(**flags)
    verdicts = asyncio.run(run_checks(settings, is_local=settings.is_local, seconds=seconds))
    is_healthy = all(verdict.state != "wrong" for verdict in verdicts)
    if as_json:
        click.echo(orjson.dumps({"healthy": is_healthy, "checks": [asdict(verdict) for verdict in verdicts]}))
    else:
        # https://no-color.org: any non-empty value disables colour. Otherwise click detects a terminal.
        click.echo(_table(verdicts), color=False if os.environ.get("NO_COLOR") else None)
    context.exit(0 if is_healthy else 1)


def _table(verdicts: Sequence[CheckResult]) -> str:
    width = max(len(verdict.name) for verdict in verdicts)
    return "\n".join(
        f"{verdict.name:<{width}}  {click.style(f'{verdict.state:<6}', fg=COLOURS[verdict.state])}  {verdict.text}"
        for verdict in verdicts
    )
