"""`python -m benchmarks.report`: run all benchmarks, or the given parts, and generate the report."""

from __future__ import annotations

from pathlib import Path

import click

from benchmarks.report import chart, markdown, results
from benchmarks.report.sections import PARTS

FOLDER = Path(__file__).parent.parent


@click.command()
@click.option(
    "--only", type=click.Choice([part.name for part in PARTS]), multiple=True, help="Measure this part only; repeats."
)
@click.option("--remake", is_flag=True, help="Regenerate the report without measuring.")
@click.argument("more", nargs=-1)
def main(*, only: tuple[str, ...], remake: bool, more: tuple[str, ...]) -> None:
    """Write benchmarks/report.md and benchmarks/report.png.

    MORE, after --, is passed to the part's command, such as `--only size -- --messages 1000`.
    """
    if more and len(only) != 1:
        raise click.UsageError("arguments for a part need exactly one --only")
    for part in PARTS:
        if not remake and (not only or part.name in only):
            click.echo(f"\n{part.title}: {part.shown()}", err=True)
            results.measure(part, more)
    found = results.results()
    (FOLDER / "report.md").write_text(markdown.markdown(found))
    chart.draw(found, FOLDER / markdown.PICTURE)


if __name__ == "__main__":
    main()
