"""`python -m benchmarks`: run all benchmarks or some of them.

On a busy machine, ratios are more reliable than absolute figures, because the compared servers are measured in turn.
"""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks import in_process, over_http, start_up
from benchmarks.measurements import Figure, json_option, write

PARTS = ("http", "in-process", "start-up")


@click.command()
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Measure this part only; may be repeated.")
@click.option("--workload", default="", help="Of the HTTP part, only the workloads with this in their name.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Rounds over HTTP.")
@click.option(
    "--seconds", type=click.FloatRange(min=0.01), default=1.5, show_default=True, help="Length of a round over HTTP."
)
@click.option("--calls", type=click.IntRange(min=2), default=300, show_default=True, help="Rounds in process.")
@click.option("--messages", type=click.IntRange(min=100), default=start_up.MESSAGES, help="In the long session.")
@json_option
def main(
    *, only: tuple[str, ...], workload: str, rounds: int, seconds: float, calls: int, messages: int,
    json_file: Path | None,
) -> None:  # fmt: skip
    """Measure Omoide and its baselines."""
    parts = only or PARTS
    figures: list[Figure] = []
    if "http" in parts:
        figures += over_http.measure(rounds=rounds, seconds=seconds, only=workload)
    if "in-process" in parts:
        figures += in_process.measure(rounds=calls)
    if "start-up" in parts:
        figures += start_up.measure(starts=rounds, rounds=rounds, seconds=seconds, messages=messages)
    if json_file is not None:
        write(json_file, figures)


if __name__ == "__main__":
    main()
