"""What every command begins with: settings read, what is wrong with them said in one line, the parts opened."""

from __future__ import annotations

import gc
from typing import Any

import click
from pydantic import ValidationError
from starlette.types import ASGIApp

from omoide.app import Parts, create_app, open_parts
from omoide.contract.errors import BrokenDocument
from omoide.errors import OmoideError
from omoide.settings import Settings, WrongSetting
from omoide.worker.loop import Worker
from omoide.worker.tools import Tools


def read_settings(**given: Any) -> Settings:
    """The settings, those given before all others. Ends the command with one line if one makes no sense."""
    try:
        return Settings(**given)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors()]
        raise click.ClickException("; ".join(lines)) from error


def make_parts(settings: Settings) -> Parts:
    """The database and all that works on it. Ends the command with one line if that cannot be."""
    try:
        return open_parts(settings)
    except (OmoideError, WrongSetting) as error:
        raise click.ClickException(str(error)) from error


def make_app(settings: Settings) -> ASGIApp:
    """The application, a worker beside it. Ends the command with one line if that cannot be."""
    try:
        app = create_app(settings, alongside=make_worker)
    except (BrokenDocument, OmoideError, WrongSetting) as error:
        raise click.ClickException(str(error)) from error
    collect_garbage()
    return app


def collect_garbage() -> None:
    """Start the collector that rested while everything was made (see `__main__`), and spare it what stays for ever."""
    gc.freeze()
    gc.enable()


def make_worker(parts: Parts) -> Worker:
    settings = parts.settings
    return Worker(
        Tools(parts.store, settings, parts.embedder, parts.tokens, parts.finder, parts.reasoner),
        poll_seconds=settings.job_poll_seconds,
        lease_seconds=settings.job_lease_seconds,
        concurrency=settings.worker_concurrency,
    )
