"""What every command begins with: settings read, what is wrong with them said in one line, the parts opened."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable, Iterable
from typing import Any

import click
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.types import ASGIApp

from omoide import logs
from omoide.app import Companion, Parts, create_app, embedder_of, metrics_of, open_parts
from omoide.aside import answers_nobody
from omoide.contract.errors import BrokenDocument
from omoide.deferred import deferred
from omoide.errors import OmoideError
from omoide.inference.tokens import TokenCounter
from omoide.metrics import Meter, Metrics
from omoide.reasoning.choice import reasoner_for
from omoide.settings import PREFIX, Settings, WrongSetting
from omoide.store import Store
from omoide.store.leadership import Leadership
from omoide.store.open_files import FileIdentity, expect
from omoide.worker.loop import Worker
from omoide.worker.tasks import TASKS
from omoide.worker.tools import Tools

with deferred("difflib"):
    import difflib

logger = logging.getLogger("omoide.settings")


def read_settings(**given: Any) -> Settings:
    """The settings, those given (and not None) before all others. Ends the command with one line if one makes no
    sense, and warns of variables that look like settings and are none."""
    settings = _settings(given)
    for warning in _warnings():
        click.echo(f"Warning: {warning}", err=True)
    return settings


def read_settings_and_log(**given: Any) -> Settings:
    """The same, for what runs as a server: its log, warnings included, is of their form and level from now on."""
    settings = _settings(given)
    logs.configure(settings.log_format, settings.log_level)
    for warning in _warnings():
        logger.warning(warning)
    return settings


def _settings(given: dict[str, Any]) -> Settings:
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except WrongSetting as error:
        raise click.ClickException(str(error)) from error
    except ValidationError as error:
        raise click.ClickException("; ".join(map(_told, error.errors()))) from error


def _told(fault: ErrorDetails) -> str:
    """What is wrong with a setting. What is wrong between several names them itself."""
    said = "there is no such setting" if fault["type"] == "extra_forbidden" else fault["msg"]
    return ": ".join([*map(str, fault["loc"][:1]), said.removeprefix("Value error, ")])


def _warnings() -> list[str]:
    return [
        f"there is no setting {name}" + (f": is {meant} meant?" if meant else "")
        for name, meant in unknown_variables(os.environ).items()
    ]


def unknown_variables(environment: Iterable[str]) -> dict[str, str | None]:
    """The names among these variables that begin as settings do and are none, each with the one that may be meant."""
    known = [f"{PREFIX}{name.upper()}" for name in Settings.model_fields]
    strange = sorted(name for name in environment if name.upper().startswith(PREFIX) and name.upper() not in known)
    return {name: next(iter(difflib.get_close_matches(name.upper(), known, 1, 0.85)), None) for name in strange}


def make_metrics(*processes: str) -> Metrics:
    """What the server counts, with a row for each of these processes."""
    return metrics_of(processes, TASKS)


def make_worker_parts(settings: Settings, meter: Meter, known: FileIdentity | None = None) -> Parts:
    """The database and all that works on it, for a process that only works.

    It does not wait for the disk: what it stores is owed until it is stored, so that a power cut has it done again, and
    the next write that is acknowledged to anybody brings it to the disk as well. Ends the command with one line if the
    parts cannot be had.
    """
    answers_nobody()
    try:
        return open_parts(settings.model_copy(update={"durability": "normal"}), meter, known=known)
    except (OmoideError, WrongSetting) as error:
        raise click.ClickException(str(error)) from error


def prepare_files(settings: Settings) -> FileIdentity | None:
    """The database made or migrated, and nothing left open; which file it is, so that a process which begins later
    opens no other. Ends the command with one line if the server could not start with these settings."""
    try:
        tokens = TokenCounter()
        reasoner_for(settings, embedder_of(settings, tokens), tokens)
        return Store.prepare(settings.db, durability=settings.durability, busy_timeout=settings.busy_timeout_seconds)
    except (OmoideError, WrongSetting) as error:
        raise click.ClickException(str(error)) from error


def require_known(settings: Settings, known: FileIdentity | None) -> None:
    """End the command with one line if the database is no longer the file that was prepared."""
    try:
        expect(settings.db, known)
    except OmoideError as error:
        raise click.ClickException(str(error)) from error


def make_app(
    settings: Settings, alongside: Callable[[Parts], Companion], metrics: Metrics, known: FileIdentity | None = None
) -> ASGIApp:
    """The application, something beside it. Ends the command with one line if that cannot be."""
    try:
        app = create_app(settings, alongside=alongside, metrics=metrics, known=known)
    except BrokenDocument as error:
        raise click.ClickException(str(error)) from error
    collect_garbage()
    return app


def collect_garbage() -> None:
    """Start the collector that rested while everything was made (see `__main__`), and spare it what stays for ever."""
    gc.freeze()
    gc.enable()


def make_worker(parts: Parts, *, leading: bool = True) -> Worker:
    """A worker that stands for leadership, or an extra hand."""
    settings = parts.settings
    return Worker(
        Tools(parts.store, settings, parts.embedder, parts.tokens, parts.finder, parts.reasoner),
        poll_seconds=settings.job_poll_seconds,
        lease_seconds=settings.job_lease_seconds,
        concurrency=settings.worker_concurrency,
        leadership=Leadership(settings.db) if leading else None,
        meter=parts.meter,
    )
