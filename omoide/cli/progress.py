"""What a command that takes a while shows meanwhile: a bar, on a terminal; and the faults that end it, as one line."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import click

from omoide.errors import OmoideError


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, if that is a terminal: within the block, tell it how much is done, and of how much."""
    with click.progressbar(length=1, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:

        def shown(done: int, of: int) -> None:
            bar.length = max(1, of)
            bar.update(done - bar.pos)

        yield shown


@contextlib.contextmanager
def faults_in_one_line() -> Iterator[None]:
    """End the command with one line where the block raises what an operator can do something about."""
    try:
        yield
    except OmoideError as error:
        raise click.ClickException(error.detail) from error
    except OSError as error:
        raise click.ClickException(f"{error.filename or 'the file'}: {error.strerror or error}") from error


class Stopwatch:
    """How long something takes."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def __str__(self) -> str:
        return f"{time.monotonic() - self._begun:.1f} s"
