"""Measured figures, printed as tables and stored as JSON for the report.

A figure belongs to a row (`name`: a workload, a verb, a package) and a column (`measure`: the median, the ratio).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import orjson

from benchmarks.table import Bar, show

json_option = click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures to this file too."
)
"""The option of all benchmarks, used by the report."""


@dataclass(frozen=True)
class Figure:
    """A value and its bar. `value` is None if there is no measurement."""

    name: str
    measure: str
    value: float | str | None
    unit: str = ""
    bar: str = ""
    met: bool | None = None

    def text(self, *, with_unit: bool = True) -> str:
        """The value with about three significant digits."""
        if self.value is None or isinstance(self.value, str):
            return self.value or ""
        digits = (
            0
            if abs(self.value) >= 100 or isinstance(self.value, int)
            else 1
            if abs(self.value) >= 10
            else 3
            if abs(self.value) < 1
            else 2
        )
        return f"{self.value:,.{digits}f}{f' {self.unit}' if with_unit and self.unit else ''}"

    def verdict(self) -> str:
        """`<= 2 ms ok`, `<= 2 ms MISSED`, or nothing."""
        return f"{self.bar} {'ok' if self.met else 'MISSED'}" if self.bar else ""


def held(name: str, measure: str, value: float, unit: str = "", bar: Bar | None = None) -> Figure:
    """A figure, compared with its bar if it has one."""
    return Figure(name, measure, value, unit, bar.text() if bar else "", bar.met(value) if bar else None)


Table = tuple[list[str], list[list[str]]]


def pivots(figures: Sequence[Figure]) -> list[Table]:
    """Tables (header, rows), one for each group of names with the same measures."""
    rows: dict[str, list[Figure]] = {}
    for figure in figures:
        rows.setdefault(figure.name, []).append(figure)
    alike: dict[tuple[str, ...], list[list[Figure]]] = {}
    for row in rows.values():
        alike.setdefault(tuple(figure.measure for figure in row), []).append(row)
    return [_pivot(measures, found) for measures, found in alike.items()]


def _pivot(measures: Sequence[str], rows: Sequence[Sequence[Figure]]) -> Table:
    """A row for each name, a column for each measure, and a last column for the bars."""
    units = [_common_unit(column) for column in zip(*rows, strict=True)]
    lines = [
        [
            row[0].name,
            *(figure.text(with_unit=not unit) for figure, unit in zip(row, units, strict=True)),
            "; ".join(filter(None, (figure.verdict() for figure in row))),
        ]
        for row in rows
    ]
    head = [f"{measure}, {unit}" if unit else measure for measure, unit in zip(measures, units, strict=True)]
    return ["", *head, "bar" if any(line[-1] for line in lines) else ""], lines


def _common_unit(figures: Sequence[Figure]) -> str:
    """The common unit of a column's figures, for its header; empty if they differ."""
    units = {figure.unit for figure in figures}
    return units.pop() if len(units) == 1 else ""


def publish(title: str, figures: Sequence[Figure], json_file: Path | None = None) -> None:
    """Print the figures as tables, and write them to `json_file` if given."""
    for place, (head, rows) in enumerate(pivots(figures)):
        show("" if place else title, head, rows)
    if json_file is not None:
        write(json_file, figures)


def write(json_file: Path, figures: Sequence[Figure]) -> None:
    """Write a JSON list with an object for each figure."""
    json_file.write_bytes(orjson.dumps([asdict(figure) for figure in figures], option=orjson.OPT_INDENT_2) + b"\n")


def read(objects: Sequence[dict[str, Any]]) -> list[Figure]:
    """Figures from the objects that `write` writes."""
    return [Figure(**object) for object in objects]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of the values do not exceed. Raises IndexError if there are none."""
    return sorted(values)[max(0, math.ceil(round(share * len(values), 6)) - 1)]
