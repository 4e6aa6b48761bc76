"""`omoide doctor`: looks an installation over, changes nothing, and says what is on, what is off and what is wrong."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click
import orjson

from omoide.cli.start import read_settings
from omoide.diagnosis.examining import examine
from omoide.diagnosis.verdict import State, Verdict
from omoide.middleware.origins import is_loopback

PROBE_SECONDS = 10.0
"""How long a provider may take to answer, unless told otherwise."""

COLOURS: dict[State, str] = {"good": "green", "off": "bright_black", "notice": "yellow", "wrong": "red"}


@click.command()
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True, max=600),
    default=PROBE_SECONDS,
    show_default=True,
    help="How long a provider may take to answer.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def doctor(context: click.Context, /, *, seconds: float, as_json: bool, **flags: Any) -> None:
    """Look over the database, the models and the settings. Changes nothing; a server may run meanwhile.

    A model that is configured is asked one small question. Ends with 1 if anything is wrong.
    """
    settings = read_settings(**flags)
    found = asyncio.run(examine(settings, is_local=is_loopback(settings.host), seconds=seconds))
    is_healthy = all(verdict.state != "wrong" for verdict in found)
    if as_json:
        click.echo(orjson.dumps({"healthy": is_healthy, "checks": [asdict(verdict) for verdict in found]}))
    else:
        # https://no-color.org: set and not empty means no. Otherwise click knows a terminal when it sees one.
        click.echo(_table(found), color=False if os.environ.get("NO_COLOR") else None)
    context.exit(0 if is_healthy else 1)


def _table(found: Sequence[Verdict]) -> str:
    width = max(len(verdict.name) for verdict in found)
    return "\n".join(
        f"{verdict.name:<{width}}  {click.style(f'{verdict.state:<6}', fg=COLOURS[verdict.state])}  {verdict.text}"
        for verdict in found
    )
