"""Start-up code of servers and workers: create the application or worker, and report errors in one line."""

from __future__ import annotations

import gc
from collections.abc import Callable

import click
from starlette.types import ASGIApp

from omoide.asgi.app import BackgroundTask, create_app, metrics_of
from omoide.contract.errors import BrokenDocument
from omoide.core.database_location import IS_POSTGRESQL
from omoide.core.errors import OmoideError
from omoide.core.metrics import Metrics
from omoide.core.offload import disable_threads
from omoide.core.settings import Settings, SettingsError
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.factory import embedded_reasoner, make_reasoner
from omoide.services.container import Services, embedder_of, open_services
from omoide.storage.engine import FileIdentity, leader_lock, prepare_store
from omoide.storage.sqlite.open_files import expect
from omoide.worker.loop import Worker
from omoide.worker.tasks import TASKS


def make_metrics(*processes: str) -> Metrics:
    """The server's metrics, with a row for each of these processes."""
    return metrics_of(processes, TASKS)


def make_worker_services(settings: Settings, metrics: Metrics, known: FileIdentity | None = None) -> Services:
    """Create the services of a worker process.

    Its commits do not wait for the disk: a job's result and its removal from the queue are one transaction, so after a
    power loss the job runs again. The next acknowledged write of any process syncs them too. Exits with an error
    message on failure.
    """
    disable_threads()
    try:
        return open_services(settings.model_copy(update={"durability": "normal"}), metrics, known=known)
    except (OmoideError, SettingsError) as error:
        raise click.ClickException(str(error)) from error


def prepare_files(settings: Settings) -> FileIdentity | None:
    """Create or migrate the database, and close it. Returns the file's identity, so that later processes open the same.

    Exits with an error message if the server could not start with these settings.
    """
    try:
        tokens = TokenCounter()
        make_reasoner(settings, tokens, embedded_reasoner(settings, embedder_of(settings, tokens), tokens))
        return prepare_store(settings.db, durability=settings.durability, busy_timeout=settings.busy_timeout_seconds)
    except (OmoideError, SettingsError) as error:
        raise click.ClickException(str(error)) from error


def require_known(settings: Settings, known: FileIdentity | None) -> None:
    """Exit with an error message if the database is no longer the prepared file."""
    try:
        if not IS_POSTGRESQL:
            expect(settings.db_file, known)
    except OmoideError as error:
        raise click.ClickException(str(error)) from error


def make_app(
    settings: Settings,
    alongside: Callable[[Services], BackgroundTask],
    metrics: Metrics,
    known: FileIdentity | None = None,
) -> ASGIApp:
    """Create the application with a background task. Exits with an error message on failure."""
    try:
        app = create_app(settings, alongside=alongside, metrics=metrics, known=known)
    except BrokenDocument as error:
        raise click.ClickException(str(error)) from error
    collect_garbage()
    return app


GARBAGE_OBJECTS = 10_000
"""Objects that are created before the collector looks for cycles among them. A request creates a few hundred and hardly
any cycle; with Python's 700, the collector took a twelfth of the time of small writes."""


def collect_garbage() -> None:
    """Enable the garbage collector (see `__main__`), and freeze all existing objects."""
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)
    gc.enable()


def make_worker(services: Services, *, leading: bool = True) -> Worker:
    """Create a worker; a `leading` one competes for leadership."""
    return Worker(services, leadership=leader_lock.LeaderLock(services.settings.db) if leading else None)
