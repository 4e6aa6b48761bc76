"""What goes wrong around a database without anybody being killed. Each can begin, and be over again."""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

DISK_BYTES = 12 * 1024 * 1024


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A folder on a disk of DISK_BYTES. Skips the test where none can be mounted."""
    folder.mkdir()
    options = f"size={DISK_BYTES}"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def full(db: Path) -> Iterator[None]:
    """The disk of the database is full to the last byte."""
    ballast = db.with_name("ballast")
    file = os.open(ballast, os.O_WRONLY | os.O_CREAT)
    try:
        with contextlib.suppress(OSError):
            while True:
                os.write(file, bytes(512))
        yield
    finally:
        os.close(file)
        ballast.unlink()


@contextlib.contextmanager
def unwritable(path: Path) -> Iterator[None]:
    """A file that not even root can write. Skips the test where files cannot be made so."""
    done = subprocess.run(["chattr", "+i", path], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"files cannot be made immutable here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", path], check=True)


@contextlib.contextmanager
def journal_unwritable(db: Path) -> Iterator[None]:
    """Files that are open for writing stay so, except for this one: all that is written goes there first."""
    with unwritable(Path(f"{db}-wal")):
        yield


@contextlib.contextmanager
def moved(db: Path) -> Iterator[None]:
    """The database file is elsewhere, and an empty one in its place."""
    away = db.rename(db.with_name("away.db"))
    db.touch()
    yield
    away.replace(db)


class Clock:
    """The time of day of the servers that have `core/clock/` on their path and TEST_CLOCK in their environment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set(0)

    def set(self, seconds: int) -> None:
        """Be so many seconds ahead of the true time, or behind for less than 0, at once."""
        flags = os.O_WRONLY | os.O_CREAT  # never shortened: whoever has it mapped reads on
        file = os.open(self.path, flags)
        os.pwrite(file, struct.pack("<q", seconds), 0)
        os.close(file)
