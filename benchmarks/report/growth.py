"""The results of `benchmarks.size`: the same operations on databases of growing size.

A list of two kinds of objects: `{"operation", "messages", "median_ms", "p95_ms", "p99_ms"}` and
`{"messages", "resident_mb", "file_mb", "fill_seconds"}`. Searches and memory have bars at a million messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.measurements import Figure, held
from benchmarks.table import Bar

LARGEST = 1_000_000
SEARCHED = Bar(60, at_most=True, unit=" ms")
RESIDENT = Bar(600, at_most=True, unit=" MB")

PERCENTILES = {"median_ms": "median", "p95_ms": "p95", "p99_ms": "p99"}
WHOLE = {"file_mb": ("file", "MB"), "resident_mb": ("resident", "MB"), "fill_seconds": ("filled in", "s")}

Objects = Sequence[dict[str, Any]]
Curve = tuple[list[int], list[float]]


def operations(objects: Objects) -> list[dict[str, Any]]:
    """The objects with latencies of an operation."""
    return [each for each in objects if "operation" in each and each.get("median_ms") is not None]


def tables(objects: Objects) -> list[tuple[str, list[Figure]]]:
    """A table per percentile with a column for each size, and a table of the databases' sizes."""
    found = []
    for key, name in PERCENTILES.items():
        rows = [
            held(each["operation"], size_text(each["messages"]), each[key], "ms", _bar(each, key))
            for each in operations(objects)
            if each.get(key) is not None
        ]
        found.append((name, rows))
    whole = [
        held(size_text(each["messages"]) + " messages", measure, each[key], unit, _bar(each, key))
        for each in objects
        if "operation" not in each
        for key, (measure, unit) in WHOLE.items()
        if each.get(key) is not None
    ]
    return [*found, ("The databases", whole)]


def _bar(each: dict[str, Any], key: str) -> Bar | None:
    """The bar of a figure, if any."""
    if each["messages"] < LARGEST:
        return None
    if key == "resident_mb":
        return RESIDENT
    return SEARCHED if key == "p95_ms" and each.get("operation", "").startswith("search") else None


def curves(objects: Objects, key: str) -> dict[str, Curve]:
    """Operation → (sizes, values of a percentile)."""
    found: dict[str, Curve] = {}
    for each in operations(objects):
        sizes, values = found.setdefault(each["operation"], ([], []))
        sizes.append(each["messages"])
        values.append(each[key])
    return found


def whole_curve(objects: Objects, key: str) -> Curve:
    """(sizes, values) of a figure of the databases."""
    points = [(each["messages"], each[key]) for each in objects if "operation" not in each and key in each]
    return [size for size, _ in points], [value for _, value in points]


def size_text(messages: int) -> str:
    """1 k, 10 k, 1 M."""
    if messages >= 1_000_000:
        return f"{messages / 1_000_000:g} M"
    return f"{messages / 1_000:g} k" if messages >= 1_000 else str(messages)
