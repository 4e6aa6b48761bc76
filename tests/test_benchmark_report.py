"""The benchmarks' report says what was measured, and the load measures what a caller waits."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from benchmarks import load
from benchmarks.__main__ import main as benchmarks_main
from benchmarks.measurements import Figure, held, percentile, pivots, read, write
from benchmarks.report import growth
from benchmarks.report.machine import Machine, this_machine
from benchmarks.report.markdown import anchor, markdown
from benchmarks.report.results import Result, results
from benchmarks.report.sections import PARTS, ReportPart
from benchmarks.table import Bar

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
MACHINE = Machine("A processor", 2, 8, "Linux 6.1", "3.11.7", "3.50.0")
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def part(name: str) -> ReportPart:
    return next(each for each in PARTS if each.name == name)


def result(name: str, found: list[Figure] | list[dict[str, Any]], machine: Machine = MACHINE) -> Result:
    objects = [asdict(each) if isinstance(each, Figure) else each for each in found]
    return Result(part(name), part(name).shown(), "2026-01-02", machine, objects)


def test_the_report_is_what_the_kept_results_say() -> None:
    assert (BENCHMARKS / "report.md").read_text() == markdown(results())


def test_what_is_held_against_a_bar_stands_first_and_ratios_before_all() -> None:
    slow = held("start", "median", 2.0, "s", Bar(1.5, at_most=True, unit=" s"))
    ratio = held("found", "ratio", 0.6, bar=Bar(0.55))
    text = markdown([result("start-up", [slow]), result("http", [ratio, held("found", "omoide", 900.0, "/s")])])
    ratio_line = "| found: ratio | 0.600 | >= 0.55 ok | [Over HTTP, against the floor](#over-http-against-the-floor) |"
    slow_line = "| start: median | 2.00 s | <= 1.5 s **MISSED** | [Start-up and depth](#start-up-and-depth) |"
    assert text.index(ratio_line) < text.index(slow_line) < text.index("## Start-up and depth")


def test_each_part_stands_with_the_command_that_measures_it() -> None:
    text = markdown([result(each.name, []) for each in PARTS])
    for each in PARTS:
        assert f"## {each.title}\n\n`python {' '.join(each.command)}`\n" in text


def test_machines_are_told_apart() -> None:
    other = Machine("Another", 64, 512, "Linux 6.2", "3.13.0", "3.51.0")
    text = markdown([result("http", []), result("reason", [], other)])
    assert "Machine (Over HTTP, against the floor): A processor, 2 cores, 8 GB" in text
    assert "Machine (Reasoning without a model): Another, 64 cores, 512 GB" in text


def test_the_machine_is_described_without_its_name() -> None:
    machine = this_machine()
    assert machine.cores > 0
    assert machine.python == platform.python_version()
    assert platform.node() not in machine.text().split()


def test_growth_has_a_column_for_each_size_and_a_table_for_each_percentile() -> None:
    objects: list[dict[str, Any]] = [
        {"operation": "search", "messages": 1_000, "median_ms": 2.0, "p95_ms": 3.0, "p99_ms": 4.0},
        {"operation": "search", "messages": 1_000_000, "median_ms": 20.0, "p95_ms": 30.0, "p99_ms": 40.0},
        {"messages": 1_000_000, "resident_mb": 500.0, "file_mb": 1_100.0, "fill_seconds": 90.0},
    ]  # fmt: skip
    text = markdown([result("size", objects)])
    assert "|  | 1 k, ms | 1 M, ms | bar |\n| --- | ---: | ---: | --- |\n| search | 3.00 | 30.0 | <= 60 ms ok |" in text
    assert "| search | 4.00 | 40.0 |\n" in text
    assert "| 1 M messages | 1,100 | 500 | 90.0 | <= 600 MB ok |" in text
    assert "| search: p95 at 1 M | 30.0 ms | <= 60 ms ok | [Growth](#growth) |" in text
    assert growth.curves(objects, "p99_ms") == {"search": ([1_000, 1_000_000], [4.0, 40.0])}
    assert growth.whole_curve(objects, "file_mb") == ([1_000_000], [1_100.0])


def test_names_with_the_same_measures_share_a_table() -> None:
    figures = [held("a", "rate", 1.0, "/s"), held("b", "rate", 2.0, "/s"), held("c", "time", 3.0, "ms")]
    assert pivots(figures) == [
        (["", "rate, /s", ""], [["a", "1.00", ""], ["b", "2.00", ""]]),
        (["", "time, ms", ""], [["c", "3.00", ""]]),
    ]


def test_figures_are_read_as_they_were_written(tmp_path: Path) -> None:
    figures = [held("a", "rate", 1.5, "/s", Bar(1)), Figure("a", "said", "much"), Figure("a", "missing", None)]
    write(tmp_path / "figures.json", figures)
    assert read(orjson.loads((tmp_path / "figures.json").read_bytes())) == figures


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_the_value_that_so_many_do_not_exceed(share: float, expected: int) -> None:
    assert percentile(range(100, 0, -1), share) == expected


def test_a_part_writes_its_figures_for_the_report(tmp_path: Path) -> None:
    written = tmp_path / "figures.json"
    found = CliRunner().invoke(benchmarks_main, ["--only", "in-process", "--calls", "2", "--json", str(written)])
    assert found.exit_code == 0, found.output
    figures = read(orjson.loads(written.read_bytes()))
    assert [figure.name for figure in figures if figure.measure == "cost" and figure.bar] == ["our contract"]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_every_part_can_be_asked_for_its_figures(part: ReportPart) -> None:
    _, module, *arguments = part.command
    found = importlib.import_module(module)
    if hasattr(found, "__path__"):  # a package is run by its __main__
        found = importlib.import_module(f"{module}.__main__")
    found.main.make_context(module, [*arguments, "--json", "figures.json"])  # or it exits with the usage


def test_a_heading_is_reached_as_pages_make_its_anchor() -> None:
    assert anchor("Over HTTP, against the floor") == "over-http-against-the-floor"


class SlowFirstAnswer:
    """Answers each request, the first of each connection after a while."""

    def __init__(self) -> None:
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        await asyncio.sleep(0.3)
        writer.write(ANSWER)
        while not reader.at_eof():
            try:
                await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            self.asked += 1
            writer.write(ANSWER)
        writer.close()


def test_paced_requests_that_wait_for_their_turn_count_the_waiting() -> None:
    async def play() -> tuple[load.Round, int]:
        slow = SlowFirstAnswer()
        server = await asyncio.start_server(slow.serve, "127.0.0.1", 0)
        requests = itertools.repeat(load.request("GET", "/"))
        async with server:
            played = await load.paced(
                server.sockets[0].getsockname(), requests, 200, connections=1, per_second=20, seconds=0.225
            )
        return played, slow.asked

    played, asked = asyncio.run(play())
    # Due at 0, 50, 100, 150 and 200 ms, and none of them answered before 300 ms.
    assert len(played.latencies) == asked == 5
    assert all(latency > 0.09 for latency in played.latencies)
    assert list(played.latencies) == sorted(played.latencies, reverse=True)


def test_a_wrong_status_ends_the_load() -> None:
    async def play() -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(ANSWER.replace(b"200 OK", b"503 Away"))
            writer.close()

        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            address = server.sockets[0].getsockname()
            await load.rate(address, itertools.repeat(load.request("GET", "/")), 200, connections=1, seconds=5)

    with pytest.raises(load.UnexpectedAnswer, match="503 Away"):
        asyncio.run(play())
