"""The charts of the report as one image. Requires matplotlib, which only this module uses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measurements import Figure, read
from benchmarks.report import growth
from benchmarks.report.results import Result

OURS, THEIRS, BAR = "#2a6f97", "#a9b4bc", "#c1121f"
WIDTH_INCHES, HEIGHT_INCHES, DOTS_PER_INCH = 15, 17, 110
LIMIT = "bar"


def draw(results: Sequence[Result], file: Path) -> None:
    """Write a PNG with a panel for each measured part."""
    import matplotlib  # optional

    matplotlib.use("Agg")
    from matplotlib import pyplot

    by_part = {result.part.name: result for result in results}
    pyplot.rcParams.update({"font.size": 9, "axes.titlesize": 11, "axes.titleweight": "bold", "axes.axisbelow": True})
    figure, axes = pyplot.subplots(3, 2, figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
    panels = [
        ("http", _against_the_floor),
        ("processes", _processes),
        ("size", _medians),
        ("size", _late),
        ("size", _bytes),
        ("beside", _beside),
    ]
    for place, (name, panel) in zip(axes.flat, panels, strict=True):
        if name in by_part:
            panel(place, by_part[name])
        else:
            place.set_axis_off()
            place.set_title(f"{name}: not measured")
    figure.savefig(file, dpi=DOTS_PER_INCH, metadata={"Software": None})
    pyplot.close(figure)


def _against_the_floor(axes: Any, result: Result) -> None:
    _ratios(axes, read(result.figures), "ratio")
    axes.set_title("Requests per second, as a share of the floor's")


def _processes(axes: Any, result: Result) -> None:
    _ratios(axes, read(result.figures), "ratio")
    axes.set_title("Requests per second of two API processes against one")


def _ratios(axes: Any, figures: Sequence[Figure], measure: str) -> None:
    """A horizontal bar for each ratio, the first on top, with a line at its limit."""
    shown = [figure for figure in figures if figure.measure == measure and isinstance(figure.value, float)]
    values = [float(figure.value or 0) for figure in shown]
    places = range(len(shown), 0, -1)
    bars = axes.barh(places, values, color=OURS, height=0.6)
    axes.bar_label(bars, [f"{value:.2f}" for value in values], padding=4)
    limits = [(place, limit(figure)) for place, figure in zip(places, shown, strict=True)]
    wanted = [(place, at) for place, at in limits if at is not None]
    axes.vlines(
        [at for _, at in wanted],
        [place - 0.42 for place, _ in wanted],
        [place + 0.42 for place, _ in wanted],
        color=BAR, linewidth=2, label=LIMIT,
    )  # fmt: skip
    axes.set_yticks(list(places), [figure.name for figure in shown])
    axes.set_xlim(0, 1.15 * max([*values, *(at for _, at in wanted), 1.0]))
    axes.axvline(1, color="black", linewidth=0.8, linestyle=":")
    axes.grid(axis="x", alpha=0.3)
    if wanted:
        axes.legend(loc="lower right")


def limit(figure: Figure) -> float | None:
    """The number in a bar such as `>= 0.55`."""
    return float(figure.bar.split()[1].replace(",", "")) if figure.bar else None


def _medians(axes: Any, result: Result) -> None:
    _curves(axes, growth.curves(result.figures, "median_ms"))
    axes.set_title("Growth: median of a request")


def _late(axes: Any, result: Result) -> None:
    _curves(axes, growth.curves(result.figures, "p99_ms"))
    axes.set_title("Growth: 99th percentile of a request")


def _curves(axes: Any, curves: dict[str, growth.Curve]) -> None:
    for number, (name, (sizes, values)) in enumerate(curves.items()):
        axes.plot(sizes, values, marker="os^Dv"[number % 5], linestyle=("-", "--")[number // 10 % 2], label=name)
    axes.set_xscale("log")
    _logarithmic(axes, "milliseconds")
    _sizes(axes, sorted({size for sizes, _ in curves.values() for size in sizes}))
    axes.legend(fontsize=8, loc="upper left", framealpha=0.7)


def _bytes(axes: Any, result: Result) -> None:
    found = []
    for key, name, colour in (("file_mb", "database file", OURS), ("resident_mb", "resident memory", BAR)):
        sizes, values = growth.whole_curve(result.figures, key)
        axes.plot(sizes, values, marker="o", label=name, color=colour)
        for size, value in zip(sizes, values, strict=True):
            axes.annotate(f"{value:,.0f}", (size, value), textcoords="offset points", xytext=(0, 6), ha="center")
        found += sizes
    axes.set_xscale("log")
    _logarithmic(axes, "megabytes")
    _sizes(axes, sorted(set(found)))
    axes.set_title("Growth: memory and file")
    axes.legend(loc="upper left")


def _sizes(axes: Any, sizes: Sequence[int]) -> None:
    axes.set_xticks(sizes, [growth.size_text(size) for size in sizes], minor=False)
    axes.set_xticks([], minor=True)
    axes.set_xlabel("messages in the workspace")
    axes.grid(alpha=0.3, which="both")


def _logarithmic(axes: Any, label: str) -> None:
    """A logarithmic y axis with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel(label)


def _beside(axes: Any, result: Result) -> None:
    """Median and 99th percentile of each request, with a reasoning and with an idle worker."""
    figures = read(result.figures)
    values = {(figure.name, figure.measure): figure.value for figure in figures}
    names = list(dict.fromkeys(figure.name for figure in figures if figure.measure == "ratio of medians"))
    groups = [(name, percentile) for name in names for percentile in ("median", "p99")]
    for shift, side, colour in ((-0.2, "resting", THEIRS), (0.2, "reasoning", OURS)):
        heights = [float(values[name, f"{side} {percentile}"] or 0) for name, percentile in groups]
        bars = axes.bar([place + shift for place in range(len(groups))], heights, 0.38, color=colour, label=side)
        axes.bar_label(bars, [f"{height:.1f}" for height in heights], padding=2)
    axes.set_xticks(range(len(groups)), [f"{name},\n{percentile}" for name, percentile in groups])
    _logarithmic(axes, "milliseconds")
    axes.set_title("Beside a worker that reasons, or rests")
    axes.legend()
    axes.grid(axis="y", alpha=0.3)
