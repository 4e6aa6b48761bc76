"""The report as Markdown: first the figures with bars, ratios before others, then each part with its command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from benchmarks.measurements import Figure, pivots, read
from benchmarks.report import growth
from benchmarks.report.results import Result

PICTURE = "report.png"


def markdown(results: Sequence[Result]) -> str:
    """The complete text, a pure function of the results."""
    return "\n".join(_lines(results)).rstrip() + "\n"


def _lines(results: Sequence[Result]) -> Iterator[str]:
    yield "# What Omoide costs"
    yield ""
    yield (
        "Generated from `results/` by `make bench-all`, which measures everything; `python -m benchmarks.report --only "
        "PART` repeats one part. Ratios compare runs that are adjacent in time and say more than absolute figures, "
        "which depend on the machine."
    )
    yield ""
    for machine in dict.fromkeys(result.machine for result in results):
        of = [result for result in results if result.machine == machine]
        dates = sorted({result.date for result in of})
        which = "" if len(of) == len(results) else f" ({', '.join(result.part.title for result in of)})"
        yield f"Machine{which}: {machine.text()}. Measured {' to '.join(dict.fromkeys((dates[0], dates[-1])))}."
        yield ""
    yield f"![Ratios, growth, memory, and what the worker costs]({PICTURE})"
    yield ""
    yield from _bars(results)
    for result in results:
        yield from _section(result)


def _bars(results: Sequence[Result]) -> Iterator[str]:
    """All figures with bars, ratios first."""
    barred = [(result, figure) for result in results for figure in figures(result) if figure.bar]
    barred.sort(key=lambda pair: not is_ratio(pair[1]))
    yield "## Held against their bars"
    yield ""
    rows = [
        [
            f"{figure.name}: {figure.measure}",
            figure.text(),
            f"{figure.bar} {'ok' if figure.met else '**MISSED**'}",
            f"[{result.part.title}](#{anchor(result.part.title)})",
        ]
        for result, figure in barred
    ]
    yield from table(["what", "figure", "bar", "part"], rows)


def _section(result: Result) -> Iterator[str]:
    yield f"## {result.part.title}"
    yield ""
    yield f"`{result.command}`"
    yield ""
    yield result.part.says
    yield ""
    if result.part.form == "figures":
        for head, rows in pivots(read(result.figures)):
            yield from table(head, rows)
        return
    for title, found in growth.tables(result.figures):
        yield f"**{title}**"
        yield ""
        for head, rows in pivots(found):
            yield from table(head, rows)


def figures(result: Result) -> list[Figure]:
    """All figures of a part; those of growth name their percentile and size in `measure`."""
    if result.part.form == "figures":
        return read(result.figures)
    return [
        replace(figure, measure=f"{title} at {figure.measure}")
        for title, found in growth.tables(result.figures)
        for figure in found
    ]


def is_ratio(figure: Figure) -> bool:
    return figure.unit in ("x", "") and isinstance(figure.value, float)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A Markdown table with right-aligned figures. A last column without a header is dropped."""
    width = len(head) - (not head[-1])
    last_is_text = head[-1] in ("bar", "part", "outcome")
    yield _row(head[:width])
    yield _row(["---", *["---:"] * (width - 1 - last_is_text), *["---"] * last_is_text])
    for row in rows:
        yield _row(row[:width])
    yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def anchor(title: str) -> str:
    """The anchor of a heading on a rendered Markdown page."""
    return "".join(char for char in title.lower().replace(" ", "-") if char.isalnum() or char == "-")
