"""Sizes, durations and counts as text for people."""

from __future__ import annotations


def format_size(count: int) -> str:
    """A human-readable number of bytes: `1.5 MB`."""
    if count < 1_000:
        return f"{count} B"
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1_000:
            break
        value, unit = value / 1_000, larger
    return f"{value:.1f} {unit}"


def format_duration(seconds: float) -> str:
    """A human-readable duration in its largest unit: `3 h`."""
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def pluralize(count: int, one: str) -> str:
    """A count with its noun: `1 job`, `2 jobs`."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def first_line(error: str) -> str:
    """The first line of an error; further lines may quote what others wrote, and are for operators."""
    return error.partition("\n")[0]
