"""Progress bar, error messages and timing of long-running commands."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import click

from omoide.core.errors import OmoideError


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error if it is a terminal. Yields a function of the amount done and the total."""
    with click.progressbar(length=1, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def shown(done: int, of: int) -> None:
            bar.length = max(1, of)
            bar.update(done - bar.pos)

        yield shown


@contextlib.contextmanager
def report_errors() -> Iterator[None]:
    """Exit with an error message of one line if the block raises OmoideError or OSError."""
    try:
        yield
    except OmoideError as error:
        raise click.ClickException(error.detail) from error
    except OSError as error:
        raise click.ClickException(f"{error.filename or 'the file'}: {error.strerror or error}") from error


class Stopwatch:
    """Elapsed time, as text."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def __str__(self) -> str:
        return f"{time.monotonic() - self._begun:.1f} s"
