"""The database file, the room around it, and the clock that its rows were made by."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from omoide import clock
from omoide.diagnosis.verdict import Figures, Verdict, size, span
from omoide.store import Connection, examination

LEAST_FREE_BYTES = 100_000_000
"""With less room than this on the disk, writes are about to fail."""

MOST_JOURNAL_BYTES = 256_000_000
"""A journal beyond this is not being taken over into the file: somebody reads without an end."""

SANE_SINCE = clock.micros(datetime(2025, 1, 1, tzinfo=UTC))
SANE_UNTIL = clock.micros(datetime(2109, 1, 1, tzinfo=UTC))
"""No clock that is right shows a time before this program was written, or beyond what ids can hold."""

MOST_AHEAD = 2_000_000
"""Microseconds that a row may be ahead of the clock: other machines' clocks are not quite the same."""


def check_database(db: Connection, path: Path) -> Verdict:
    """That the file is sound and of a schema that this program knows. Reads all of the file."""
    schema = examination.schema(db)
    journal = examination.journal(path)
    size_bytes, journal_bytes = path.stat().st_size, journal.stat().st_size if journal.exists() else 0
    figures: Figures = {
        "path": str(path),
        "bytes": size_bytes,
        "journal_bytes": journal_bytes,
        "schema": len(schema.applied),
        "schema_known": len(schema.known),
    }
    shown = f"{path}, {size(size_bytes)}, journal {size(journal_bytes)}, schema {len(schema.applied)}"
    if schema.is_newer:
        text = f"{shown}: a newer version of Omoide has worked on it. This one goes up to schema {len(schema.known)}."
        return Verdict("database", "wrong", text, figures)
    if faults := examination.damage(db):
        text = f"{shown}: it is damaged: {'; '.join(' '.join(fault.split()) for fault in faults)}."
        return Verdict("database", "wrong", text, figures)
    if not schema.applied:
        return Verdict("database", "wrong", f"{path} is a database, but not one of Omoide's.", figures)
    if not schema.is_current:
        text = f"{shown}: it will be brought to schema {len(schema.known)} at the next start."
        return Verdict("database", "notice", text, figures)
    if journal_bytes > MOST_JOURNAL_BYTES:
        text = f"{shown}: the journal does not shrink. Does some other program keep the file open?"
        return Verdict("database", "notice", text, figures)
    return Verdict("database", "good", f"{shown}, sound.", figures)


def check_disk(
    path: Path, *, least_free: int = LEAST_FREE_BYTES, look: Callable[[Path], os.statvfs_result] = os.statvfs
) -> Verdict:
    """That the database can be written, and has room to grow, where the file is or would be made.

    `look` says how a path's file system is mounted.
    """
    folder = path.absolute().parent
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        return Verdict("disk", "wrong", f"{folder} cannot be looked at: {error.strerror}.")
    # One file may be mounted read-only by itself, as containers do.
    paths = [each for each in (folder, path, examination.journal(path)) if each.exists()]
    read_only = next((each for each in paths if look(each).f_flag & os.ST_RDONLY), None)
    figures: Figures = {
        "free_bytes": usage.free,
        "total_bytes": usage.total,
        "read_only": read_only is not None,
    }
    text = f"{size(usage.free)} of {size(usage.total)} free."
    if read_only:
        fault = f"{read_only} is on a read-only file system: no write will succeed."
        return Verdict("disk", "wrong", f"{text} {fault}", figures)
    if closed := next((each for each in paths if not os.access(each, os.W_OK)), None):
        fault = f"{closed} cannot be written by the user who runs this command: is it the server's?"
        return Verdict("disk", "notice", f"{text} {fault}", figures)
    if usage.free < least_free:
        return Verdict("disk", "wrong", f"{text} Writes are about to fail.", figures)
    return Verdict("disk", "good", text, figures)


def check_clock(now: int, newest: int | None) -> Verdict:
    """That the clock shows a time that can be, and has not gone back behind the newest row (None without any)."""
    shown = f"{clock.instant(now):%Y-%m-%d %H:%M:%S} UTC" if 0 <= now < SANE_UNTIL else "a time that cannot be"
    figures: Figures = {"now": now, "newest": newest}
    if not SANE_SINCE <= now < SANE_UNTIL:
        return Verdict("clock", "wrong", f"It shows {shown}, which cannot be right.", figures)
    if newest is not None and newest > now + MOST_AHEAD:
        ahead = span((newest - now) / 1_000_000)
        return Verdict("clock", "wrong", f"It shows {shown}, and the newest row was made {ahead} later.", figures)
    return Verdict("clock", "good", f"It shows {shown}.", figures)
