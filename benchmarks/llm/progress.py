"""A progress bar with a note. Without a terminal it is a line for each new note and every tenth of the way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

WIDTH = 24


class Progress:
    """Counts steps of a whole, and says what is being done."""

    def __init__(self, bar: Any, length: int, done: int) -> None:
        self._bar = bar
        self._length = length
        self._done = done

    def step(self, note: str) -> None:
        """One step more is done."""
        self._done += 1
        self._bar.update(1, note)
        if not sys.stderr.isatty() and (self._done * 10 // self._length) > ((self._done - 1) * 10 // self._length):
            self.say(f"{self._done} of {self._length}, {note}")

    def show(self, note: str) -> None:
        """Show the note without a step; on a terminal only."""
        if sys.stderr.isatty():
            self._bar.current_item = note
            self._bar.render_progress()

    def say(self, line: str) -> None:
        """Print a line that stays."""
        click.echo(f"\n{line}" if sys.stderr.isatty() else line, err=True)


@contextmanager
def progress(label: str, length: int, done: int) -> Iterator[Progress]:
    """A bar of `length` steps, of which some are `done`."""
    bar: Any = click.progressbar(
        length=length,
        label=label,
        file=sys.stderr,
        show_eta=True,
        show_pos=True,
        width=WIDTH,
        item_show_func=lambda note: str(note or ""),
    )
    with bar:
        bar.update(done)
        yield Progress(bar, length, done)
