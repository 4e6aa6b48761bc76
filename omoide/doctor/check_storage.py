"""Checks of the database file, the disk and the clock."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from omoide.core import clock
from omoide.core.formatting import format_duration, format_size
from omoide.doctor.check_result import CheckResult, Figures
from omoide.storage import Transaction
from omoide.storage.database_stats import file_bytes
from omoide.storage.sqlite import inspection

LEAST_FREE_BYTES = 100_000_000
"""Free disk space below which writes are about to fail."""

MOST_JOURNAL_BYTES = 256_000_000
"""Journal size above which checkpoints are apparently blocked by a long read."""

SANE_SINCE = clock.to_micros(datetime(2025, 1, 1, tzinfo=UTC))
SANE_UNTIL = clock.to_micros(datetime(2109, 1, 1, tzinfo=UTC))
"""The plausible range of the clock: after this program was written, and within the range of ids."""

MOST_AHEAD = 2 * clock.SECOND
"""Tolerance in microseconds for rows ahead of the clock: clocks of other machines differ slightly."""


def check_database(db: Transaction, path: Path) -> CheckResult:
    """Check the integrity of the file and its schema version. Reads the whole file."""
    schema = inspection.schema(db)
    size_bytes, journal_bytes = file_bytes(path).values()
    figures: Figures = {
        "path": str(path),
        "bytes": size_bytes,
        "journal_bytes": journal_bytes,
        "schema": len(schema.applied),
        "schema_known": len(schema.known),
    }
    shown = f"{path}, {format_size(size_bytes)}, journal {format_size(journal_bytes)}, schema {len(schema.applied)}"
    if schema.is_newer:
        text = f"{shown}: used by a newer version of Omoide. This version supports schema {len(schema.known)}."
        return CheckResult("database", "wrong", text, figures)
    if faults := inspection.damage(db):
        text = f"{shown}: damaged: {'; '.join(' '.join(fault.split()) for fault in faults)}."
        return CheckResult("database", "wrong", text, figures)
    if not schema.applied:
        return CheckResult("database", "wrong", f"{path} is a database, but not an Omoide database.", figures)
    if not schema.is_current:
        text = f"{shown}: to be migrated to schema {len(schema.known)} at the next start."
        return CheckResult("database", "notice", text, figures)
    if journal_bytes > MOST_JOURNAL_BYTES:
        text = f"{shown}: the journal does not shrink. Does another program keep the file open?"
        return CheckResult("database", "notice", text, figures)
    return CheckResult("database", "good", f"{shown}, no damage found.", figures)


def check_disk(
    path: Path, *, least_free: int = LEAST_FREE_BYTES, look: Callable[[Path], os.statvfs_result] = os.statvfs
) -> CheckResult:
    """Check that the database can be written and that the disk has free space.

    `look` returns the mount flags of a path's file system.
    """
    folder = path.absolute().parent
    try:
        usage = shutil.disk_usage(folder)
    except OSError as error:
        return CheckResult("disk", "wrong", f"{folder} cannot be accessed: {error.strerror}.")
    # A single file may be mounted read-only, as in containers.
    paths = [each for each in (folder, path, inspection.journal(path)) if each.exists()]
    read_only = next((each for each in paths if look(each).f_flag & os.ST_RDONLY), None)
    figures: Figures = {
        "free_bytes": usage.free,
        "total_bytes": usage.total,
        "read_only": read_only is not None,
    }
    text = f"{format_size(usage.free)} of {format_size(usage.total)} free."
    if read_only:
        fault = f"{read_only} is on a read-only file system: writes will fail."
        return CheckResult("disk", "wrong", f"{text} {fault}", figures)
    if unwritable := next((each for each in paths if not os.access(each, os.W_OK)), None):
        fault = f"{unwritable} is not writable by the current user: does the server run as another user?"
        return CheckResult("disk", "notice", f"{text} {fault}", figures)
    if usage.free < least_free:
        return CheckResult("disk", "wrong", f"{text} Writes are about to fail.", figures)
    return CheckResult("disk", "good", text, figures)


def check_clock(now: int, newest: int | None) -> CheckResult:
    """Check that the clock is plausible and not behind the newest row (None without rows)."""
    shown = f"{clock.from_micros(now):%Y-%m-%d %H:%M:%S} UTC" if 0 <= now < SANE_UNTIL else "an invalid time"
    figures: Figures = {"now": now, "newest": newest}
    if not SANE_SINCE <= now < SANE_UNTIL:
        return CheckResult("clock", "wrong", f"The clock is wrong: {shown}.", figures)
    if newest is not None and newest > now + MOST_AHEAD:
        ahead = format_duration((newest - now) / clock.SECOND)
        return CheckResult("clock", "wrong", f"{shown}, but the newest row is {ahead} ahead.", figures)
    return CheckResult("clock", "good", f"{shown}.", figures)
