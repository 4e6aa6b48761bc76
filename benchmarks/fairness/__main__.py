"""`python -m benchmarks.fairness`: measure a light tenant alone and with each heavy tenant."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from benchmarks.child_processes import ClientProcess
from benchmarks.fairness import heavy_tenant, light_tenant, parallel, stubs, tables, tenants
from benchmarks.fairness.run import FairnessOutcome, Setup, light_result, measure
from benchmarks.fairness.scenarios import EVERYTHING, SCENARIOS, searches
from benchmarks.measurements import Figure, json_option, publish, write

SEARCHING, SPREADING, FLOOR = "searching", "spreading", "floor"
SEARCHING_SECONDS = 4.0


def _outcomes(names: tuple[str, ...], setups: list[Setup]) -> Iterator[list[FairnessOutcome]]:
    """For each scenario, its outcomes with all setups."""
    for name in names:
        found = []
        for setup in setups:
            click.echo(f"{name}: {SCENARIOS[name].says} ({setup.checkout or 'this server'})", err=True)
            found.append(measure(SCENARIOS[name], setup))
            publish("", [*tables.light_tenant(found[-1]), *tables.heavy_tenant(found[-1])])
        yield found


def floor(seconds: float) -> Iterator[Figure]:
    """The overhead of the clients themselves."""
    results = []
    with stubs.running(stubs.answer_at_once) as fast:
        plan = light_tenant.LightPlan(
            tenants.tenant(fast, "light", tenants.LIGHT_SOURCE), EVERYTHING, seconds, 5, concludes=False
        )
        results.append(light_result(plan))
        with stubs.running(stubs.answer_at_once) as other:
            load = ClientProcess[heavy_tenant.HeavyResult](
                heavy_tenant.play, tenants.tenant(other, "size", tenants.HEAVY_SOURCE), searches
            )
            try:
                load.wait_until_begun(20)
                results.append(light_result(plan))
            finally:
                load.kill()
    return tables.floor(*results)


@click.command()
@click.option(
    "--only",
    type=click.Choice([*SCENARIOS, SEARCHING, SPREADING, FLOOR]),
    multiple=True,
    help="Measure this part only; repeats.",
)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that serve.")
@click.option("--seconds", type=click.FloatRange(min=0.5), default=10, show_default=True, help="Length of a phase.")
@click.option(
    "--against",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Another checkout with its .venv, measured after this one in each scenario; prints ratios.",
)
@click.option("--same-address", is_flag=True, help="Both tenants call from the same address.")
@click.option("--without-auth", is_flag=True, help="The server takes no keys, so that only workspaces differ.")
@click.option(
    "--keep", type=click.Path(file_okay=False, path_type=Path), help="A folder for filled databases, to use again."
)
@json_option
def main(
    *,
    only: tuple[str, ...],
    workers: int,
    seconds: float,
    against: Path | None,
    same_address: bool,
    without_auth: bool,
    keep: Path | None,
    json_file: Path | None,
) -> None:
    """Print the latencies of a light tenant, alone and with each heavy tenant."""
    chosen = only or (*SCENARIOS, SEARCHING, SPREADING, FLOOR)
    names = tuple(name for name in SCENARIOS if name in chosen)
    source = tenants.LIGHT_SOURCE if same_address else tenants.HEAVY_SOURCE
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as place:
        databases = keep or Path(place)
        setups = [Setup(each, workers, seconds, databases, source, not without_auth) for each in (None, against)]
        setups = setups if against else setups[:1]
        outcomes = [*_outcomes(names, setups)]
        for row in (tables.light_tenant, tables.heavy_tenant):
            figures += [figure for ours, *_ in outcomes for figure in row(ours)]
        others: dict[str, Callable[[], Iterator[Figure]]] = {
            SEARCHING: lambda: parallel.searching(setups[0], SEARCHING_SECONDS),
            SPREADING: lambda: parallel.spreading(setups[0]),
            FLOOR: lambda: floor(seconds),
        }
        for name, measured in others.items():
            if name in chosen:
                found = [*measured()]
                publish(name, found)
                figures += found
    if against:
        publish(f"Against {against}", [*tables.compared(*map(list, zip(*outcomes, strict=True)))])
    if json_file is not None:
        write(json_file, figures)


if __name__ == "__main__":
    main()
