"""Stored results, one file per part (`results/NAME.json`), so that the report can be regenerated without measuring."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from benchmarks.report.machine import Machine, this_machine
from benchmarks.report.sections import PARTS, ReportPart

FOLDER = Path(__file__).parent.parent / "results"
ROOT = FOLDER.parent.parent


@dataclass(frozen=True)
class Result:
    """The figures of a part, with command, date and machine."""

    part: ReportPart
    command: str
    date: str
    machine: Machine
    figures: list[dict[str, Any]]


def measure(part: ReportPart, more: Iterable[str] = (), *, folder: Path = FOLDER) -> None:
    """Run the part, with `more` arguments, and store its figures. Raises CalledProcessError if it fails."""
    asked = [*part.command, *more]
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as place:
        written = Path(place) / "figures.json"
        subprocess.run([sys.executable, *asked, "--json", str(written)], check=True, cwd=ROOT)
        figures = orjson.loads(written.read_bytes())
    kept = {
        "command": " ".join(("python", *asked)),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": asdict(this_machine()),
        "figures": figures,
    }
    folder.mkdir(exist_ok=True)
    (folder / f"{part.name}.json").write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2) + b"\n")


def results(folder: Path = FOLDER) -> list[Result]:
    """The results of all measured parts, in the order of the report."""
    found = []
    for part in PARTS:
        file = folder / f"{part.name}.json"
        if file.exists():
            kept = orjson.loads(file.read_bytes())
            found.append(Result(part, kept["command"], kept["date"], Machine(**kept["machine"]), kept["figures"]))
    return found
