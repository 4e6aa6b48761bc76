"""Text tables for the terminal, and bars (limits) for figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Bar:
    """The limit of a figure: at least or at most `limit`."""

    limit: float
    at_most: bool = False
    unit: str = ""

    def text(self) -> str:
        """`>= 0.5`, with the unit."""
        return f"{'<=' if self.at_most else '>='} {self.limit:,g}{self.unit}"

    def met(self, figure: float) -> bool:
        return figure <= self.limit if self.at_most else figure >= self.limit

    def verdict(self, figure: float) -> str:
        """`>= 0.5 ok` or `>= 0.5 MISSED`."""
        return f"{self.text()} {'ok' if self.met(figure) else 'MISSED'}"


def verdict(figure: float, bar: Bar | None) -> str:
    return bar.verdict(figure) if bar else ""


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: first and last column left-aligned, the others right-aligned.

    Without a title it continues the previous table.
    """
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    last = len(head) - 1
    print(f"\n{title}\n" if title else "")
    for row in [head, ["-" * width for width in widths], *rows]:
        cells = [
            cell.ljust(width) if column in (0, last) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  " + "  ".join(cells).rstrip())
